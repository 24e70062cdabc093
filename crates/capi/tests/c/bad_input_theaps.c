// Bad input to the functions of theaps. Without a theap the thread's default one is meant.
#include "bad_input.h"

static volatile size_t three = 3, none = 0;

static void* late_heap;

static void in_ended_thread(void* value) {
  (void)value;
  // The thread's own part of a heap is gone, and nothing is made for it any more.
  mi_theap_t* theap = mi_heap_theap(late_heap);
  ROW(mi_heap_theap, "ended thread", theap == NULL || gone(mi_theap_malloc(theap, 9)), NOTHING);
  SERVED(mi_theap_malloc, "ended thread", mi_theap_malloc(NULL, 9));
  SERVED(mi_theap_zalloc, "ended thread", mi_theap_zalloc(NULL, 9));
}

static pthread_key_t key;

static void* ends(void* arg) {
  CHECK(gone(mi_malloc(9)) && pthread_setspecific(key, arg) == 0);
  return NULL;
}

int main(void) {
  open_table();
  mi_heap_t* heap = mi_heap_new();
  mi_theap_t* theap = mi_heap_theap(heap);
  CHECK(theap != NULL);
  char* kept = mi_theap_malloc(theap, 100);
  CHECK(kept != NULL);
  memset(kept, 0x5a, 100);

  ROW(mi_heap_theap, "null", mi_heap_theap(NULL) == mi_heap_theap(mi_heap_main()), NOTHING);
  ROW(mi_theap_get_default, "nothing", mi_theap_get_default() != NULL, NOTHING);
  ROW(mi_theap_set_default, "null",
      mi_theap_set_default(NULL) == NULL && mi_heap_get_default() == mi_heap_main(), NOTHING);
  ROW(mi_theap_collect, "null", (mi_theap_collect(NULL, true), true), NOTHING);
  ROW(mi_theap_guarded_set_sample_rate, "null and SIZE_MAX",
      (mi_theap_guarded_set_sample_rate(NULL, largest, 0), gone(mi_malloc(9))), NOTHING);
  ROW(mi_theap_guarded_set_size_bound, "null, minimum above maximum",
      (mi_theap_guarded_set_size_bound(NULL, 9, 3), gone(mi_malloc(9))), NOTHING);
  mi_theap_guarded_set_sample_rate(NULL, 0, 0);

  REFUSED(mi_theap_malloc, "SIZE_MAX", mi_theap_malloc(theap, largest), ENOMEM, EOVERFLOW);
  SERVED(mi_theap_malloc, "null and 0", mi_theap_malloc(NULL, none));
  REFUSED(mi_theap_zalloc, "SIZE_MAX", mi_theap_zalloc(theap, largest), ENOMEM, EOVERFLOW);
  SERVED(mi_theap_zalloc, "null and 0", mi_theap_zalloc(NULL, none));
  REFUSED(mi_theap_calloc, "overflow", mi_theap_calloc(theap, largest, 2), ENOMEM, EOVERFLOW);
  SERVED(mi_theap_calloc, "null, 0 * SIZE_MAX", mi_theap_calloc(NULL, none, largest));
  REFUSED(mi_theap_malloc_small, "SIZE_MAX", mi_theap_malloc_small(theap, largest), ENOMEM, EOVERFLOW);
  SERVED(mi_theap_malloc_small, "null and 0", mi_theap_malloc_small(NULL, none));
  REFUSED(mi_theap_zalloc_small, "SIZE_MAX", mi_theap_zalloc_small(theap, largest), ENOMEM, EOVERFLOW);
  SERVED(mi_theap_zalloc_small, "null and 0", mi_theap_zalloc_small(NULL, none));
  REFUSED(mi_theap_malloc_aligned, "alignment 0", mi_theap_malloc_aligned(theap, 9, none), EINVAL, EOVERFLOW);
  REFUSED(mi_theap_malloc_aligned, "alignment 3", mi_theap_malloc_aligned(theap, 9, three), EINVAL, EOVERFLOW);
  REFUSED(mi_theap_malloc_aligned, "SIZE_MAX", mi_theap_malloc_aligned(theap, largest, 64), ENOMEM, EOVERFLOW);
  SERVED(mi_theap_malloc_aligned, "null and 0", mi_theap_malloc_aligned(NULL, none, 64));
  REFUSED(mi_theap_realloc, "SIZE_MAX", mi_theap_realloc(theap, kept, largest), ENOMEM, EOVERFLOW);
  SERVED(mi_theap_realloc, "nulls and 0", mi_theap_realloc(NULL, NULL, none));
  FOREIGN_ROWS(mi_theap_realloc, mi_theap_realloc(theap, p, 10) == NULL, EINVAL);
  CHECK(all_bytes(kept, 0x5a, 100));

  // The heap ends, the theap is still in the thread's hands.
  mi_heap_destroy(heap);
  ROW(mi_theap_collect, "destroyed heap", (mi_theap_collect(theap, true), true), NOTHING);
  ROW(mi_theap_malloc, "destroyed heap", mi_theap_malloc(theap, 9) == NULL, ENOMEM);
  ROW(mi_theap_malloc, "destroyed heap, large", mi_theap_malloc(theap, MiB) == NULL, ENOMEM);

  late_heap = mi_heap_new();
  CHECK(pthread_key_create(&key, in_ended_thread) == 0);
  in_thread(ends, late_heap);
  return close_table();
}
