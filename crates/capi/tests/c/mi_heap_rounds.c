// Eight threads allocate from one heap and a ninth destroys it, over and over: memory stays flat.
#include "mi.h"

#ifndef ROUNDS
#define ROUNDS 10000
#endif
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
// Sanitizers have memory of their own, and don't see how the library orders a free before an allocation.
#define SANITIZED true
#else
#define SANITIZED false
#endif
enum { THREADS = 8, BLOCKS = 24 };

static mi_heap_t* heap;
static pthread_barrier_t made, used;

static void* allocate(void* arg) {
  size_t me = (size_t)(uintptr_t)arg;
  for (size_t round = 0; round < ROUNDS; round++) {
    char* blocks[BLOCKS];
    pthread_barrier_wait(&made);
    for (size_t i = 0; i < BLOCKS; i++) {
      size_t size = 1 + (i * 97 + round * 31 + me) % (i == 0 ? 100 * KiB : 2000);
      blocks[i] = mi_heap_malloc(heap, size);
      CHECK(blocks[i] != NULL);
      memset(blocks[i], (int)(me + i), size);
      if (i % 5 == 4 && !SANITIZED) {
        mi_free(blocks[i - 1]);
        blocks[i - 1] = blocks[i];
      }
    }
    for (size_t i = 0; i < BLOCKS; i++) CHECK(blocks[i][0] == (char)(me + i) || (i % 5 == 3 && !SANITIZED));
    pthread_barrier_wait(&used);
  }
  return NULL;
}

int main(void) {
  pthread_t threads[THREADS];
  size_t peaks[2] = {0, 0};
  CHECK(pthread_barrier_init(&made, NULL, THREADS + 1) == 0);
  CHECK(pthread_barrier_init(&used, NULL, THREADS + 1) == 0);
  for (size_t i = 0; i < THREADS; i++) {
    CHECK(pthread_create(&threads[i], NULL, allocate, (void*)(uintptr_t)i) == 0);
  }
  for (size_t round = 0; round < ROUNDS; round++) {
    heap = mi_heap_new();
    CHECK(heap != NULL);
    pthread_barrier_wait(&made);
    pthread_barrier_wait(&used);
    mi_heap_destroy(heap);
    size_t now = resident();
    size_t* peak = &peaks[round >= ROUNDS / 2];
    if (now > *peak) *peak = now;
  }
  CHECK(SANITIZED || peaks[1] < peaks[0] + 4 * MiB);
  for (size_t i = 0; i < THREADS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
  return 0;
}
