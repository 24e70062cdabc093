// No figure ever becomes negative or passes its peak, whoever frees what, while threads come and go.
#include "stats.h"

enum { THREADS = 6, ROUNDS = 40, BLOCKS = 800 };
static void* passed[THREADS][BLOCKS];

static void* work(void* arg) {
  size_t me = (size_t)(uintptr_t)arg;
  mi_heap_t* heap = mi_heap_new();
  for (size_t i = 0; i < BLOCKS; i++) {
    void* p = mi_heap_malloc(i % 3 == 0 ? heap : NULL, i % 150 == 2 ? 3 * MiB : i * 5 % 3000);
    CHECK(p != NULL);
    mi_free(__atomic_exchange_n(&passed[me][i], p, __ATOMIC_ACQ_REL));
    mi_free(__atomic_exchange_n(&passed[(me + i) % THREADS][i], NULL, __ATOMIC_ACQ_REL));
    if (i % 200 == 0) mi_collect(i % 400 == 0);
  }
  // Full pages are among those that end with the heap.
  if (me % 2 == 0) {
    mi_heap_delete(heap);
    return NULL;
  }
  mi_heap_t* full = mi_heap_new();
  for (size_t i = 0; i < 3000; i++) CHECK(mi_heap_malloc(full, 64) != NULL);
  mi_heap_destroy(full);
  mi_heap_delete(heap);
  return NULL;
}

int main(void) {
  mi_option_set(mi_option_purge_delay, 1);
  for (size_t round = 0; round < ROUNDS; round++) {
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
      CHECK(pthread_create(&threads[i], NULL, work, (void*)(uintptr_t)i) == 0);
    }
    // Also while all is in motion nothing is negative.
    for (int look = 0; look < 5; look++) {
      mi_stats_t stats = stats_now();
      CHECK(stats.committed.current >= 0 && stats.reserved.current >= 0 && stats.pages.current >= 0);
      CHECK(stats.malloc_normal.current >= 0 && stats.malloc_huge.current >= 0 && stats.threads.current >= 1);
      for (size_t i = 0; i <= MI_BIN_HUGE; i++) CHECK(stats.malloc_bins[i].current >= 0);
    }
    for (size_t i = 0; i < THREADS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
    mi_stats_t stats = stats_now();
    are_sound(&stats);
    CHECK(stats.threads.current == 1 && stats.committed.current <= stats.reserved.current);
  }
  return 0;
}
