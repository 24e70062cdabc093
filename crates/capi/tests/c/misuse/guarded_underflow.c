// A byte is written an OS page before a guarded block.
#include "guarded.h"

int main(void) {
  char* p = guarded(SMALL);
  REACHES(p[-4096] = 0);
  return go_on();
}
