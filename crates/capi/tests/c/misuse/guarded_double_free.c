// A guarded block is freed twice.
#include "guarded.h"

int main(void) {
  void* p = guarded(SMALL);
  mi_free(p);
  mi_free(launder(p));
  return go_on();
}
