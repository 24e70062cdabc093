// A small block is freed twice.
#include "misuse.h"

int main(void) {
  void* p = with_neighbour(SMALL);
  mi_free(p);
  mi_free(launder(p));
  return go_on();
}
