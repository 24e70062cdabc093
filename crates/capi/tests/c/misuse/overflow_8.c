// Eight bytes are written behind a block that fills its place to the last word.
#include "misuse.h"

int main(void) {
  char* p = amid_live(56, 1);
  memset(p + 56, 'x', 8);
  mi_free(p);
  return done();
}
