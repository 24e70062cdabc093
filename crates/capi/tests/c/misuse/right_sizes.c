// Blocks are freed by what was asked for: that is no mistake, whatever the block has beyond it.
#include "misuse.h"

static void* resized(void* p, size_t size) {
  p = mi_realloc(p, size);
  CHECK(p != NULL);
  return p;
}

int main(void) {
  for (size_t alignment = 8; alignment <= 1 << 18; alignment *= 2) {
    for (size_t size = 0; size <= 1 << 21; size = size * 3 / 2 + 1) {
      mi_free_size_aligned(mi_malloc_aligned(size, alignment), size, alignment);
      mi_free_size(mi_malloc_aligned(size, alignment), size);
      mi_free_aligned(mi_malloc_aligned(size, alignment), alignment);
    }
  }
  for (size_t size = 0; size <= 1 << 21; size = size * 3 / 2 + 1) {
    mi_free_size(mi_malloc(size), size);
    mi_free_size(resized(mi_malloc(size), size / 2), size / 2);
    mi_free_size(resized(mi_malloc(size), size + 1), size + 1);
    mi_free_size_aligned(mi_malloc(size), size, 8);
  }
  return go_on();
}
