// POSIX.1-2024: free does not change errno, whatever it asks of the system.
#include "check.h"

int main(void) {
  for (size_t size = 16; size <= (size_t)256 << 20; size *= 4) {
    char* p = malloc(size);
    CHECK(p != NULL);
    p[0] = 1;
    errno = 77;
    free(p);
    CHECK(errno == 77);
  }
  return 0;
}
