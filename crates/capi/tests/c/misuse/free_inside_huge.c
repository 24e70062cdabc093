// An address inside a block with a page of its own is freed, and then the block.
#include "misuse.h"

int main(void) {
  char* p = mi_malloc(HUGE_BLOCK);
  mi_free(launder(p + 4096));
  mi_free(p);
  return go_on();
}
