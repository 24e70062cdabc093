// The statistics as a structure: exact for blocks at any time, and of use only when size and version fit.
#include "stats.h"

enum { BLOCKS = 1000 };
static void* blocks[BLOCKS];

static void* free_all(void* arg) {
  (void)arg;
  for (size_t i = 0; i < BLOCKS; i++) mi_free(blocks[i]);
  return NULL;
}

static void* live(void* arg) {
  (void)arg;
  mi_thread_init();
  CHECK(stats_now().threads.current == 2);
  return NULL;
}

int main(void) {
  mi_stats_t stats = mi_stats_init();
  mi_free(mi_malloc(100));
  CHECK(stats.size == sizeof stats && stats.version == MI_STAT_VERSION && sizeof stats == 4168);
  CHECK(mi_stats_get(&stats) && stats.size == sizeof stats && stats.version == MI_STAT_VERSION);
  are_sound(&stats);
  CHECK(stats.reserved.current > 0 && stats.committed.current > 0 && stats.threads.current == 1);
  CHECK(stats.committed.current <= stats.reserved.current && stats.arena_count.total > 0);

  // Blocks of one bin: 100 bytes are 112, in all threads' hands.
  size_t bin = 0;
  while (mi_stats_get_bin_size(bin) < 112) bin++;
  CHECK(mi_stats_get_bin_size(bin) == 112);
  in_thread(live, NULL);
  mi_stats_t before = stats_now();
  for (size_t i = 0; i < BLOCKS; i++) CHECK((blocks[i] = mi_malloc(100)) != NULL);
  mi_stats_t made = stats_now();
  CHECK(made.malloc_bins[bin].current - before.malloc_bins[bin].current == BLOCKS);
  CHECK(made.malloc_bins[bin].total - before.malloc_bins[bin].total == BLOCKS);
  CHECK(made.malloc_normal.current - before.malloc_normal.current == 112 * BLOCKS);
  CHECK(made.malloc_normal_count.total - before.malloc_normal_count.total == BLOCKS);
  CHECK(made.malloc_huge_count.total == before.malloc_huge_count.total);
  in_thread(free_all, NULL);
  mi_stats_t freed = stats_now();
  CHECK(freed.malloc_bins[bin].current == before.malloc_bins[bin].current);
  CHECK(freed.malloc_bins[bin].total == made.malloc_bins[bin].total);
  CHECK(freed.malloc_bins[bin].peak >= made.malloc_bins[bin].current);
  CHECK(freed.malloc_normal.current == before.malloc_normal.current);

  // A block with a page of its own.
  void* p = mi_malloc(MiB);
  CHECK(p != NULL);
  made = stats_now();
  CHECK(made.malloc_huge.current - freed.malloc_huge.current == (int64_t)block_bytes(p));
  CHECK(made.malloc_bins[MI_BIN_HUGE].current - freed.malloc_bins[MI_BIN_HUGE].current == 1);
  CHECK(made.malloc_huge_count.total - freed.malloc_huge_count.total == 1);
  CHECK(made.pages.current == freed.pages.current + 1);
  mi_free(p);
  freed = stats_now();
  CHECK(freed.malloc_huge.current == before.malloc_huge.current);

  // Starting anew keeps what is in use.
  p = mi_malloc(100);
  CHECK(p != NULL);
  before = stats_now();
  mi_stats_reset();
  mi_stats_t anew = stats_now();
  CHECK(anew.malloc_bins[bin].current == before.malloc_bins[bin].current);
  CHECK(anew.malloc_normal.current == before.malloc_normal.current);
  CHECK(anew.malloc_normal.total <= anew.malloc_normal.current && anew.malloc_normal.peak == anew.malloc_normal.current);
  CHECK(anew.committed.current == before.committed.current && anew.threads.current == before.threads.current);
  are_sound(&anew);
  mi_stats_merge();
  mi_stats_t merged = stats_now();
  CHECK(same(&merged.malloc_normal, &anew.malloc_normal));
  mi_free(p);
  are_sound(&merged);
  return 0;
}
