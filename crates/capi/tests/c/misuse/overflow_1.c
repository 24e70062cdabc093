// One byte is written behind a block.
#include "misuse.h"

int main(void) {
  char* p = amid_live(SMALL, 1);
  p[SMALL] = 0;
  mi_free(p);
  return done();
}
