// A block is freed with an alignment that it has not.
#include "misuse.h"

int main(void) {
  char* p = mi_malloc(SMALL);
  while ((uintptr_t)p % 4096 == 0) p = mi_malloc(SMALL);
  CHECK(p != NULL && mi_malloc(SMALL) != NULL);
  mi_free_aligned(launder(p), 4096);
  return go_on();
}
