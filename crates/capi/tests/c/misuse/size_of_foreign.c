// The size of memory of the stack is asked for.
#include "misuse.h"

int main(void) {
  char block[64];
  CHECK(mi_usable_size(launder(block + 16)) == 0);
  return go_on();
}
