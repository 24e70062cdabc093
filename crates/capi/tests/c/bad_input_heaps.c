// Bad input to the functions of heaps.
#include "bad_input.h"
#include "rimalloc.h"

static volatile size_t three = 3, none = 0;
static mi_heap_t* heap;
static char* kept;

#define KEPT(function, input, call, number, reaction)                                           \
  ROW(function, input, (call) == NULL && errno == (number) && all_bytes(kept, 0x5a, 100), reaction)

static void heaps(void) {
  mi_arena_id_t unknown[] = {-1, 1000, INT_MAX, INT_MIN};
  ROW(mi_heap_new, "nothing", (mi_heap_delete(mi_heap_new()), true), NOTHING);
  for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
    ROW(mi_heap_new_in_arena, "no arena", mi_heap_new_in_arena(unknown[i]) == NULL, NOTHING);
    ROW(mi_heap_new_ex, "no arena", mi_heap_new_ex(0, true, unknown[i]) == NULL, NOTHING);
  }
  ROW(mi_heap_delete, "null", (mi_heap_delete(NULL), true), NOTHING);
  ROW(mi_heap_delete, "the main heap", (mi_heap_delete(mi_heap_main()), true), WARNING);
  ROW(mi_heap_destroy, "null", (mi_heap_destroy(NULL), true), NOTHING);
  ROW(mi_heap_destroy, "the main heap", (mi_heap_destroy(mi_heap_main()), true), WARNING);
  ROW(mi_heap_set_default, "null",
      mi_heap_set_default(NULL) == NULL && mi_heap_get_default() == mi_heap_main(), NOTHING);
  ROW(mi_heap_get_default, "nothing", mi_heap_get_default() != NULL, NOTHING);
  ROW(mi_heap_get_backing, "nothing", mi_heap_get_backing() == mi_heap_main(), NOTHING);
  ROW(mi_heap_main, "nothing", mi_heap_main() != NULL, NOTHING);
  ROW(mi_heap_collect, "null", (mi_heap_collect(NULL, true), true), NOTHING);
  int nodes[] = {-1, INT_MIN, 1000, INT_MAX};
  for (size_t i = 0; i < sizeof nodes / sizeof *nodes; i++) {
    ROW(mi_heap_set_numa_affinity, "node",
        (mi_heap_set_numa_affinity(heap, nodes[i]), gone(mi_heap_malloc(heap, 100 * KiB))), NOTHING);
    ROW(mi_heap_set_numa_affinity, "null and node",
        (mi_heap_set_numa_affinity(NULL, nodes[i]), gone(mi_malloc(100 * KiB))), NOTHING);
  }
  mi_heap_set_numa_affinity(NULL, -1);
  ROW(mi_heap_guarded_set_sample_rate, "null and SIZE_MAX",
      (mi_heap_guarded_set_sample_rate(NULL, largest, 0), gone(mi_malloc(9))), NOTHING);
  mi_heap_guarded_set_sample_rate(NULL, 0, 0);
  ROW(mi_heap_guarded_set_size_bound, "null, minimum above maximum",
      (mi_heap_guarded_set_size_bound(NULL, 9, 3), gone(mi_malloc(9))), NOTHING);
  ROW(mi_heap_set_check, "null", (mi_heap_set_check(NULL, true), gone(mi_malloc(9))), NOTHING);
  mi_heap_set_check(NULL, false);
}

