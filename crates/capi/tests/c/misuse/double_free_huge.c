// A block with a page of its own is freed twice.
#include "misuse.h"

int main(void) {
  void* p = mi_malloc(HUGE_BLOCK);
  mi_free(p);
  mi_free(launder(p));
  return go_on();
}
