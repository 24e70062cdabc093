// Addresses are freed where nothing is mapped any more.
#include "misuse.h"

int main(void) {
  char* p = mmap(NULL, 1 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(p != MAP_FAILED && munmap(p, 1 << 20) == 0);
  mi_free(launder(p + 4096));
  return go_on();
}
