// The third word behind a guarded block is written: builds may keep those before for themselves.
#include "guarded.h"

int main(void) {
  char* p = guarded(SMALL);
  REACHES(p[SMALL + 16] = 0);
  return go_on();
}
