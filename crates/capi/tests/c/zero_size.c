// A request for nothing gives a block of its own, which can be freed; realloc(p, 0) too.
#include "check.h"
#include <malloc.h>

int main(void) {
  void* blocks[8];
  int n = 0;
  blocks[n++] = malloc(0);
  blocks[n++] = malloc(0);
  blocks[n++] = calloc(0, 8);
  blocks[n++] = calloc(8, 0);
  blocks[n++] = realloc(NULL, 0);
  blocks[n++] = realloc(malloc(100), 0);
  blocks[n++] = aligned_alloc(64, 0);
  CHECK(posix_memalign(&blocks[n++], 64, 0) == 0);
  for (int i = 0; i < n; i++) {
    CHECK(blocks[i] != NULL);
    for (int k = 0; k < i; k++) CHECK(blocks[i] != blocks[k]);
  }
  for (int i = 0; i < n; i++) free(blocks[i]);
  free(NULL);
  return 0;
}
