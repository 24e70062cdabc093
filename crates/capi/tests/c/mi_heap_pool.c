// Threads of a pool make, use and end short-lived heaps by the thousand; then a large block of another
// thread is freed. Memory stays flat.
#include "mi.h"

enum { THREADS = 4, HEAPS = 3000 };
static void* large;
static size_t warm;

static void* work(void* arg) {
  size_t me = (size_t)(uintptr_t)arg;
  for (size_t i = 0; i < HEAPS; i++) {
    mi_heap_t* heap = mi_heap_new();
    CHECK(heap != NULL);
    for (size_t size = 1; size < 20000; size *= 3) {
      void* p = filled(mi_heap_malloc(heap, size + me), 0x2e);
      if (i % 2 == 0) mi_free(p);
    }
    mi_heap_destroy(heap);
    if (me == 0 && i == HEAPS / 10) warm = resident();
  }
  return NULL;
}

static void* free_large(void* arg) {
  (void)arg;
  mi_free(large);
  return NULL;
}

int main(void) {
  pthread_t threads[THREADS];
  large = mi_malloc(80 * MiB);
  CHECK(large != NULL);
  memset(large, 0x2e, 8 * MiB);
  for (size_t i = 0; i < THREADS; i++) {
    CHECK(pthread_create(&threads[i], NULL, work, (void*)(uintptr_t)i) == 0);
  }
  for (size_t i = 0; i < THREADS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
  CHECK(resident() < warm + 16 * MiB);
  in_thread(free_large, NULL);
  CHECK(!mi_is_in_heap_region(large));
  return 0;
}
