// Any thread allocates from any heap, and any other frees what it made.
#include "mi.h"

enum { THREADS = 8, HEAPS = 5, BLOCKS = 2000 };
static mi_heap_t* heaps[HEAPS];
static void* blocks[THREADS][BLOCKS];

static size_t size_of(size_t i) { return i % 250 == 0 ? 100 * KiB : i * 7 % 3000; }

static void* allocate(void* slot) {
  size_t me = (size_t)(uintptr_t)slot;
  for (size_t i = 0; i < BLOCKS; i++) {
    mi_heap_t* heap = heaps[(i + me) % HEAPS];
    blocks[me][i] = filled(mi_heap_malloc(heap, size_of(i)), (int)(i + me) % 256);
    CHECK(mi_heap_of(blocks[me][i]) == heap);
    // Some of the thread's own blocks go at once.
    if (i % 7 == 3) {
      mi_free(blocks[me][i - 1]);
      blocks[me][i - 1] = NULL;
    }
  }
  return NULL;
}

static void* release(void* slot) {
  size_t me = (size_t)(uintptr_t)slot, from = (me + 1) % THREADS;
  for (size_t i = 0; i < BLOCKS; i++) {
    if (blocks[from][i] == NULL) continue;
    CHECK(holds(blocks[from][i], (int)(i + from) % 256));
    mi_free(blocks[from][i]);
  }
  return NULL;
}

static void in_threads(void* (*run)(void*)) {
  pthread_t threads[THREADS];
  for (size_t i = 0; i < THREADS; i++) {
    CHECK(pthread_create(&threads[i], NULL, run, (void*)(uintptr_t)i) == 0);
  }
  for (size_t i = 0; i < THREADS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
}

int main(void) {
  for (size_t i = 1; i < HEAPS; i++) CHECK((heaps[i] = mi_heap_new()) != NULL);
  heaps[0] = mi_heap_main();
  for (int round = 0; round < 10; round++) {
    in_threads(allocate);
    in_threads(release);
  }
  in_threads(allocate);
  for (size_t i = 1; i < HEAPS; i++) mi_heap_delete(heaps[i]);
  in_threads(release);
  return 0;
}
