// Fills a structure of the header with a different number in each member, and prints it as JSON; then the statistics
// of one moment, one member a line, and the JSON of these.
#include "mi.h"

#include <inttypes.h>
#include <mimalloc-stats.h>

// The members in their order: C goes up and down, N only grows.
#define MEMBERS(C, N)                                                                       \
  C(pages) C(reserved) C(committed) N(reset) N(purged) C(page_committed) C(pages_abandoned) \
  C(threads) C(malloc_normal) C(malloc_huge) C(malloc_requested) N(mmap_calls)              \
  N(commit_calls) N(reset_calls) N(purge_calls) N(arena_count) N(malloc_normal_count)       \
  N(malloc_huge_count) N(malloc_guarded_count) N(arena_rollback_count) N(arena_purges)      \
  N(pages_extended) N(pages_retire) N(page_searches) N(page_searches_count) C(segments)     \
  C(segments_abandoned) C(segments_cache) C(_segments_reserved) N(pages_reclaim_on_alloc)   \
  N(pages_reclaim_on_free) N(pages_reabandon_full) N(pages_unabandon_busy_wait)

static int64_t next = 1;

static mi_stat_count_t another_count(void) {
  next += 3;
  return (mi_stat_count_t){.total = next - 3, .peak = next - 2, .current = next - 1};
}

static mi_stat_counter_t another_counter(void) { return (mi_stat_counter_t){.total = next++}; }

static void print_count(const char* name, mi_stat_count_t value) {
  printf("%s %" PRId64 " %" PRId64 " %" PRId64 "\n", name, value.total, value.peak, value.current);
}

#define FILL_COUNT(name) stats->name = another_count();
#define FILL_COUNTER(name) stats->name = another_counter();
#define PRINT_COUNT(name) print_count(#name, stats->name);
#define PRINT_COUNTER(name) printf("%s %" PRId64 "\n", #name, stats->name.total);

static void fill(mi_stats_t* stats) {
  MEMBERS(FILL_COUNT, FILL_COUNTER)
  for (size_t bin = 0; bin <= MI_BIN_HUGE; bin++) stats->malloc_bins[bin] = another_count();
  for (size_t bin = 0; bin <= MI_BIN_HUGE; bin++) stats->page_bins[bin] = another_count();
}

static void print(mi_stats_t* stats) {
  MEMBERS(PRINT_COUNT, PRINT_COUNTER)
  for (size_t bin = 0; bin <= MI_BIN_HUGE; bin++) {
    char name[64];
    snprintf(name, sizeof name, "malloc_bins/%zu", bin);
    print_count(name, stats->malloc_bins[bin]);
    snprintf(name, sizeof name, "page_bins/%zu", bin);
    print_count(name, stats->page_bins[bin]);
  }
  char* json = mi_stats_as_json(stats, 0, NULL);
  printf("json\n%send\n", json);
  mi_free(json);
}

int main(void) {
  static void* blocks[3000];
  mi_stats_t stats = mi_stats_init();
  fill(&stats);
  print(&stats);
  for (size_t i = 0; i < 3000; i++) CHECK((blocks[i] = mi_malloc(i * 37)) != NULL);
  for (size_t i = 0; i < 3000; i += 2) mi_free(blocks[i]);
  CHECK(mi_stats_get(&stats));
  print(&stats);
  return 0;
}
