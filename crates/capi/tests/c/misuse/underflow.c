// One byte is written before a block.
#include "misuse.h"

int main(void) {
  char* p = amid_live(SMALL, 1);
  p[-1] = 'x';
  for (size_t i = 0; i < MANY; i++) mi_free(live[i]);
  return go_on();
}
