// An address inside a large block that shares its page is freed.
#include "misuse.h"

int main(void) {
  char* p = with_neighbour(LARGE);
  memset(p, 7, LARGE);
  mi_free(launder(p + 4096));
  CHECK(all_bytes(p, 7, LARGE));
  mi_free(p);
  return go_on();
}
