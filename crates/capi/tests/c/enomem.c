// malloc(3): a request that cannot be met gives NULL and ENOMEM, and leaves the old block alone.
#include "check.h"
#include <malloc.h>

static void failed(void* p) {
  CHECK(p == NULL);
  CHECK(errno == ENOMEM);
  errno = 0;
}

int main(void) {
  errno = 0;
  failed(malloc(huge));
  failed(malloc(largest));
  failed(calloc(1, huge));
  failed(realloc(NULL, huge));
  failed(memalign(64, huge));
  failed(aligned_alloc(4096, largest));
  failed(valloc(huge));
  failed(pvalloc(largest));
  failed(pvalloc(largest - 100));

  char* p = malloc(100);
  CHECK(p != NULL);
  memset(p, 0x5a, 100);
  failed(realloc(launder(p), huge));
  failed(reallocarray(launder(p), huge, 1));
  CHECK(all_bytes(p, 0x5a, 100));
  free(p);
  return 0;
}
