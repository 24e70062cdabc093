// calloc(3): zeroed, also in reused memory; a product that overflows gives NULL and ENOMEM.
#include "check.h"

static void fails(size_t count, size_t size) {
  errno = 0;
  CHECK(calloc(count, size) == NULL);
  CHECK(errno == ENOMEM);
}

int main(void) {
  fails(largest, 2);
  fails(2, largest);
  fails(largest / 2 + 1, 2);
  fails((size_t)1 << 32, (size_t)1 << 32);
  fails(largest, largest);
  for (size_t size = 1; size < 300000; size += size / 3 + 1) {
    char* dirty = malloc(size);
    CHECK(dirty != NULL);
    memset(dirty, 0xff, size);
    free(dirty);
    char* p = calloc(1, size);
    CHECK(p != NULL);
    CHECK(all_bytes(p, 0, size));
    free(p);
    p = calloc(size, 3);
    CHECK(p != NULL);
    CHECK(all_bytes(p, 0, size * 3));
    free(p);
  }
  return 0;
}
