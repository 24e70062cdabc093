/* The statistics as figures. docs/c-api.md says what each one counts.

   A getter fills a structure whose `size` and `version` the caller has set, as mi_stats_t_decl and
   mi_stats_init do; else it returns false. Text in JSON goes to `buf` when it is not NULL and
   `buf_size` is not 0, cut off and terminated if it is too small; otherwise it is allocated and
   mi_free frees it. */
#ifndef MIMALLOC_STATS_H
#define MIMALLOC_STATS_H

#include "mimalloc.h"

#include <stdint.h>

/* The version of mi_stats_t. */
#define MI_STAT_VERSION 4

/* The last bin: all blocks that are too large for a bin of their own size. */
#define MI_BIN_HUGE (73U)

#ifdef __cplusplus
extern "C" {
#endif

/* A quantity that grows and shrinks. */
typedef struct mi_stat_count_s {
  int64_t total;   /* all that was added */
  int64_t peak;    /* the most there was at a time */
  int64_t current; /* what there is */
} mi_stat_count_t;

/* A quantity that only grows. */
typedef struct mi_stat_counter_s {
  int64_t total;
} mi_stat_counter_t;

/* The statistics of the process, a sub-process, or a heap; 4168 bytes. Quantities of memory are in
   bytes. */
typedef struct mi_stats_s {
  size_t size;    /* sizeof(mi_stats_t) */
  size_t version; /* MI_STAT_VERSION */

  mi_stat_count_t pages;
  mi_stat_count_t reserved;
  mi_stat_count_t committed;
  mi_stat_counter_t reset;
  mi_stat_counter_t purged;
  mi_stat_count_t page_committed;
  mi_stat_count_t pages_abandoned;
  mi_stat_count_t threads;
  mi_stat_count_t malloc_normal;
  mi_stat_count_t malloc_huge;
  mi_stat_count_t malloc_requested;

  mi_stat_counter_t mmap_calls;
  mi_stat_counter_t commit_calls;
  mi_stat_counter_t reset_calls;
  mi_stat_counter_t purge_calls;
  mi_stat_counter_t arena_count;
  mi_stat_counter_t malloc_normal_count;
  mi_stat_counter_t malloc_huge_count;
  mi_stat_counter_t malloc_guarded_count;
  mi_stat_counter_t arena_rollback_count;
  mi_stat_counter_t arena_purges;
  mi_stat_counter_t pages_extended;
  mi_stat_counter_t pages_retire;
  mi_stat_counter_t page_searches;
  mi_stat_counter_t page_searches_count;

  mi_stat_count_t segments;
  mi_stat_count_t segments_abandoned;
  mi_stat_count_t segments_cache;
  mi_stat_count_t _segments_reserved;

  mi_stat_counter_t pages_reclaim_on_alloc;
  mi_stat_counter_t pages_reclaim_on_free;
  mi_stat_counter_t pages_reabandon_full;
  mi_stat_counter_t pages_unabandon_busy_wait;

  mi_stat_count_t _stat_reserved[4];
  mi_stat_counter_t _stat_counter_reserved[4];

  mi_stat_count_t malloc_bins[MI_BIN_HUGE + 1];
  mi_stat_count_t page_bins[MI_BIN_HUGE + 1];
} mi_stats_t;

/* The statistics of the calling thread's sub-process and its heaps. */
MI_FN bool mi_stats_get(mi_stats_t* stats) MI_FN_NOEXCEPT;

/* mi_stats_get as JSON; NULL on failure. */
MI_FN char* mi_stats_get_json(size_t buf_size, char* buf) MI_FN_NOEXCEPT;

/* The figures of a structure as JSON; NULL on failure. */
MI_FN char* mi_stats_as_json(mi_stats_t* stats, size_t buf_size, char* buf) MI_FN_NOEXCEPT;

/* The size in bytes of the blocks of a bin; 0 if there is no such bin. */
MI_FN size_t mi_stats_get_bin_size(size_t bin) MI_FN_NOEXCEPT;

/* The statistics of a heap. */
MI_FN bool mi_heap_stats_get(mi_heap_t* heap, mi_stats_t* stats) MI_FN_NOEXCEPT;

/* mi_heap_stats_get as JSON; NULL on failure. */
MI_FN char* mi_heap_stats_get_json(mi_heap_t* heap, size_t buf_size, char* buf) MI_FN_NOEXCEPT;

/* The statistics of a sub-process and its heaps. */
MI_FN bool mi_subproc_stats_get(mi_subproc_id_t subproc_id, mi_stats_t* stats) MI_FN_NOEXCEPT;

/* The statistics of a sub-process without those of its living heaps. */
MI_FN bool mi_subproc_stats_get_exclusive(mi_subproc_id_t subproc_id, mi_stats_t* stats) MI_FN_NOEXCEPT;

/* mi_subproc_stats_get as JSON; NULL on failure. */
MI_FN char* mi_subproc_stats_get_json(mi_subproc_id_t subproc_id, size_t buf_size, char* buf) MI_FN_NOEXCEPT;

#ifdef __cplusplus
}
#endif

/* A structure ready for a getter. */
static inline mi_stats_t mi_stats_init(void) {
#ifdef __cplusplus
  mi_stats_t stats = mi_stats_t();
#else
  mi_stats_t stats = {0};
#endif
  stats.size = sizeof(mi_stats_t);
  stats.version = MI_STAT_VERSION;
  return stats;
}

/* Declares a variable that is ready for a getter. */
#define mi_stats_t_decl(name) mi_stats_t name = mi_stats_init()

#endif /* MIMALLOC_STATS_H */
