// Heaps and sub-processes have statistics of their own.
#include "stats.h"

// Of 48 bytes, padding included.
enum { BLOCKS = 500, SMALL = 48 - PADDING };
static mi_heap_t* heap;
static void* blocks[BLOCKS];

static mi_stats_t of_heap(mi_heap_t* which) {
  mi_stats_t_decl(stats);
  CHECK(mi_heap_stats_get(which, &stats) && stats.size == sizeof stats);
  are_sound(&stats);
  return stats;
}

static mi_stats_t of_subproc(mi_subproc_id_t which) {
  mi_stats_t_decl(stats);
  CHECK(mi_subproc_stats_get(which, &stats) && stats.size == sizeof stats);
  are_sound(&stats);
  return stats;
}

static void* fill(void* arg) {
  (void)arg;
  for (size_t i = 0; i < BLOCKS; i++) {
    blocks[i] = mi_heap_malloc(heap, i % 100 == 0 ? 200 * KiB : SMALL);
    CHECK(blocks[i] != NULL);
  }
  return NULL;
}

static void* inhabit(void* subproc) {
  mi_subproc_add_current_thread(subproc);
  mi_heap_t* own = mi_heap_new();
  for (size_t i = 0; i < BLOCKS; i++) CHECK(mi_malloc(SMALL) != NULL && mi_heap_malloc(own, SMALL) != NULL);
  mi_stats_t mine = stats_now(), all = of_subproc(subproc);
  CHECK(mine.malloc_normal.current >= all.malloc_normal.current);
  return NULL;
}

int main(void) {
  heap = mi_heap_new();
  mi_stats_t empty = of_heap(heap);
  CHECK(empty.malloc_normal.total == 0 && empty.malloc_huge.total == 0 && empty.pages.current == 0);
  fill(NULL);
  mi_stats_t stats = of_heap(heap);
  CHECK(stats.malloc_normal.current == 48 * (BLOCKS - BLOCKS / 100) && stats.malloc_huge_count.total == BLOCKS / 100);
  CHECK(stats.malloc_huge.current >= BLOCKS / 100 * 200 * 1024 && stats.pages.current > BLOCKS / 100);

  // The figures of all threads are a heap's, also when they only free, and after their end.
  mi_stats_t process = stats_now();
  for (size_t i = 0; i < BLOCKS; i++) mi_free(blocks[i]);
  in_thread(fill, NULL);
  stats = of_heap(heap);
  CHECK(stats.malloc_normal.current == 48 * (BLOCKS - BLOCKS / 100) && stats.malloc_huge.current > 0);
  CHECK(stats.malloc_normal_count.total == 2 * (BLOCKS - BLOCKS / 100));
  mi_stats_t later = stats_now();
  CHECK(later.malloc_bins[6].total - process.malloc_bins[6].total >= BLOCKS - BLOCKS / 100);

  // The main heap's are those of plain allocation.
  mi_stats_t main_before = of_heap(NULL);
  void* p = mi_malloc(SMALL);
  stats = of_heap(mi_heap_main());
  CHECK(stats.malloc_bins[6].current - main_before.malloc_bins[6].current == 1);
  mi_free(p);

  // A sub-process counts all its heaps, and exclusively what no living heap counts.
  mi_stats_t sum = of_subproc(mi_subproc_main());
  stats = stats_now();
  CHECK(same(&sum.malloc_normal, &stats.malloc_normal) && same(&sum.malloc_huge, &stats.malloc_huge));
  mi_stats_t_decl(exclusive);
  CHECK(mi_subproc_stats_get_exclusive(mi_subproc_main(), &exclusive));
  are_sound(&exclusive);
  mi_stats_t of_one = of_heap(heap);
  CHECK(exclusive.malloc_normal.current + of_one.malloc_normal.current <= sum.malloc_normal.current);

  // Merging moves the figures from the heap to its sub-process, and changes no sum.
  mi_heap_stats_merge_to_subproc(heap);
  stats = of_heap(heap);
  CHECK(stats.malloc_normal_count.total <= of_one.malloc_normal_count.total);
  mi_stats_t merged = of_subproc(NULL);
  CHECK(merged.malloc_normal.current == sum.malloc_normal.current);
  CHECK(merged.malloc_normal.total == sum.malloc_normal.total);
  for (size_t i = 0; i < BLOCKS; i++) mi_free(blocks[i]);
  stats = of_heap(heap);
  mi_heap_delete(heap);
  stats = of_subproc(NULL);
  CHECK(stats.malloc_normal.total >= sum.malloc_normal.total);

  // Another sub-process has other figures.
  mi_subproc_id_t subproc = mi_subproc_new();
  mi_stats_t before = of_subproc(NULL);
  in_thread(inhabit, subproc);
  stats = of_subproc(subproc);
  CHECK(stats.malloc_bins[6].current >= 2 * BLOCKS);
  mi_stats_t after = of_subproc(NULL);
  CHECK(after.malloc_bins[6].current - before.malloc_bins[6].current < BLOCKS);
  mi_subproc_delete(subproc);
  return 0;
}
