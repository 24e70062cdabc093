// C23: free_sized and free_aligned_sized.
#include "check.h"

void free_sized(void* p, size_t size);
void free_aligned_sized(void* p, size_t alignment, size_t size);

int main(void) {
  free_sized(NULL, 0);
  free_aligned_sized(NULL, 16, 0);
  for (size_t size = 0; size < 300000; size = size * 2 + 1) {
    void* p = malloc(size);
    CHECK(p != NULL);
    free_sized(p, size);
    p = calloc(size, 2);
    CHECK(p != NULL);
    free_sized(p, size * 2);
    for (size_t alignment = 16; alignment <= 1 << 20; alignment *= 16) {
      p = aligned_alloc(alignment, size);
      CHECK(p != NULL);
      free_aligned_sized(p, alignment, size);
    }
  }
  return 0;
}
