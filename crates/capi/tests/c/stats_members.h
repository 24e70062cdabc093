// The statistics of the C interface as the tests see them.
#pragma once
#include "check.h"

typedef struct {
  int64_t total, peak, current;
} count_t;

// The names of the members in their order: X for what goes up and down, Y for what only grows.
#define MEMBERS(X, Y)                                                                       \
  X(pages) X(reserved) X(committed) Y(reset) Y(purged) X(page_committed) X(pages_abandoned) \
  X(threads) X(malloc_normal) X(malloc_huge) X(malloc_requested) Y(mmap_calls)              \
  Y(commit_calls) Y(reset_calls) Y(purge_calls) Y(arena_count) Y(malloc_normal_count)       \
  Y(malloc_huge_count) Y(malloc_guarded_count) Y(arena_rollback_count) Y(arena_purges)      \
  Y(pages_extended) Y(pages_retire) Y(page_searches) Y(page_searches_count) X(segments)     \
  X(segments_abandoned) X(segments_cache) X(_segments_reserved) Y(pages_reclaim_on_alloc)   \
  Y(pages_reclaim_on_free) Y(pages_reabandon_full) Y(pages_unabandon_busy_wait)

#define COUNT_MEMBER(name) count_t name;
#define COUNTER_MEMBER(name) int64_t name;
enum { BINS = 74, HUGE_BIN = BINS - 1 };

typedef struct {
  size_t size, version;
  MEMBERS(COUNT_MEMBER, COUNTER_MEMBER)
  count_t reserved_counts[4];
  int64_t reserved_counters[4];
  count_t malloc_bins[BINS], page_bins[BINS];
} mi_stats_t;

typedef void output_fun(const char* text, void* arg);

bool mi_stats_get(mi_stats_t* stats);
char* mi_stats_get_json(size_t size, char* buf);
char* mi_stats_as_json(const mi_stats_t* stats, size_t size, char* buf);
size_t mi_stats_get_bin_size(size_t bin);
void mi_stats_print_out(output_fun* out, void* arg);
void mi_thread_stats_print_out(output_fun* out, void* arg);
void mi_stats_reset(void);
void mi_stats_merge(void);
void mi_process_info(size_t* elapsed, size_t* user, size_t* system, size_t* current_rss,
                     size_t* peak_rss, size_t* current_commit, size_t* peak_commit, size_t* faults);
void mi_process_info_print(void);
void mi_process_info_print_out(output_fun* out, void* arg);
void mi_register_output(output_fun* out, void* arg);
void* mi_malloc(size_t size);
void mi_free(void* p);

static inline mi_stats_t stats_now(void) {
  mi_stats_t stats;
  memset(&stats, 0x5a, sizeof stats);
  stats.size = sizeof stats;
  stats.version = 4;
  CHECK(mi_stats_get(&stats));
  return stats;
}
