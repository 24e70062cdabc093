// An address inside a guarded block is freed.
#include "guarded.h"

int main(void) {
  char* p = guarded(SMALL);
  mi_free(launder(p + 16));
  mi_free(p);
  return go_on();
}
