// The other names of the family: glibc's __libc_ functions, BSD's, macOS's and Microsoft's.
#include "check.h"

void* __libc_malloc(size_t size);
void* __libc_calloc(size_t count, size_t size);
void* __libc_realloc(void* p, size_t size);
void* __libc_memalign(size_t alignment, size_t size);
void* __libc_valloc(size_t size);
void* __libc_pvalloc(size_t size);
void __libc_free(void* p);
#ifndef PRELOADED
void __libc_cfree(void* p);
void cfree(void* p);
void vfree(void* p);
int __posix_memalign(void** p, size_t alignment, size_t size);
void* _aligned_malloc(size_t size, size_t alignment);
#endif

static void* ours(void* p) {
  CHECK(p != NULL);
  CHECK(is_ours(p));
  return p;
}

int main(void) {
  free(ours(__libc_malloc(10)));
  __libc_free(ours(__libc_calloc(2, 10)));
  free(ours(__libc_realloc(malloc(10), 1000)));
  free(ours(__libc_memalign(256, 10)));
  free(ours(__libc_valloc(10)));
  free(ours(__libc_pvalloc(10)));
#ifndef PRELOADED
  void* p = NULL;
  CHECK(__posix_memalign(&p, 64, 10) == 0);
  __libc_cfree(ours(p));
  cfree(ours(malloc(10)));
  vfree(ours(valloc(10)));
  p = ours(_aligned_malloc(10, 4096));
  CHECK(aligned(p, 4096));
  free(p);
#endif
  return 0;
}
