// The plain mi_ functions.
#include "mi.h"

int main(void) {
  CHECK(mi_version() == 20401);
  CHECK(!mi_is_redirected());
  mi_process_init();
  mi_thread_init();

  for (size_t size = 0; size <= 1024; size++) {
    char* p = mi_malloc_small(size);
    CHECK(p != NULL);
    memset(p, 0xee, mi_usable_size(p));
    mi_free_small(p);
    p = mi_zalloc_small(size);
    CHECK(p != NULL && all_bytes(p, 0, mi_usable_size(p)));
    mi_free_small(p);
  }
  for (size_t size = 1; size < 3 << 20; size = size * 3 + 1) {
    char* p = mi_malloc(size);
    CHECK(p != NULL && mi_usable_size(p) >= size && mi_good_size(size) >= size);
    memset(p, 0xee, mi_usable_size(p));
    mi_free(p);
    p = mi_zalloc(size);
    CHECK(p != NULL && all_bytes(p, 0, mi_usable_size(p)));
    size_t usable = mi_usable_size(p);
    CHECK(mi_expand(p, usable) == p);
    CHECK(mi_expand(p, usable + 1) == NULL);
    errno = 0;
    CHECK(mi__expand(p, usable + 1) == NULL && errno == ENOMEM);
    mi_free(p);
  }
  CHECK(mi_expand(NULL, 1) == NULL);
  CHECK(mi_calloc(largest, 2) == NULL);
  CHECK(mi_mallocn(largest, 2) == NULL);

  char* p = mi_mallocn(10, 10);
  CHECK(p != NULL);
  memset(p, 5, 100);
  CHECK(mi_reallocn(p, largest, 2) == NULL);
  p = mi_reallocn(p, 20, 10);
  CHECK(p != NULL && all_bytes(p, 5, 100));
  p = mi_realloc(p, 1000);
  CHECK(p != NULL && all_bytes(p, 5, 100));
  CHECK(mi_reallocf(p, huge) == NULL);

  p = mi_malloc(100);
  CHECK(p != NULL);
  memset(p, 9, 100);
  mi_thread_done();
  mi_collect(true);
  CHECK(all_bytes(p, 9, 100));
  mi_free(p);
  mi_free(mi_malloc(100));
  return 0;
}
