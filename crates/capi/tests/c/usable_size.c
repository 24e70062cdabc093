// malloc_usable_size(3): all of it may be written, and no block runs into the next.
#include "check.h"
#include <malloc.h>

size_t malloc_size(const void* p);
size_t malloc_good_size(size_t size);

enum { COUNT = 2000 };
static unsigned char* blocks[COUNT];

int main(void) {
  CHECK(malloc_usable_size(NULL) == 0);
  CHECK(malloc_size(NULL) == 0);
  for (size_t i = 0; i < COUNT; i++) {
    size_t size = i * i % 3001;
    blocks[i] = malloc(size);
    CHECK(blocks[i] != NULL);
    size_t usable = malloc_usable_size(blocks[i]);
    CHECK(usable >= size);
    CHECK(malloc_size(blocks[i]) == usable);
    CHECK(PADDED ? usable == size && malloc_good_size(size) > size : malloc_good_size(size) == usable);
    memset(blocks[i], (int)(i % 251), usable);
  }
  for (size_t i = 0; i < COUNT; i++) {
    CHECK(all_bytes(blocks[i], (int)(i % 251), malloc_usable_size(blocks[i])));
    free(blocks[i]);
  }
  return 0;
}
