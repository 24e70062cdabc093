// One byte is written behind a block with a page of its own.
#include "misuse.h"

int main(void) {
  char* p = mi_malloc(HUGE_BLOCK - 100);
  p[HUGE_BLOCK - 100] = 0;
  mi_free(p);
  return go_on();
}
