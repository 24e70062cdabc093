// A large block that shares its page is freed twice.
#include "misuse.h"

int main(void) {
  void* p = with_neighbour(LARGE);
  mi_free(p);
  mi_free(launder(p));
  return go_on();
}
