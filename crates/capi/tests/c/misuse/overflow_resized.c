// One byte is written behind a block, which then stays where it is when it is resized.
#include "misuse.h"

int main(void) {
  char* p = amid_live(SMALL, 1);
  p[SMALL] = 0;
  CHECK(mi_realloc(p, SMALL - 1) == p);
  return done();
}
