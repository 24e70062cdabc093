// realloc(3) keeps what fits of the old block, at every size up and down.
#include "check.h"
#include <malloc.h>

static unsigned char byte(size_t i) { return (unsigned char)(i * 131 + 7); }

static void fill(unsigned char* p, size_t from, size_t to) {
  for (size_t i = from; i < to; i++) p[i] = byte(i);
}

static void holds(const unsigned char* p, size_t size) {
  for (size_t i = 0; i < size; i++) CHECK(p[i] == byte(i));
}

int main(void) {
  size_t size = 1;
  unsigned char* p = realloc(NULL, size);
  CHECK(p != NULL);
  fill(p, 0, size);
  while (size < ((size_t)8 << 20)) {
    size_t next = size + size / 4 + 1;
    p = realloc(p, next);
    CHECK(p != NULL);
    holds(p, size);
    fill(p, size, next);
    CHECK(malloc_usable_size(p) >= next);
    size = next;
  }
  while (size > 1) {
    size /= 3;
    p = realloc(p, size + 1);
    CHECK(p != NULL);
    holds(p, size + 1);
  }
  free(p);
  return 0;
}
