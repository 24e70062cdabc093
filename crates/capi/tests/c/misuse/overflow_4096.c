// An OS page full of bytes is written behind a block.
#include "misuse.h"

int main(void) {
  char* p = amid_live(SMALL, 100);
  memset(p + SMALL, 'x', 4096);
  mi_free(p);
  return done();
}
