// The place of a block is freed that nobody has had yet.
#include "misuse.h"

int main(void) {
  // Blocks of this size are linked one at a time; sixteen fit a page.
  uintptr_t p = (uintptr_t)with_neighbour(4000);
  mi_free(launder((void*)((p | 0xffff) - 4095)));
  return go_on();
}
