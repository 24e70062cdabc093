// A block is freed with an alignment that is none.
#include "misuse.h"

int main(void) {
  mi_free_size_aligned(with_neighbour(SMALL), SMALL, 3);
  return go_on();
}
