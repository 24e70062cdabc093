// An address is freed that is never mapped.
#include "misuse.h"

int main(void) {
  mi_free(launder((void*)4096));
  return go_on();
}
