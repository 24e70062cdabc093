// Memory of the program is freed.
#include "misuse.h"

static char block[64];

int main(void) {
  void* p = mi_malloc(SMALL);
  mi_free(launder(block + 16));
  mi_free(p);
  return go_on();
}
