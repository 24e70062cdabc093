// An address inside a small block is freed.
#include "misuse.h"

int main(void) {
  char* p = with_neighbour(SMALL);
  memset(p, 7, SMALL);
  mi_free(launder(p + 16));
  CHECK(all_bytes(p, 7, SMALL));
  mi_free(p);
  return go_on();
}
