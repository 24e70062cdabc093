// Bad input to the functions that make, resize and free blocks.
#include "bad_input.h"

static volatile size_t three = 3, none = 0, big_alignment = (size_t)1 << 27;
static size_t untouched = 77;

// A block that a refused call must leave alone.
static char* kept;
#define KEPT(function, input, call, number, reaction)                                           \
  ROW(function, input, (call) == NULL && errno == (number) && all_bytes(kept, 0x5a, 100), reaction)

static void sizes(void) {
  REFUSED(mi_malloc, "SIZE_MAX", mi_malloc(largest), ENOMEM, EOVERFLOW);
  REFUSED(mi_malloc, "above PTRDIFF_MAX", mi_malloc(huge), ENOMEM, EOVERFLOW);
  REFUSED(mi_malloc, "more than there is", mi_malloc(huge / 2), ENOMEM, ENOMEM);
  SERVED(mi_malloc, "0", mi_malloc(none));
  REFUSED(mi_zalloc, "SIZE_MAX", mi_zalloc(largest), ENOMEM, EOVERFLOW);
  SERVED(mi_zalloc, "0", mi_zalloc(none));
  REFUSED(mi_malloc_small, "SIZE_MAX", mi_malloc_small(largest), ENOMEM, EOVERFLOW);
  SERVED(mi_malloc_small, "0", mi_malloc_small(none));
  REFUSED(mi_zalloc_small, "SIZE_MAX", mi_zalloc_small(largest), ENOMEM, EOVERFLOW);
  SERVED(mi_zalloc_small, "0", mi_zalloc_small(none));
  REFUSED(mi_calloc, "overflow", mi_calloc(largest, 2), ENOMEM, EOVERFLOW);
  REFUSED(mi_calloc, "1 * SIZE_MAX", mi_calloc(1, largest), ENOMEM, EOVERFLOW);
  SERVED(mi_calloc, "0 * SIZE_MAX", mi_calloc(none, largest));
  REFUSED(mi_mallocn, "overflow", mi_mallocn(3, largest / 2), ENOMEM, EOVERFLOW);
  SERVED(mi_mallocn, "SIZE_MAX * 0", mi_mallocn(largest, none));
  ROW(mi_good_size, "SIZE_MAX", mi_good_size(largest) == largest, NOTHING);
  ROW(mi_good_size, "0", mi_good_size(none) > 0 && mi_good_size(none) <= 16, NOTHING);
  ROW(mi_malloc_good_size, "SIZE_MAX", mi_malloc_good_size(largest) == largest, NOTHING);
  ROW(mi_malloc_good_size, "0", mi_malloc_good_size(none) == mi_good_size(0), NOTHING);
}

