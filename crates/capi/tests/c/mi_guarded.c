// Guarding of blocks is chosen for a heap or a theap: whatever is chosen, allocation goes on.
#include "mi.h"

static void uses(mi_heap_t* heap) {
  for (size_t size = 0; size < MiB; size = size * 2 + 1) {
    char* p = mi_heap_malloc(heap, size);
    CHECK(p != NULL && mi_heap_of(p) == heap);
    memset(p, 0x77, size);
    p = mi_heap_realloc(heap, p, 2 * size);
    CHECK(p != NULL && all_bytes(p, 0x77, size));
    mi_free(p);
  }
}

int main(void) {
  mi_heap_t* heap = mi_heap_new();
  size_t rates[] = {1, 10, 1000, SIZE_MAX, 0};
  for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
    mi_heap_guarded_set_sample_rate(heap, rates[i], i);
    mi_heap_guarded_set_size_bound(heap, 100, 10000);
    uses(heap);
    mi_theap_guarded_set_size_bound(mi_heap_theap(heap), 10000, 100);
    mi_theap_guarded_set_sample_rate(mi_heap_theap(heap), rates[i], i);
    uses(heap);
  }
  mi_heap_destroy(heap);
  return 0;
}
