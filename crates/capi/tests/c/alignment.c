// Alignment: 16 for every block that could hold such an object, and what the aligned functions
// are asked for; one that is no power of two is EINVAL.
#include "check.h"
#include <malloc.h>

static void check_block(char* p, size_t alignment, size_t size) {
  CHECK(p != NULL);
  CHECK(aligned(p, alignment));
  CHECK(malloc_usable_size(p) >= size);
  memset(p, 0x77, size);
  p = realloc(p, size + 100);
  CHECK(p != NULL);
  CHECK(all_bytes(p, 0x77, size));
  free(p);
}

static void invalid(size_t alignment) {
  errno = 0;
  CHECK(aligned_alloc(alignment, 64) == NULL);
  CHECK(errno == EINVAL);
  errno = 0;
  CHECK(memalign(alignment, 64) == NULL);
  CHECK(errno == EINVAL);
}

int main(void) {
  volatile size_t zero = 0, three = 3, many = 48;
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  for (size_t size = 9; size < 100000; size += size / 7 + 1) {
    void* p = malloc(size);
    CHECK(p != NULL && aligned(p, _Alignof(max_align_t)));
    free(p);
  }
  for (size_t alignment = 1; alignment <= (size_t)64 << 20; alignment *= 2) {
    for (size_t size = 1; size < 5000; size = size * 5 + 2) {
      check_block(aligned_alloc(alignment, size), alignment, size);
      check_block(memalign(alignment, size), alignment, size);
    }
  }
  check_block(valloc(100), page, 100);
  check_block(pvalloc(page + 1), page, 2 * page);
  invalid(zero);
  invalid(three);
  invalid(many);
  invalid(largest);
  return 0;
}