static void block_sizes(void) {
  size_t size = untouched, after = untouched;
  REFUSED(mi_umalloc, "SIZE_MAX", mi_umalloc(largest, &size), ENOMEM, EOVERFLOW);
  SERVED(mi_umalloc, "0 and no place", mi_umalloc(none, NULL));
  REFUSED(mi_ucalloc, "overflow", mi_ucalloc(largest, 2, &size), ENOMEM, EOVERFLOW);
  SERVED(mi_ucalloc, "0 and no place", mi_ucalloc(none, none, NULL));
  REFUSED(mi_umalloc_small, "SIZE_MAX", mi_umalloc_small(largest, &size), ENOMEM, EOVERFLOW);
  SERVED(mi_umalloc_small, "0 and no place", mi_umalloc_small(none, NULL));
  REFUSED(mi_uzalloc_small, "SIZE_MAX", mi_uzalloc_small(largest, &size), ENOMEM, EOVERFLOW);
  SERVED(mi_uzalloc_small, "0 and no place", mi_uzalloc_small(none, NULL));
  REFUSED(mi_umalloc_aligned, "alignment 3", mi_umalloc_aligned(9, three, &size), EINVAL, EOVERFLOW);
  REFUSED(mi_umalloc_aligned, "SIZE_MAX", mi_umalloc_aligned(largest, 64, &size), ENOMEM, EOVERFLOW);
  SERVED(mi_umalloc_aligned, "0 and no place", mi_umalloc_aligned(none, 64, NULL));
  REFUSED(mi_uzalloc_aligned, "alignment 0", mi_uzalloc_aligned(9, none, &size), EINVAL, EOVERFLOW);
  REFUSED(mi_uzalloc_aligned, "SIZE_MAX", mi_uzalloc_aligned(largest, 64, &size), ENOMEM, EOVERFLOW);
  SERVED(mi_uzalloc_aligned, "0 and no place", mi_uzalloc_aligned(none, 64, NULL));
  CHECK(size == untouched);

  REFUSED(mi_urealloc, "SIZE_MAX of null", mi_urealloc(NULL, largest, &size, &after), ENOMEM, EOVERFLOW);
  CHECK(size == 0 && after == untouched);
  KEPT(mi_urealloc, "SIZE_MAX", mi_urealloc(kept, largest, NULL, NULL), ENOMEM, EOVERFLOW);
  SERVED(mi_urealloc, "null, 0 and no place", mi_urealloc(NULL, none, NULL, NULL));
  FOREIGN_ROWS(mi_urealloc, mi_urealloc(p, 10, &size, &after) == NULL && size == 0, EINVAL);
  CHECK(after == untouched);
  size = untouched;
  ROW(mi_ufree, "null", (mi_ufree(NULL, &size), size == untouched), NOTHING);
  ROW(mi_ufree, "null and no place", (mi_ufree(NULL, NULL), true), NOTHING);
  FOREIGN_ROWS(mi_ufree, (mi_ufree(p, NULL), true), EINVAL);
  FOREIGN_ROWS(mi_ufree, (mi_ufree(p, &size), size == untouched || size == 0), EINVAL);
}

