// What source files written for mimalloc 2.1.9 and 2.4.1 contain: each must compile, in C and in C++.
#pragma once
#include "mimalloc-stats.h"
#include "mimalloc.h"

struct point {
  int x, y;
};

// The same values have had several names.
static const mi_option_t old_names[] = {
    mi_option_eager_region_commit, mi_option_reset_decommits, mi_option_large_os_pages,
    mi_option_abandoned_page_reset, mi_option_reset_delay, mi_option_limit_os_alloc,
};

static inline bool on_block(const mi_heap_t* heap, const mi_heap_area_t* area, void* block,
                            size_t block_size, void* arg) {
  (void)heap, (void)block_size, (void)arg;
  return block == NULL || area->heap_tag == 0;
}

static inline bool on_commit(bool commit, void* start, size_t size, bool* is_zero, void* arg) {
  (void)start, (void)size, (void)arg;
  if (commit) *is_zero = false;
  return true;
}

static inline bool on_heap(mi_heap_t* heap, void* arg) { return heap != arg; }
static inline void on_text(const char* msg, void* arg) { (void)msg, (void)arg; }
static inline void on_error(int err, void* arg) { (void)err, (void)arg; }
static inline void on_free(bool force, unsigned long long heartbeat, void* arg) {
  (void)force, (void)heartbeat, (void)arg;
}

static inline void callbacks(void) {
  mi_block_visit_fun* visitor = &on_block;
  mi_register_deferred_free(on_free, NULL);
  mi_register_output(&on_text, NULL);
  mi_register_error(on_error, NULL);
  mi_heap_visit_blocks(mi_heap_get_default(), true, visitor, NULL);
  mi_abandoned_visit_blocks(mi_subproc_main(), -1, true, on_block, NULL);
  mi_subproc_visit_heaps(mi_subproc_current(), on_heap, NULL);
  mi_arena_id_t arena = 0;
  mi_manage_memory(NULL, 0, true, false, true, -1, true, on_commit, NULL, &arena);
}

static inline void show_arenas(bool inuse) {
  mi_debug_show_arenas();
  mi_debug_show_arenas(inuse);
  mi_debug_show_arenas(inuse, true, false);
  void (*show)(void) = mi_debug_show_arenas;
  show();
}

static inline void typed(mi_heap_t* heap) {
  struct point* p = mi_malloc_tp(struct point);
  p = mi_reallocn_tp(p, struct point, 2);
  mi_free(p);
  p = mi_zalloc_tp(struct point);
  p = mi_recalloc_tp(p, struct point, 1 + 1);
  mi_free(p);
  mi_free(mi_calloc_tp(struct point, 3));
  mi_free(mi_mallocn_tp(struct point, 3));
  p = mi_heap_malloc_tp(heap, struct point);
  p = mi_heap_reallocn_tp(heap, p, struct point, 2);
  mi_free(p);
  p = mi_heap_zalloc_tp(heap, struct point);
  p = mi_heap_recalloc_tp(heap, p, struct point, 2);
  mi_free(p);
  mi_free(mi_heap_calloc_tp(heap, struct point, 3));
  mi_free(mi_heap_mallocn_tp(heap, struct point, 3));
}

static inline void theaps(mi_heap_t* heap) {
  mi_theap_t* theap = mi_heap_theap(heap);
  mi_theap_t* before = mi_theap_set_default(theap);
  void* p = mi_theap_malloc(mi_theap_get_default(), sizeof(struct point));
  p = mi_theap_realloc(theap, p, 100);
  mi_theap_collect(theap, false);
  mi_theap_set_default(before);
  mi_free(p);
}

static inline int64_t statistics(void) {
  mi_stats_t_decl(declared);
  mi_stats_t made = mi_stats_init();
  if (!mi_stats_get(&declared) || !mi_stats_get(&made)) return -1;
  mi_stats_print(NULL);
  mi_stats_print_out(on_text, NULL);
  return declared.malloc_bins[MI_BIN_HUGE].current + made.pages.peak;
}

static inline long options(void) {
  mi_option_set(old_names[0], mi_option_get_clamp(mi_option_purge_delay, 0, 10));
  mi_option_set_enabled_default(mi_option_allow_thp, false);
  return mi_option_is_enabled(mi_option_target_segments_per_thread) ? _mi_option_last : 0;
}

static inline void reserve(void* start, size_t size) {
  mi_arena_id_t arena;
  if (mi_reserve_os_memory_ex(size, false, false, true, &arena) != 0) return;
  mi_heap_t* heap = mi_heap_new_ex(0, true, arena);
  mi_manage_os_memory(start, size, true, false, true, -1);
  mi_heap_destroy(heap);
}
