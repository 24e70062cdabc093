// Heaps are made, deleted and destroyed while other threads do the same, and while others free blocks
// of theirs.
#include "mi.h"

enum { MAKERS = 4, BLOCKS = 200, ROUNDS = 1500 };

// The blocks of a heap that is about to be deleted, on their way to the threads that free them.
static void* passed[MAKERS][BLOCKS];

static void* free_passed(void* arg) {
  unsigned* done = arg;
  while (!__atomic_load_n(done, __ATOMIC_ACQUIRE)) {
    for (size_t i = 0; i < MAKERS * BLOCKS; i++) {
      void* p = __atomic_exchange_n(&passed[i / BLOCKS][i % BLOCKS], NULL, __ATOMIC_ACQ_REL);
      if (p == NULL) continue;
      CHECK(holds(p, 0x6b));
      mi_free(p);
    }
  }
  return NULL;
}

static void* make_and_end(void* arg) {
  size_t me = (size_t)(uintptr_t)arg;
  for (size_t round = 0; round < ROUNDS; round++) {
    mi_heap_t* heap = mi_heap_new();
    CHECK(heap != NULL);
    for (size_t i = 0; i < BLOCKS; i++) {
      void* p = filled(mi_heap_malloc(heap, (i * 37 + round) % 1500), 0x6b);
      if (round % 2 == 0) continue;
      mi_free(__atomic_exchange_n(&passed[me][i], p, __ATOMIC_ACQ_REL));
    }
    // The blocks of an odd round are being freed by others while their heap is deleted.
    if (round % 2 == 0) mi_heap_destroy(heap);
    if (round % 2 == 1) mi_heap_delete(heap);
  }
  return NULL;
}

int main(void) {
  pthread_t makers[MAKERS], freers[2];
  unsigned done = 0;
  for (size_t i = 0; i < 2; i++) CHECK(pthread_create(&freers[i], NULL, free_passed, &done) == 0);
  for (size_t i = 0; i < MAKERS; i++) {
    CHECK(pthread_create(&makers[i], NULL, make_and_end, (void*)(uintptr_t)i) == 0);
  }
  for (size_t i = 0; i < MAKERS; i++) CHECK(pthread_join(makers[i], NULL) == 0);
  __atomic_store_n(&done, 1, __ATOMIC_RELEASE);
  for (size_t i = 0; i < 2; i++) CHECK(pthread_join(freers[i], NULL) == 0);
  for (size_t i = 0; i < MAKERS * BLOCKS; i++) mi_free(passed[i / BLOCKS][i % BLOCKS]);
  return 0;
}
