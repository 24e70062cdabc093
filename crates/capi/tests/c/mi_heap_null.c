// Without a heap the main one is meant.
#include "mi.h"

static void is_main(void* p) {
  CHECK(p != NULL && mi_heap_of(p) == mi_heap_main());
  CHECK(mi_heap_contains(NULL, p) && mi_heap_contains(mi_heap_main(), p));
  mi_free(p);
}

int main(void) {
  CHECK(mi_heap_main() != NULL && mi_heap_main() == mi_heap_get_backing());
  // Also where another heap serves plain allocation.
  mi_heap_t* other = mi_heap_new();
  CHECK(mi_heap_set_default(other) == mi_heap_main());
  is_main(mi_heap_malloc(NULL, 100));
  is_main(mi_heap_zalloc(NULL, 100));
  is_main(mi_heap_calloc(NULL, 10, 10));
  is_main(mi_heap_mallocn(NULL, 10, 10));
  is_main(mi_heap_malloc_small(NULL, 100));
  is_main(mi_heap_zalloc_small(NULL, 100));
  is_main(mi_heap_strdup(NULL, "text"));
  is_main(mi_heap_strndup(NULL, "text", 2));
  is_main(mi_heap_realpath(NULL, "/", NULL));
  is_main(mi_heap_malloc_aligned(NULL, 100, 64));
  is_main(mi_heap_malloc_aligned_at(NULL, 100, 64, 8));
  is_main(mi_heap_zalloc_aligned(NULL, 100, 64));
  is_main(mi_heap_zalloc_aligned_at(NULL, 100, 64, 8));
  is_main(mi_heap_calloc_aligned(NULL, 10, 10, 64));
  is_main(mi_heap_calloc_aligned_at(NULL, 10, 10, 64, 8));
  is_main(mi_heap_realloc(NULL, mi_malloc(10), 100));
  is_main(mi_heap_reallocn(NULL, mi_malloc(10), 10, 10));
  is_main(mi_heap_reallocf(NULL, mi_malloc(10), 100));
  is_main(mi_heap_realloc_aligned(NULL, mi_malloc(10), 100, 64));
  is_main(mi_heap_realloc_aligned_at(NULL, mi_malloc(10), 100, 64, 8));
  is_main(mi_heap_rezalloc(NULL, mi_zalloc(10), 100));
  is_main(mi_heap_recalloc(NULL, mi_zalloc(10), 10, 10));
  is_main(mi_heap_rezalloc_aligned(NULL, mi_zalloc(10), 100, 64));
  is_main(mi_heap_rezalloc_aligned_at(NULL, mi_zalloc(10), 100, 64, 8));
  is_main(mi_heap_recalloc_aligned(NULL, mi_zalloc(10), 10, 10, 64));
  is_main(mi_heap_recalloc_aligned_at(NULL, mi_zalloc(10), 10, 10, 64, 8));
  is_main(mi_heap_alloc_new(NULL, 100));
  is_main(mi_heap_alloc_new_n(NULL, 10, 10));
  mi_heap_collect(NULL, false);
  mi_heap_collect(NULL, true);
  mi_heap_set_numa_affinity(NULL, -1);
  CHECK(mi_heap_theap(NULL) == mi_heap_theap(mi_heap_main()));
  mi_heap_delete(NULL);
  mi_heap_destroy(NULL);
  CHECK(mi_heap_get_default() == other);
  mi_heap_delete(other);
  return 0;
}
