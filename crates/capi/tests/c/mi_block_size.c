// The functions that also report the size of the block.
#include "mi.h"

int main(void) {
  size_t size = 0, before = 99, after = 0;
  void* p = mi_umalloc(100, &size);
  CHECK(p != NULL && size == block_bytes(p));
  p = mi_urealloc(p, 1000, &before, &after);
  CHECK(p != NULL && before == size && (PADDED ? after >= block_bytes(p) : after == block_bytes(p)));
  mi_ufree(p, &size);
  CHECK(size == after);
  CHECK(mi_urealloc(NULL, huge, &before, &after) == NULL);
  CHECK(before == 0 && after == size);
  mi_ufree(NULL, &size);
  CHECK(size == after);
  CHECK(mi_umalloc(huge, &size) == NULL && size == after);

  mi_ufree(mi_ucalloc(10, 10, &size), NULL);
  CHECK(size >= 100);
  mi_ufree(mi_umalloc_small(10, NULL), &size);
  CHECK(size >= 10 && size < 100);
  p = mi_uzalloc_small(500, &size);
  CHECK(p != NULL && size >= 500 && all_bytes(p, 0, PADDED ? mi_usable_size(p) : size));
  mi_ufree(p, NULL);
  p = mi_umalloc_aligned(100, 256, &size);
  CHECK(p != NULL && aligned(p, 256) && size >= mi_usable_size(p));
  mi_ufree(p, NULL);
  p = mi_uzalloc_aligned(100, 256, &size);
  CHECK(p != NULL && aligned(p, 256) && all_bytes(p, 0, 100));
  mi_ufree(p, NULL);
  return 0;
}