static void alignments(void) {
  size_t bad[] = {none, three, 24, largest, huge + 1};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    size_t a = bad[i];
    REFUSED(mi_malloc_aligned, "alignment", mi_malloc_aligned(9, a), EINVAL, EOVERFLOW);
    REFUSED(mi_malloc_aligned_at, "alignment", mi_malloc_aligned_at(9, a, 8), EINVAL, EOVERFLOW);
    REFUSED(mi_zalloc_aligned, "alignment", mi_zalloc_aligned(9, a), EINVAL, EOVERFLOW);
    REFUSED(mi_zalloc_aligned_at, "alignment", mi_zalloc_aligned_at(9, a, 8), EINVAL, EOVERFLOW);
    REFUSED(mi_calloc_aligned, "alignment", mi_calloc_aligned(3, 3, a), EINVAL, EOVERFLOW);
    REFUSED(mi_calloc_aligned_at, "alignment", mi_calloc_aligned_at(3, 3, a, 8), EINVAL, EOVERFLOW);
    REFUSED(mi_memalign, "alignment", mi_memalign(a, 9), EINVAL, EOVERFLOW);
    REFUSED(mi_aligned_alloc, "alignment", mi_aligned_alloc(a, 9), EINVAL, EOVERFLOW);
    REFUSED(mi_new_aligned_nothrow, "alignment", mi_new_aligned_nothrow(9, a), EINVAL, EOVERFLOW);
    if (a <= 8) continue;  // such an alignment is any block's
    KEPT(mi_realloc_aligned, "alignment", mi_realloc_aligned(kept, 999, a), EINVAL, EOVERFLOW);
    KEPT(mi_realloc_aligned_at, "alignment", mi_realloc_aligned_at(kept, 999, a, 8), EINVAL, EOVERFLOW);
    KEPT(mi_rezalloc_aligned, "alignment", mi_rezalloc_aligned(kept, 999, a), EINVAL, EOVERFLOW);
    KEPT(mi_rezalloc_aligned_at, "alignment", mi_rezalloc_aligned_at(kept, 999, a, 8), EINVAL, EOVERFLOW);
    KEPT(mi_recalloc_aligned, "alignment", mi_recalloc_aligned(kept, 9, 99, a), EINVAL, EOVERFLOW);
    KEPT(mi_recalloc_aligned_at, "alignment", mi_recalloc_aligned_at(kept, 9, 99, a, 8), EINVAL, EOVERFLOW);
    KEPT(mi_aligned_recalloc, "alignment", mi_aligned_recalloc(kept, 9, 99, a), EINVAL, EOVERFLOW);
    KEPT(mi_aligned_offset_recalloc, "alignment", mi_aligned_offset_recalloc(kept, 9, 99, a, 8), EINVAL, EOVERFLOW);
  }
  REFUSED(mi_malloc_aligned, "SIZE_MAX", mi_malloc_aligned(largest, 64), ENOMEM, EOVERFLOW);
  REFUSED(mi_malloc_aligned, "alignment of 2^63", mi_malloc_aligned(9, huge), ENOMEM, ENOMEM);
  SERVED(mi_malloc_aligned, "0", mi_malloc_aligned(none, 64));
  REFUSED(mi_malloc_aligned_at, "SIZE_MAX", mi_malloc_aligned_at(largest, 64, 8), ENOMEM, EOVERFLOW);
  SERVED(mi_malloc_aligned_at, "offset of SIZE_MAX", mi_malloc_aligned_at(9, 64, largest));
  REFUSED(mi_zalloc_aligned, "SIZE_MAX", mi_zalloc_aligned(largest, 64), ENOMEM, EOVERFLOW);
  SERVED(mi_zalloc_aligned, "0", mi_zalloc_aligned(none, 64));
  REFUSED(mi_zalloc_aligned_at, "SIZE_MAX", mi_zalloc_aligned_at(largest, 64, 8), ENOMEM, EOVERFLOW);
  SERVED(mi_zalloc_aligned_at, "offset beyond size", mi_zalloc_aligned_at(9, 64, 1000));
  REFUSED(mi_calloc_aligned, "overflow", mi_calloc_aligned(largest, 2, 64), ENOMEM, EOVERFLOW);
  SERVED(mi_calloc_aligned, "SIZE_MAX * 0", mi_calloc_aligned(largest, none, 64));
  REFUSED(mi_calloc_aligned_at, "overflow", mi_calloc_aligned_at(largest, 2, 64, 8), ENOMEM, EOVERFLOW);
  SERVED(mi_calloc_aligned_at, "0 * SIZE_MAX", mi_calloc_aligned_at(none, largest, 64, 8));
  ROW(mi_malloc_aligned_at, "offset with a large alignment",
      gone(mi_malloc_aligned_at(9, big_alignment, 8)), NOTHING);
}

