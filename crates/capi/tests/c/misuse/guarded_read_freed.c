// A guarded block is read after it was freed.
#include "guarded.h"

int main(void) {
  volatile char* p = guarded(SMALL);
  mi_free(launder((void*)p));
  REACHES((void)p[0]);
  return go_on();
}
