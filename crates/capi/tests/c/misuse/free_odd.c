// An address is freed that no block can have.
#include "misuse.h"

int main(void) {
  char* p = with_neighbour(SMALL);
  mi_free(launder(p + 3));
  mi_free(p);
  return go_on();
}
