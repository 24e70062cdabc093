// A guarded block is freed with another size than it has.
#include "guarded.h"

int main(void) {
  mi_free_size(guarded(SMALL), 4 * SMALL);
  return go_on();
}
