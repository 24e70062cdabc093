// One byte is read before a guarded block that stands behind its guard.
#include "guarded.h"

int main(void) {
  mi_option_set(mi_option_guarded_before, 1);
  volatile char* p = guarded(SMALL);
  REACHES((void)p[-1]);
  return go_on();
}
