// The second word behind a guarded block is written: builds may keep the first for themselves.
#include "guarded.h"

int main(void) {
  char* p = guarded(SMALL);
  REACHES(p[SMALL + 8] = 0);
  return go_on();
}
