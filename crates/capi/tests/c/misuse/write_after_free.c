// What a free block is linked by is written over.
#include "misuse.h"

int main(void) {
  void** p = with_neighbour(SMALL);
  mi_free(p);
  *(void**)launder(p) = launder((void*)0x4141414141414141);
  for (size_t i = 0; i < MANY; i++) CHECK(mi_malloc(SMALL) != NULL);
  return go_on();
}
