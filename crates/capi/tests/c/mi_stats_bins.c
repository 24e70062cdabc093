// The bins of the statistics are mimalloc's: a word apart at first, then four to a doubling.
#include "stats.h"

int main(void) {
  size_t expected[] = {8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512};
  for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
    CHECK(mi_stats_get_bin_size(i + 1) == expected[i]);
  }
  for (size_t bin = 2; bin <= 60; bin++) CHECK(mi_stats_get_bin_size(bin) > mi_stats_get_bin_size(bin - 1));
  for (size_t bin = 12; bin <= 56; bin++) {
    CHECK(mi_stats_get_bin_size(bin + 4) == 2 * mi_stats_get_bin_size(bin));
  }
  CHECK(mi_stats_get_bin_size(60) == 512 * KiB && mi_stats_get_bin_size(MI_BIN_HUGE) == 512 * KiB + 8);
  CHECK(mi_stats_get_bin_size(74) == 0 && mi_stats_get_bin_size(SIZE_MAX) == 0);

  // Each size is counted in the smallest bin that holds its block.
  for (size_t size = 1; size <= 64 * KiB; size += size / 9 + 1) {
    mi_stats_t before = stats_now();
    void* p = mi_malloc(size);
    mi_stats_t after = stats_now();
    size_t bin = 1;
    while (mi_stats_get_bin_size(bin) < block_bytes(p)) bin++;
    for (size_t i = 0; i <= MI_BIN_HUGE; i++) {
      CHECK(after.malloc_bins[i].current - before.malloc_bins[i].current == (i == bin));
    }
    mi_free(p);
  }
  return 0;
}
