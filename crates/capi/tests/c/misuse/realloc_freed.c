// A block is resized that was freed.
#include "misuse.h"

int main(void) {
  void* p = with_neighbour(SMALL);
  mi_free(p);
  CHECK(mi_realloc(launder(p), 4 * SMALL) == NULL);
  return go_on();
}