// An ended heap is known until the next one is made.
static void ended(void (*end)(mi_heap_t*)) {
  mi_heap_t* past = mi_heap_new();
  char* p = mi_heap_malloc(past, 100);
  CHECK(p != NULL);
  end(past);
  ROW(mi_heap_delete, "ended heap", (mi_heap_delete(past), true), WARNING);
  ROW(mi_heap_destroy, "ended heap", (mi_heap_destroy(past), true), WARNING);
  REFUSED(mi_heap_malloc, "ended heap", mi_heap_malloc(past, 100), ENOMEM, ENOMEM);
  REFUSED(mi_heap_malloc, "ended heap, large", mi_heap_malloc(past, MiB), ENOMEM, ENOMEM);
  REFUSED(mi_heap_realloc, "ended heap", mi_heap_realloc(past, kept, 1000), ENOMEM, ENOMEM);
  ROW(mi_heap_set_default, "ended heap",
      mi_heap_set_default(past) == NULL && mi_heap_get_default() == mi_heap_main(), NOTHING);
  ROW(mi_heap_contains, "ended heap", !mi_heap_contains(past, p), NOTHING);
  ROW(mi_heap_contains_block, "ended heap", !mi_heap_contains_block(past, p), NOTHING);
  ROW(mi_heap_check_owned, "ended heap", !mi_heap_check_owned(past, p), NOTHING);
  ROW(mi_heap_collect, "ended heap", (mi_heap_collect(past, true), true), NOTHING);
  mi_heap_t* next[] = {mi_heap_new(), mi_heap_new()};
  CHECK(next[0] != NULL && next[1] != NULL && next[0] != next[1]);
  mi_heap_delete(next[0]);
  mi_heap_delete(next[1]);
}

static void ownership(void) {
  ROW(mi_heap_of, "null", mi_heap_of(NULL) == NULL, NOTHING);
  FOREIGN_ROWS(mi_heap_of, mi_heap_of(p) == NULL, NOTHING);
  ROW(mi_heap_contains, "nulls", !mi_heap_contains(NULL, NULL), NOTHING);
  FOREIGN_ROWS(mi_heap_contains, !mi_heap_contains(heap, p) && !mi_heap_contains(NULL, p), NOTHING);
  ROW(mi_any_heap_contains, "null", !mi_any_heap_contains(NULL), NOTHING);
  FOREIGN_ROWS(mi_any_heap_contains, !mi_any_heap_contains(p), NOTHING);
  ROW(mi_heap_contains_block, "no heap", !mi_heap_contains_block(NULL, kept), NOTHING);
  ROW(mi_heap_contains_block, "null", !mi_heap_contains_block(heap, NULL), NOTHING);
  FOREIGN_ROWS(mi_heap_contains_block, !mi_heap_contains_block(heap, p), NOTHING);
  ROW(mi_heap_check_owned, "null", !mi_heap_check_owned(heap, NULL), NOTHING);
  ROW(mi_heap_check_owned, "not aligned", !mi_heap_check_owned(heap, kept + 1), NOTHING);
  FOREIGN_ROWS(mi_heap_check_owned, !mi_heap_check_owned(heap, p), NOTHING);
  ROW(mi_check_owned, "null", !mi_check_owned(NULL), NOTHING);
  FOREIGN_ROWS(mi_check_owned, !mi_check_owned(p), NOTHING);
}

static void sizes(void) {
  REFUSED(mi_heap_malloc, "SIZE_MAX", mi_heap_malloc(heap, largest), ENOMEM, EOVERFLOW);
  REFUSED(mi_heap_malloc, "more than there is", mi_heap_malloc(heap, huge / 2), ENOMEM, ENOMEM);
  SERVED(mi_heap_malloc, "null and 0", mi_heap_malloc(NULL, none));
  REFUSED(mi_heap_zalloc, "SIZE_MAX", mi_heap_zalloc(heap, largest), ENOMEM, EOVERFLOW);
  SERVED(mi_heap_zalloc, "null and 0", mi_heap_zalloc(NULL, none));
  REFUSED(mi_heap_calloc, "overflow", mi_heap_calloc(heap, largest, 2), ENOMEM, EOVERFLOW);
  SERVED(mi_heap_calloc, "0 * SIZE_MAX", mi_heap_calloc(heap, none, largest));
  REFUSED(mi_heap_mallocn, "overflow", mi_heap_mallocn(heap, largest, 2), ENOMEM, EOVERFLOW);
  SERVED(mi_heap_mallocn, "SIZE_MAX * 0", mi_heap_mallocn(heap, largest, none));
  REFUSED(mi_heap_malloc_small, "SIZE_MAX", mi_heap_malloc_small(heap, largest), ENOMEM, EOVERFLOW);
  SERVED(mi_heap_malloc_small, "null and 0", mi_heap_malloc_small(NULL, none));
  REFUSED(mi_heap_zalloc_small, "SIZE_MAX", mi_heap_zalloc_small(heap, largest), ENOMEM, EOVERFLOW);
  SERVED(mi_heap_zalloc_small, "null and 0", mi_heap_zalloc_small(NULL, none));
  SERVED(mi_heap_alloc_new, "null and 0", mi_heap_alloc_new(NULL, none));
  SERVED(mi_heap_alloc_new_n, "0 * SIZE_MAX", mi_heap_alloc_new_n(heap, none, largest));
  SERVED(mi_heap_try_new, "null and 0", mi_heap_try_new(NULL, none, true));
  REFUSED(mi_heap_try_new, "SIZE_MAX", mi_heap_try_new(heap, largest, true), ENOMEM, EOVERFLOW);
}

