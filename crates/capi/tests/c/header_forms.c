// Compiled, not run: see header_forms.h.
#include "header_forms.h"

_Static_assert(MI_SMALL_SIZE_MAX == 128 * sizeof(void*), "");
_Static_assert(MI_MALLOC_VERSION == 20401, "");
_Static_assert(MI_STAT_VERSION == 4 && MI_BIN_HUGE == 73, "");
_Static_assert(sizeof(mi_arena_id_t) == 4 && sizeof(mi_subproc_id_t) == 8, "");

_Static_assert(sizeof(mi_heap_area_t) == 56, "");
_Static_assert(offsetof(mi_heap_area_t, used) == 24, "");
_Static_assert(offsetof(mi_heap_area_t, heap_tag) == 48, "");

_Static_assert(sizeof(mi_stats_t) == 4168, "");
_Static_assert(offsetof(mi_stats_t, pages) == 16, "");
_Static_assert(offsetof(mi_stats_t, mmap_calls) == 248, "");
_Static_assert(offsetof(mi_stats_t, segments) == 360, "");
_Static_assert(offsetof(mi_stats_t, pages_reclaim_on_alloc) == 456, "");
_Static_assert(offsetof(mi_stats_t, malloc_bins) == 616, "");
_Static_assert(offsetof(mi_stats_t, page_bins) == 616 + 74 * 24, "");

int main(void) {
  callbacks();
  show_arenas(true);
  typed(mi_heap_new());
  theaps(mi_heap_main());
  reserve(NULL, options() + (size_t)statistics());
  return 0;
}