static void resizes(void) {
  KEPT(mi_realloc, "SIZE_MAX", mi_realloc(kept, largest), ENOMEM, EOVERFLOW);
  SERVED(mi_realloc, "null and 0", mi_realloc(NULL, none));
  FOREIGN_ROWS(mi_realloc, mi_realloc(p, 10) == NULL, EINVAL);
  KEPT(mi_reallocn, "overflow", mi_reallocn(kept, largest, 2), ENOMEM, EOVERFLOW);
  SERVED(mi_reallocn, "null and 0 * SIZE_MAX", mi_reallocn(NULL, none, largest));
  FOREIGN_ROWS(mi_reallocn, mi_reallocn(p, 5, 2) == NULL, EINVAL);
  REFUSED(mi_reallocf, "SIZE_MAX", mi_reallocf(mi_malloc(9), largest), ENOMEM, EOVERFLOW);
  SERVED(mi_reallocf, "null and 0", mi_reallocf(NULL, none));
  FOREIGN_ROWS(mi_reallocf, mi_reallocf(p, 10) == NULL, EINVAL);
  KEPT(mi_rezalloc, "SIZE_MAX", mi_rezalloc(kept, largest), ENOMEM, EOVERFLOW);
  SERVED(mi_rezalloc, "null and 0", mi_rezalloc(NULL, none));
  FOREIGN_ROWS(mi_rezalloc, mi_rezalloc(p, 10) == NULL, EINVAL);
  KEPT(mi_recalloc, "overflow", mi_recalloc(kept, largest, 2), ENOMEM, EOVERFLOW);
  SERVED(mi_recalloc, "null and 0 * SIZE_MAX", mi_recalloc(NULL, none, largest));
  FOREIGN_ROWS(mi_recalloc, mi_recalloc(p, 5, 2) == NULL, EINVAL);
  ROW(mi_expand, "null", mi_expand(NULL, 10) == NULL, NOTHING);
  ROW(mi_expand, "SIZE_MAX", mi_expand(kept, largest) == NULL, NOTHING);
  FOREIGN_ROWS(mi_expand, mi_expand(p, 1) == NULL, EINVAL);
  REFUSED(mi__expand, "null", mi__expand(NULL, 10), ENOMEM, NOTHING);
  REFUSED(mi__expand, "SIZE_MAX", mi__expand(kept, largest), ENOMEM, NOTHING);
  FOREIGN_ROWS(mi__expand, mi__expand(p, 1) == NULL && errno == ENOMEM, EINVAL);
}

static void aligned_resizes(void) {
  KEPT(mi_realloc_aligned, "SIZE_MAX", mi_realloc_aligned(kept, largest, 64), ENOMEM, EOVERFLOW);
  SERVED(mi_realloc_aligned, "null and 0", mi_realloc_aligned(NULL, none, 64));
  SERVED(mi_realloc_aligned, "alignment below that of all blocks", mi_realloc_aligned(NULL, 9, three));
  FOREIGN_ROWS(mi_realloc_aligned, mi_realloc_aligned(p, 10, 64) == NULL, EINVAL);
  KEPT(mi_realloc_aligned_at, "SIZE_MAX", mi_realloc_aligned_at(kept, largest, 64, 8), ENOMEM, EOVERFLOW);
  SERVED(mi_realloc_aligned_at, "null and 0", mi_realloc_aligned_at(NULL, none, 64, 8));
  FOREIGN_ROWS(mi_realloc_aligned_at, mi_realloc_aligned_at(p, 10, 64, 8) == NULL, EINVAL);
  KEPT(mi_rezalloc_aligned, "SIZE_MAX", mi_rezalloc_aligned(kept, largest, 64), ENOMEM, EOVERFLOW);
  SERVED(mi_rezalloc_aligned, "null and 0", mi_rezalloc_aligned(NULL, none, 64));
  FOREIGN_ROWS(mi_rezalloc_aligned, mi_rezalloc_aligned(p, 10, 64) == NULL, EINVAL);
  KEPT(mi_rezalloc_aligned_at, "SIZE_MAX", mi_rezalloc_aligned_at(kept, largest, 64, 8), ENOMEM, EOVERFLOW);
  SERVED(mi_rezalloc_aligned_at, "null and 0", mi_rezalloc_aligned_at(NULL, none, 64, 8));
  FOREIGN_ROWS(mi_rezalloc_aligned_at, mi_rezalloc_aligned_at(p, 10, 64, 8) == NULL, EINVAL);
  KEPT(mi_recalloc_aligned, "overflow", mi_recalloc_aligned(kept, largest, 2, 64), ENOMEM, EOVERFLOW);
  SERVED(mi_recalloc_aligned, "null and 0", mi_recalloc_aligned(NULL, none, 9, 64));
  FOREIGN_ROWS(mi_recalloc_aligned, mi_recalloc_aligned(p, 5, 2, 64) == NULL, EINVAL);
  KEPT(mi_recalloc_aligned_at, "overflow", mi_recalloc_aligned_at(kept, largest, 2, 64, 8), ENOMEM, EOVERFLOW);
  SERVED(mi_recalloc_aligned_at, "null and 0", mi_recalloc_aligned_at(NULL, none, 9, 64, 8));
  FOREIGN_ROWS(mi_recalloc_aligned_at, mi_recalloc_aligned_at(p, 5, 2, 64, 8) == NULL, EINVAL);
  KEPT(mi_aligned_recalloc, "overflow", mi_aligned_recalloc(kept, largest, 2, 64), ENOMEM, EOVERFLOW);
  SERVED(mi_aligned_recalloc, "null and 0", mi_aligned_recalloc(NULL, none, 9, 64));
  FOREIGN_ROWS(mi_aligned_recalloc, mi_aligned_recalloc(p, 5, 2, 64) == NULL, EINVAL);
  KEPT(mi_aligned_offset_recalloc, "overflow", mi_aligned_offset_recalloc(kept, largest, 2, 64, 8), ENOMEM, EOVERFLOW);
  SERVED(mi_aligned_offset_recalloc, "null and 0", mi_aligned_offset_recalloc(NULL, none, 9, 64, 8));
  FOREIGN_ROWS(mi_aligned_offset_recalloc, mi_aligned_offset_recalloc(p, 5, 2, 64, 8) == NULL, EINVAL);
}

