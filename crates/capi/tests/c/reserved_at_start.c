// Started with 64 MiB reserved and nothing else allowed: that much there is, and no more.
#include "check.h"
#include "mimalloc.h"

int main(void) {
  size_t size = 0;
  CHECK(mi_arena_area(1, &size) != NULL && size == (size_t)64 << 20);
  CHECK(malloc((size_t)65 << 20) == NULL && errno == ENOMEM);
  for (int round = 0; round < 3; round++) {
    void* p = malloc((size_t)60 << 20);
    CHECK(mi_arena_contains(1, p));
    CHECK(malloc((size_t)5 << 20) == NULL);
    free(p);
  }
  return 0;
}
