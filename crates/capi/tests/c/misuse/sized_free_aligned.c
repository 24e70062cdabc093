// A block that was allocated at an alignment is freed with another size than it has.
#include "misuse.h"

int main(void) {
  void* neighbour = mi_malloc_aligned(SMALL, 64);
  CHECK(neighbour != NULL);
  mi_free_size_aligned(launder(mi_malloc_aligned(SMALL, 64)), 4 * SMALL, 64);
  return go_on();
}
