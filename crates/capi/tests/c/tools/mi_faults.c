// Mistakes with functions that the C library does not have.
#include "faults.h"

#include <mimalloc.h>

FAULT InvalidRead__behind(void) {
  char* p = mi_zalloc(SMALL);
  sink = p[SMALL];
  mi_free(p);
}

FAULT InvalidWrite__behind(void) {
  char* p = mi_malloc_small(13);
  p[13] = 1;
  mi_free(p);
}

FAULT InvalidWrite__behind_huge(void) {
  char* p = mi_zalloc(HUGE_BLOCK);
  p[HUGE_BLOCK] = 1;
  mi_free(p);
}

FAULT InvalidWrite__behind_aligned(void) {
  char* p = mi_malloc_aligned(SMALL, 1 << 20);
  p[SMALL] = 1;
  mi_free(p);
}

FAULT InvalidWrite__behind_offset(void) {
  char* p = mi_malloc_aligned_at(SMALL, 256, 8);
  p[SMALL] = 1;
  mi_free(p);
}

FAULT InvalidWrite__before_offset(void) {
  char* p = mi_zalloc_aligned_at(SMALL, 256, 8);
  p[-1] = 1;
  mi_free(p);
}

FAULT InvalidWrite__behind_expanded(void) {
  char* p = mi_malloc(SMALL);
  CHECK(mi_expand(p, SMALL) == p);
  p[SMALL] = 1;
  mi_free(p);
}

FAULT InvalidWrite__behind_in_heap(void) {
  mi_heap_t* heap = mi_heap_new();
  char* p = mi_heap_malloc(heap, SMALL);
  p[SMALL] = 1;
  mi_free(p);
  mi_heap_delete(heap);
}

FAULT InvalidRead__freed(void) {
  char* p = mi_zalloc(SMALL);
  mi_free(p);
  sink = p[0];
}

FAULT InvalidRead__freed_offset(void) {
  char* p = mi_zalloc_aligned_at(SMALL, 256, 8);
  mi_free(p);
  sink = p[SMALL - 1];
}

FAULT InvalidWrite__freed_large(void) {
  char* p = mi_malloc(LARGE);
  mi_free(p);
  p[LARGE - 1] = 1;
}

FAULT InvalidRead__collected(void) {
  char* p = mi_zalloc(LARGE);
  mi_free(p);
  mi_collect(true);
  sink = p[0];
}

FAULT InvalidRead__destroyed(void) {
  mi_heap_t* heap = mi_heap_new();
  char* p = mi_heap_zalloc(heap, SMALL);
  mi_heap_destroy(heap);
  sink = p[8];
}

FAULT InvalidRead__destroyed_offset(void) {
  mi_heap_t* heap = mi_heap_new();
  char* p = mi_heap_zalloc_aligned_at(heap, SMALL, 256, 8);
  mi_heap_destroy(heap);
  sink = p[8];
}

FAULT InvalidRead__moved(void) {
  char* p = mi_zalloc(SMALL);
  char* q = mi_rezalloc(p, SMALL + 1);
  CHECK(all_bytes(q, 0, SMALL + 1));
  sink = p[0];
  mi_free(q);
}

FAULT UninitCondition__small(void) {
  char* p = mi_malloc_small(SMALL);
  if (p[0] == 1) sink = 1;
  mi_free(p);
}

FAULT UninitCondition__offset(void) {
  char* p = mi_malloc_aligned_at(SMALL, 256, 8);
  if (p[0] == 1) sink = 1;
  mi_free(p);
}

FAULT UninitCondition__in_heap(void) {
  mi_heap_t* heap = mi_heap_new();
  char* p = mi_heap_malloc(heap, SMALL);
  if (p[0] == 1) sink = 1;
  mi_heap_destroy(heap);
}

FAULT InvalidFree__twice(void) {
  void* p = mi_malloc(SMALL);
  mi_free(p);
  mi_free_size(launder(p), SMALL);
}

FAULT InvalidFree__offset(void) {
  char* p = mi_malloc_aligned_at(SMALL, 256, 8);
  mi_free(launder(p + 8));
  mi_free(p);
}

FAULT InvalidFree__destroyed(void) {
  mi_heap_t* heap = mi_heap_new();
  void* p = mi_heap_malloc(heap, SMALL);
  mi_heap_destroy(heap);
  mi_free(launder(p));
}

FAULT Leak_DefinitelyLost__zeroed(void) { written(mi_zalloc(SMALL), SMALL); }

FAULT Leak_DefinitelyLost__offset(void) { written(mi_malloc_aligned_at(SMALL, 256, 8), SMALL); }

FAULT Leak_DefinitelyLost__in_heap(void) {
  static mi_heap_t* heap;
  heap = mi_heap_new();
  written(mi_heap_malloc(heap, 11 * SMALL), 11 * SMALL);
}

FAULT Leak_DefinitelyLost__in_deleted_heap(void) {
  mi_heap_t* heap = mi_heap_new();
  written(mi_heap_malloc(heap, 13 * SMALL), 13 * SMALL);
  mi_heap_delete(heap);
}

#define FAULTS(X) \
  X(InvalidRead__behind) \
  X(InvalidWrite__behind) \
  X(InvalidWrite__behind_huge) \
  X(InvalidWrite__behind_aligned) \
  X(InvalidWrite__behind_offset) \
  X(InvalidWrite__before_offset) \
  X(InvalidWrite__behind_expanded) \
  X(InvalidWrite__behind_in_heap) \
  X(InvalidRead__freed) \
  X(InvalidRead__freed_offset) \
  X(InvalidWrite__freed_large) \
  X(InvalidRead__collected) \
  X(InvalidRead__destroyed) \
  X(InvalidRead__destroyed_offset) \
  X(InvalidRead__moved) \
  X(UninitCondition__small) \
  X(UninitCondition__offset) \
  X(UninitCondition__in_heap) \
  X(InvalidFree__twice) \
  X(InvalidFree__offset) \
  X(InvalidFree__destroyed) \
  X(Leak_DefinitelyLost__zeroed) \
  X(Leak_DefinitelyLost__offset) \
  X(Leak_DefinitelyLost__in_heap) \
  X(Leak_DefinitelyLost__in_deleted_heap)

MAIN(FAULTS)
