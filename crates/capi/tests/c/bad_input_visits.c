// Bad input to the functions that visit heaps.
#include "bad_input.h"

static bool never(const mi_heap_t* heap, const mi_heap_area_t* area, void* block, size_t size, void* arg) {
  (void)heap, (void)area, (void)block, (void)size, (void)arg;
  return false;
}

static bool any(const mi_heap_t* heap, const mi_heap_area_t* area, void* block, size_t size, void* arg) {
  (void)heap, (void)area, (void)block, (void)size, (void)arg;
  return true;
}

static bool any_heap(mi_heap_t* heap, void* arg) {
  (void)arg;
  return heap != NULL;
}

int main(void) {
  open_table();
  mi_heap_t* heap = mi_heap_new();
  mi_theap_t* theap = mi_heap_theap(heap);
  void* block = mi_malloc(100);
  CHECK(theap != NULL && block != NULL);

  ROW(mi_heap_visit_blocks, "no visitor", !mi_heap_visit_blocks(heap, true, NULL, NULL), NOTHING);
  ROW(mi_heap_visit_blocks, "no heap and no visitor", !mi_heap_visit_blocks(NULL, true, NULL, NULL), NOTHING);
  ROW(mi_heap_visit_blocks, "empty heap", mi_heap_visit_blocks(heap, true, never, NULL), NOTHING);
  ROW(mi_heap_visit_blocks, "no heap", mi_heap_visit_blocks(NULL, true, any, NULL), NOTHING);
  ROW(mi_heap_visit_abandoned_blocks, "no visitor", !mi_heap_visit_abandoned_blocks(heap, true, NULL, NULL), NOTHING);
  ROW(mi_heap_visit_abandoned_blocks, "empty heap", mi_heap_visit_abandoned_blocks(heap, true, never, NULL), NOTHING);
  ROW(mi_heap_visit_abandoned_blocks, "no heap", mi_heap_visit_abandoned_blocks(NULL, true, any, NULL), NOTHING);
  ROW(mi_theap_visit_blocks, "no visitor", !mi_theap_visit_blocks(theap, true, NULL, NULL), NOTHING);
  ROW(mi_theap_visit_blocks, "empty theap", mi_theap_visit_blocks(theap, true, never, NULL), NOTHING);
  ROW(mi_theap_visit_blocks, "no theap", !mi_theap_visit_blocks(NULL, true, any, NULL), NOTHING);
  int tags[] = {-2, 256, INT_MAX, INT_MIN};
  for (size_t i = 0; i < sizeof tags / sizeof *tags; i++) {
    ROW(mi_abandoned_visit_blocks, "no such tag", mi_abandoned_visit_blocks(NULL, tags[i], true, never, NULL), NOTHING);
  }
  ROW(mi_abandoned_visit_blocks, "no visitor", !mi_abandoned_visit_blocks(NULL, -1, true, NULL, NULL), NOTHING);
  ROW(mi_abandoned_visit_blocks, "no sub-process", mi_abandoned_visit_blocks(NULL, -1, true, any, NULL), NOTHING);
  ROW(mi_subproc_visit_heaps, "no visitor", !mi_subproc_visit_heaps(mi_subproc_main(), NULL, NULL), NOTHING);
  ROW(mi_subproc_visit_heaps, "no sub-process", mi_subproc_visit_heaps(NULL, any_heap, NULL), NOTHING);

  ROW(mi_unsafe_heap_page_is_under_utilized, "null", !mi_unsafe_heap_page_is_under_utilized(NULL, NULL, 50), NOTHING);
  ROW(mi_unsafe_heap_page_is_under_utilized, "another heap's", !mi_unsafe_heap_page_is_under_utilized(heap, block, 100), NOTHING);
  ROW(mi_unsafe_heap_page_is_under_utilized, "SIZE_MAX percent", mi_unsafe_heap_page_is_under_utilized(NULL, block, largest), NOTHING);
  FOREIGN_ROWS(mi_unsafe_heap_page_is_under_utilized, !mi_unsafe_heap_page_is_under_utilized(NULL, p, 100), NOTHING);
  return close_table();
}
