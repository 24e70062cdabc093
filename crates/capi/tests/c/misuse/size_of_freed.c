// The size of a block is asked for that was freed.
#include "misuse.h"

int main(void) {
  void* p = with_neighbour(SMALL);
  mi_free(p);
  CHECK(mi_usable_size(launder(p)) == 0);
  return go_on();
}
