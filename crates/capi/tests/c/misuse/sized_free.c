// A block is freed with another size than it has.
#include "misuse.h"

int main(void) {
  mi_free_size(with_neighbour(SMALL), 4 * SMALL);
  return go_on();
}