static void alignments(void) {
  size_t bad[] = {none, three, 24, largest};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    size_t a = bad[i];
    REFUSED(mi_heap_malloc_aligned, "alignment", mi_heap_malloc_aligned(heap, 9, a), EINVAL, EOVERFLOW);
    REFUSED(mi_heap_malloc_aligned_at, "alignment", mi_heap_malloc_aligned_at(heap, 9, a, 8), EINVAL, EOVERFLOW);
    REFUSED(mi_heap_zalloc_aligned, "alignment", mi_heap_zalloc_aligned(heap, 9, a), EINVAL, EOVERFLOW);
    REFUSED(mi_heap_zalloc_aligned_at, "alignment", mi_heap_zalloc_aligned_at(heap, 9, a, 8), EINVAL, EOVERFLOW);
    REFUSED(mi_heap_calloc_aligned, "alignment", mi_heap_calloc_aligned(heap, 3, 3, a), EINVAL, EOVERFLOW);
    REFUSED(mi_heap_calloc_aligned_at, "alignment", mi_heap_calloc_aligned_at(heap, 3, 3, a, 8), EINVAL, EOVERFLOW);
    if (a <= 8) continue;  // such an alignment is any block's
    KEPT(mi_heap_realloc_aligned, "alignment", mi_heap_realloc_aligned(heap, kept, 999, a), EINVAL, EOVERFLOW);
    KEPT(mi_heap_realloc_aligned_at, "alignment", mi_heap_realloc_aligned_at(heap, kept, 999, a, 8), EINVAL, EOVERFLOW);
    KEPT(mi_heap_rezalloc_aligned, "alignment", mi_heap_rezalloc_aligned(heap, kept, 999, a), EINVAL, EOVERFLOW);
    KEPT(mi_heap_rezalloc_aligned_at, "alignment", mi_heap_rezalloc_aligned_at(heap, kept, 999, a, 8), EINVAL, EOVERFLOW);
    KEPT(mi_heap_recalloc_aligned, "alignment", mi_heap_recalloc_aligned(heap, kept, 9, 99, a), EINVAL, EOVERFLOW);
    KEPT(mi_heap_recalloc_aligned_at, "alignment", mi_heap_recalloc_aligned_at(heap, kept, 9, 99, a, 8), EINVAL, EOVERFLOW);
  }
  REFUSED(mi_heap_malloc_aligned, "SIZE_MAX", mi_heap_malloc_aligned(heap, largest, 64), ENOMEM, EOVERFLOW);
  SERVED(mi_heap_malloc_aligned, "null and 0", mi_heap_malloc_aligned(NULL, none, 64));
  REFUSED(mi_heap_malloc_aligned_at, "SIZE_MAX", mi_heap_malloc_aligned_at(heap, largest, 64, 8), ENOMEM, EOVERFLOW);
  SERVED(mi_heap_malloc_aligned_at, "offset of SIZE_MAX", mi_heap_malloc_aligned_at(heap, 9, 64, largest));
  REFUSED(mi_heap_zalloc_aligned, "SIZE_MAX", mi_heap_zalloc_aligned(heap, largest, 64), ENOMEM, EOVERFLOW);
  SERVED(mi_heap_zalloc_aligned, "null and 0", mi_heap_zalloc_aligned(NULL, none, 64));
  REFUSED(mi_heap_zalloc_aligned_at, "SIZE_MAX", mi_heap_zalloc_aligned_at(heap, largest, 64, 8), ENOMEM, EOVERFLOW);
  SERVED(mi_heap_zalloc_aligned_at, "offset beyond size", mi_heap_zalloc_aligned_at(heap, 9, 64, 1000));
  REFUSED(mi_heap_calloc_aligned, "overflow", mi_heap_calloc_aligned(heap, largest, 2, 64), ENOMEM, EOVERFLOW);
  SERVED(mi_heap_calloc_aligned, "0 * SIZE_MAX", mi_heap_calloc_aligned(heap, none, largest, 64));
  REFUSED(mi_heap_calloc_aligned_at, "overflow", mi_heap_calloc_aligned_at(heap, largest, 2, 64, 8), ENOMEM, EOVERFLOW);
  SERVED(mi_heap_calloc_aligned_at, "0 * SIZE_MAX", mi_heap_calloc_aligned_at(heap, none, largest, 64, 8));
}

