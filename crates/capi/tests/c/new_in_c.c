// The nothrow forms of mi_new give NULL in a program without a C++ runtime.
#include "check.h"

void* mi_new(size_t size);
void* mi_new_n(size_t count, size_t size);
void* mi_new_aligned(size_t size, size_t alignment);
void* mi_new_nothrow(size_t size);
void* mi_new_aligned_nothrow(size_t size, size_t alignment);

int main(void) {
  free(mi_new(10));
  free(mi_new_n(10, 10));
  void* p = mi_new_aligned(10, 256);
  CHECK(p != NULL && aligned(p, 256));
  free(p);
  CHECK(mi_new_nothrow(huge) == NULL);
  CHECK(mi_new_aligned_nothrow(huge, 64) == NULL);
  CHECK(mi_new_aligned_nothrow(64, 3) == NULL);
  return 0;
}
