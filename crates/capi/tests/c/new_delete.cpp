// Every form of new and delete comes from the library and goes back to it.
#include "check.h"

#include <new>

static char* got(void* p, size_t size, size_t alignment) {
  CHECK(p != nullptr);
  CHECK(is_ours(p));
  CHECK(aligned(p, alignment));
  memset(p, 0x66, size);
  return static_cast<char*>(p);
}

static void plain(size_t size) {
  size_t least = size > 8 ? 16 : 8;
  operator delete(got(operator new(size), size, least));
  operator delete(got(operator new(size), size, least), size);
  operator delete(got(operator new(size, std::nothrow), size, least), std::nothrow);
  operator delete[](got(operator new[](size), size, least));
  operator delete[](got(operator new[](size), size, least), size);
  operator delete[](got(operator new[](size, std::nothrow), size, least), std::nothrow);
}

static void over_aligned(size_t size, size_t alignment) {
  std::align_val_t a{alignment};
  operator delete(got(operator new(size, a), size, alignment), a);
  operator delete(got(operator new(size, a), size, alignment), size, a);
  operator delete(got(operator new(size, a, std::nothrow), size, alignment), a, std::nothrow);
  operator delete[](got(operator new[](size, a), size, alignment), a);
  operator delete[](got(operator new[](size, a), size, alignment), size, a);
  operator delete[](got(operator new[](size, a, std::nothrow), size, alignment), a, std::nothrow);
}

int main() {
  operator delete(nullptr);
  operator delete[](nullptr);
  operator delete(nullptr, size_t{8});
  for (size_t size = 0; size < 300000; size = size * 2 + 1) {
    plain(size);
    for (size_t alignment = 32; alignment <= 1 << 16; alignment *= 8) over_aligned(size, alignment);
  }
  return 0;
}
