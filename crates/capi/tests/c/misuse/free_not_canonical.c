// An address is freed that no process can have.
#include "misuse.h"

int main(void) {
  mi_free(launder((void*)0xdeadbeefdeadbee0));
  return go_on();
}
