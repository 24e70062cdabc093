// posix_memalign(3): the result is the error; errno, and on failure the pointer, keep their values.
#include "check.h"

static void fails(size_t alignment, size_t size, int code) {
  int mark;
  void* p = &mark;
  errno = 77;
  CHECK(posix_memalign(&p, alignment, size) == code);
  CHECK(errno == 77);
  CHECK(p == &mark);
}

int main(void) {
  volatile size_t zero = 0;
  fails(zero, 64, EINVAL);
  fails(1, 64, EINVAL);
  fails(4, 64, EINVAL);
  fails(24, 64, EINVAL);
  fails(sizeof(void*) + 1, 64, EINVAL);
  fails(64, huge, ENOMEM);
  fails(sizeof(void*), largest, ENOMEM);
  for (size_t alignment = sizeof(void*); alignment <= (size_t)1 << 22; alignment *= 2) {
    void* p = NULL;
    errno = 77;
    CHECK(posix_memalign(&p, alignment, 100) == 0);
    CHECK(errno == 77);
    CHECK(p != NULL && aligned(p, alignment));
    memset(p, 1, 100);
    free(p);
  }
  return 0;
}
