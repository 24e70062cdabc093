// Several threads have a heap each in one arena, and use it up together without getting in each other's way.
#include "mi.h"

enum { THREADS = 6, BLOCKS = 4000 };
static mi_arena_id_t arena;
static void* blocks[THREADS][BLOCKS];

static size_t size_of(size_t i) { return i % 400 == 1 ? 300 * KiB : i % 2000; }

static void* work(void* arg) {
  size_t me = (size_t)(uintptr_t)arg;
  for (int round = 0; round < 10; round++) {
    mi_heap_t* heap = mi_heap_new_in_arena(arena);
    CHECK(heap != NULL);
    for (size_t i = 0; i < BLOCKS; i++) {
      void* p = mi_heap_malloc(heap, size_of(i));
      CHECK(p == NULL || mi_arena_contains(arena, p));
      if (p != NULL) filled(p, (int)(me + i) % 256);
      if (p != NULL && i % 3 == 0) mi_free(p), p = NULL;
      blocks[me][i] = p;
    }
    for (size_t i = 0; i < BLOCKS; i++) CHECK(blocks[me][i] == NULL || holds(blocks[me][i], (int)(me + i) % 256));
    mi_heap_destroy(heap);
  }
  return NULL;
}

int main(void) {
  pthread_t threads[THREADS];
  CHECK(mi_reserve_os_memory_ex(40 * MiB, false, false, true, &arena) == 0);
  for (size_t i = 0; i < THREADS; i++) {
    CHECK(pthread_create(&threads[i], NULL, work, (void*)(uintptr_t)i) == 0);
  }
  for (size_t i = 0; i < THREADS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
  mi_collect(true);
  mi_heap_t* heap = mi_heap_new_in_arena(arena);
  CHECK(mi_heap_malloc(heap, 30 * MiB) != NULL);
  mi_heap_destroy(heap);
  return 0;
}
