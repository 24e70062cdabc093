// The aligned mi_ functions: the size comes first, `_at` shifts the aligned place.
#include "mi.h"

static char* good(void* p, size_t size, size_t alignment, size_t offset) {
  CHECK(p != NULL);
  CHECK(((uintptr_t)p + offset) % alignment == 0);
  CHECK(mi_usable_size(p) >= size);
  return p;
}

int main(void) {
  for (size_t alignment = 1; alignment <= 1 << 20; alignment *= 2) {
    for (size_t size = 1; size < 200000; size = size * 7 + 3) {
      char* p = good(mi_malloc_aligned(size, alignment), size, alignment, 0);
      memset(p, 0xdd, mi_usable_size(p));
      p = good(mi_realloc_aligned(p, size * 3, alignment), size * 3, alignment, 0);
      CHECK(all_bytes(p, 0xdd, size));
      mi_free_size_aligned(p, size * 3, alignment);
      p = good(mi_zalloc_aligned(size, alignment), size, alignment, 0);
      CHECK(all_bytes(p, 0, mi_usable_size(p)));
      mi_free_aligned(p, alignment);
      p = good(mi_calloc_aligned(3, size, alignment), 3 * size, alignment, 0);
      CHECK(all_bytes(p, 0, 3 * size));
      mi_free(p);
    }
  }
  for (size_t alignment = 16; alignment <= 1 << 16; alignment *= 4) {
    for (size_t offset = 8; offset < 3 * alignment; offset = offset * 2 + 8) {
      char* p = good(mi_malloc_aligned_at(500, alignment, offset), 500, alignment, offset);
      memset(p, 0xdd, mi_usable_size(p));
      p = good(mi_realloc_aligned_at(p, 5000, alignment, offset), 5000, alignment, offset);
      CHECK(all_bytes(p, 0xdd, 500));
      mi_free(p);
      p = good(mi_zalloc_aligned_at(500, alignment, offset), 500, alignment, offset);
      CHECK(all_bytes(p, 0, 500));
      mi_free(p);
      p = good(mi_calloc_aligned_at(5, 100, alignment, offset), 500, alignment, offset);
      CHECK(all_bytes(p, 0, 500));
      mi_free(p);
    }
  }
  CHECK(mi_malloc_aligned(100, 0) == NULL);
  CHECK(mi_malloc_aligned(100, 3) == NULL);
  CHECK(mi_zalloc_aligned(100, 48) == NULL);
  CHECK(mi_calloc_aligned(largest, 2, 64) == NULL);
  CHECK(mi_malloc_aligned(huge, 64) == NULL);
  return 0;
}
