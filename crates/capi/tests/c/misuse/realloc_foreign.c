// Memory of the stack is resized.
#include "misuse.h"

int main(void) {
  char block[64];
  CHECK(mi_realloc(launder(block + 16), 100) == NULL);
  return go_on();
}