static void resizes(void) {
  KEPT(mi_heap_realloc, "SIZE_MAX", mi_heap_realloc(heap, kept, largest), ENOMEM, EOVERFLOW);
  SERVED(mi_heap_realloc, "nulls and 0", mi_heap_realloc(NULL, NULL, none));
  FOREIGN_ROWS(mi_heap_realloc, mi_heap_realloc(heap, p, 10) == NULL, EINVAL);
  KEPT(mi_heap_reallocn, "overflow", mi_heap_reallocn(heap, kept, largest, 2), ENOMEM, EOVERFLOW);
  SERVED(mi_heap_reallocn, "nulls and 0", mi_heap_reallocn(NULL, NULL, none, largest));
  FOREIGN_ROWS(mi_heap_reallocn, mi_heap_reallocn(heap, p, 5, 2) == NULL, EINVAL);
  REFUSED(mi_heap_reallocf, "SIZE_MAX", mi_heap_reallocf(heap, mi_malloc(9), largest), ENOMEM, EOVERFLOW);
  SERVED(mi_heap_reallocf, "nulls and 0", mi_heap_reallocf(NULL, NULL, none));
  FOREIGN_ROWS(mi_heap_reallocf, mi_heap_reallocf(heap, p, 10) == NULL, EINVAL);
  KEPT(mi_heap_rezalloc, "SIZE_MAX", mi_heap_rezalloc(heap, kept, largest), ENOMEM, EOVERFLOW);
  SERVED(mi_heap_rezalloc, "nulls and 0", mi_heap_rezalloc(NULL, NULL, none));
  FOREIGN_ROWS(mi_heap_rezalloc, mi_heap_rezalloc(heap, p, 10) == NULL, EINVAL);
  KEPT(mi_heap_recalloc, "overflow", mi_heap_recalloc(heap, kept, largest, 2), ENOMEM, EOVERFLOW);
  SERVED(mi_heap_recalloc, "nulls and 0", mi_heap_recalloc(NULL, NULL, none, largest));
  FOREIGN_ROWS(mi_heap_recalloc, mi_heap_recalloc(heap, p, 5, 2) == NULL, EINVAL);
  KEPT(mi_heap_realloc_aligned, "SIZE_MAX", mi_heap_realloc_aligned(heap, kept, largest, 64), ENOMEM, EOVERFLOW);
  SERVED(mi_heap_realloc_aligned, "nulls and 0", mi_heap_realloc_aligned(NULL, NULL, none, 64));
  FOREIGN_ROWS(mi_heap_realloc_aligned, mi_heap_realloc_aligned(heap, p, 10, 64) == NULL, EINVAL);
  KEPT(mi_heap_realloc_aligned_at, "SIZE_MAX", mi_heap_realloc_aligned_at(heap, kept, largest, 64, 8), ENOMEM, EOVERFLOW);
  SERVED(mi_heap_realloc_aligned_at, "nulls and 0", mi_heap_realloc_aligned_at(NULL, NULL, none, 64, 8));
  FOREIGN_ROWS(mi_heap_realloc_aligned_at, mi_heap_realloc_aligned_at(heap, p, 10, 64, 8) == NULL, EINVAL);
  KEPT(mi_heap_rezalloc_aligned, "SIZE_MAX", mi_heap_rezalloc_aligned(heap, kept, largest, 64), ENOMEM, EOVERFLOW);
  SERVED(mi_heap_rezalloc_aligned, "nulls and 0", mi_heap_rezalloc_aligned(NULL, NULL, none, 64));
  FOREIGN_ROWS(mi_heap_rezalloc_aligned, mi_heap_rezalloc_aligned(heap, p, 10, 64) == NULL, EINVAL);
  KEPT(mi_heap_rezalloc_aligned_at, "SIZE_MAX", mi_heap_rezalloc_aligned_at(heap, kept, largest, 64, 8), ENOMEM, EOVERFLOW);
  SERVED(mi_heap_rezalloc_aligned_at, "nulls and 0", mi_heap_rezalloc_aligned_at(NULL, NULL, none, 64, 8));
  FOREIGN_ROWS(mi_heap_rezalloc_aligned_at, mi_heap_rezalloc_aligned_at(heap, p, 10, 64, 8) == NULL, EINVAL);
  KEPT(mi_heap_recalloc_aligned, "overflow", mi_heap_recalloc_aligned(heap, kept, largest, 2, 64), ENOMEM, EOVERFLOW);
  SERVED(mi_heap_recalloc_aligned, "nulls and 0", mi_heap_recalloc_aligned(NULL, NULL, none, 9, 64));
  FOREIGN_ROWS(mi_heap_recalloc_aligned, mi_heap_recalloc_aligned(heap, p, 5, 2, 64) == NULL, EINVAL);
  KEPT(mi_heap_recalloc_aligned_at, "overflow", mi_heap_recalloc_aligned_at(heap, kept, largest, 2, 64, 8), ENOMEM, EOVERFLOW);
  SERVED(mi_heap_recalloc_aligned_at, "nulls and 0", mi_heap_recalloc_aligned_at(NULL, NULL, none, 9, 64, 8));
  FOREIGN_ROWS(mi_heap_recalloc_aligned_at, mi_heap_recalloc_aligned_at(heap, p, 5, 2, 64, 8) == NULL, EINVAL);
}

static void strings(void) {
  char resolved[PATH_MAX];
  ROW(mi_heap_strdup, "null", mi_heap_strdup(heap, NULL) == NULL, NOTHING);
  SERVED(mi_heap_strdup, "no heap, empty", mi_heap_strdup(NULL, ""));
  ROW(mi_heap_strndup, "null", mi_heap_strndup(heap, NULL, 9) == NULL, NOTHING);
  SERVED(mi_heap_strndup, "SIZE_MAX", mi_heap_strndup(heap, "text", largest));
  REFUSED(mi_heap_realpath, "null", mi_heap_realpath(heap, NULL, NULL), EINVAL, NOTHING);
  REFUSED(mi_heap_realpath, "no such file", mi_heap_realpath(heap, "/no/such/file", resolved), ENOENT, NOTHING);
}

int main(void) {
  open_table();
  heap = mi_heap_new();
  kept = mi_heap_malloc(heap, 100);
  CHECK(kept != NULL);
  memset(kept, 0x5a, 100);
  heaps();
  ended(mi_heap_delete);
  ended(mi_heap_destroy);
  ownership();
  sizes();
  alignments();
  resizes();
  strings();
  return close_table();
}
