// Memory of the stack is freed.
#include "misuse.h"

int main(void) {
  char block[64];
  void* p = mi_malloc(SMALL);
  mi_free(launder(block + 16));
  mi_free(p);
  return go_on();
}