static void frees(void) {
  ROW(mi_free, "null", (mi_free(NULL), true), NOTHING);
  FOREIGN_ROWS(mi_free, (mi_free(p), true), EINVAL);
  ROW(mi_free_small, "null", (mi_free_small(NULL), true), NOTHING);
  FOREIGN_ROWS(mi_free_small, (mi_free_small(p), true), EINVAL);
  ROW(mi_cfree, "null", (mi_cfree(NULL), true), NOTHING);
  FOREIGN_ROWS(mi_cfree, (mi_cfree(p), true), EINVAL);
  ROW(mi_free_size, "null and SIZE_MAX", (mi_free_size(NULL, largest), true), NOTHING);
  FOREIGN_ROWS(mi_free_size, (mi_free_size(p, 10), true), EINVAL);
  ROW(mi_free_aligned, "null and alignment 3", (mi_free_aligned(NULL, three), true), NOTHING);
  FOREIGN_ROWS(mi_free_aligned, (mi_free_aligned(p, 64), true), EINVAL);
  ROW(mi_free_size_aligned, "null and SIZE_MAX", (mi_free_size_aligned(NULL, largest, three), true), NOTHING);
  FOREIGN_ROWS(mi_free_size_aligned, (mi_free_size_aligned(p, 10, 64), true), EINVAL);
  ROW(mi_usable_size, "null", mi_usable_size(NULL) == 0, NOTHING);
  FOREIGN_ROWS(mi_usable_size, mi_usable_size(p) == 0, EINVAL);
  ROW(mi_malloc_size, "null", mi_malloc_size(NULL) == 0, NOTHING);
  FOREIGN_ROWS(mi_malloc_size, mi_malloc_size(p) == 0, EINVAL);
  ROW(mi_malloc_usable_size, "null", mi_malloc_usable_size(NULL) == 0, NOTHING);
  FOREIGN_ROWS(mi_malloc_usable_size, mi_malloc_usable_size(p) == 0, EINVAL);
  ROW(mi_is_in_heap_region, "null", !mi_is_in_heap_region(NULL), NOTHING);
  FOREIGN_ROWS(mi_is_in_heap_region, !mi_is_in_heap_region(p), NOTHING);
}

int main(void) {
  open_table();
  kept = mi_malloc(100);
  CHECK(kept != NULL);
  memset(kept, 0x5a, 100);
  sizes();
  block_sizes();
  alignments();
  resizes();
  aligned_resizes();
  frees();
  return close_table();
}
