// Tens of thousands of heaps are alive at once, on one thread and on several.
#include "mi.h"

enum { HEAPS = 65536, THREADS = 4, EACH = 1100 };
static mi_heap_t* heaps[HEAPS];
static void* blocks[HEAPS];

static void make(size_t first, size_t count, size_t step) {
  for (size_t i = first; i < first + count; i++) {
    heaps[i] = mi_heap_new();
    CHECK(heaps[i] != NULL);
    if (i % step == 0) blocks[i] = filled(mi_heap_malloc(heaps[i], i % 500), (int)(i % 251));
  }
}

static void end(size_t first, size_t count, size_t step) {
  for (size_t i = first; i < first + count; i++) {
    bool holder = i % step == 0, deleted = i / step % 2 == 0;
    CHECK(!holder || (holds(blocks[i], (int)(i % 251)) && mi_heap_of(blocks[i]) == heaps[i]));
    deleted ? mi_heap_delete(heaps[i]) : mi_heap_destroy(heaps[i]);
    if (holder && deleted) mi_free(blocks[i]);
  }
}

static void* one_thread(void* arg) {
  size_t first = EACH * (size_t)(uintptr_t)arg;
  make(first, EACH, 1);
  end(first, EACH, 1);
  return NULL;
}

int main(void) {
  make(0, HEAPS, 32);
  end(0, HEAPS, 32);
  pthread_t threads[THREADS];
  for (size_t i = 0; i < THREADS; i++) {
    CHECK(pthread_create(&threads[i], NULL, one_thread, (void*)(uintptr_t)i) == 0);
  }
  for (size_t i = 0; i < THREADS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
  return 0;
}
