// Libraries for communication put functions of their own in front of those that change mappings, and take
// locks in them. The allocator doesn't call them: it may be called with such a lock held.
#include "mi.h"

#include <sys/syscall.h>

static pthread_mutex_t registry = PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP;

static void look_up(void) {
  // A thread that waits for itself is told so.
  CHECK(pthread_mutex_lock(&registry) == 0);
  CHECK(pthread_mutex_unlock(&registry) == 0);
}

int munmap(void* p, size_t size) {
  look_up();
  return (int)syscall(SYS_munmap, p, size);
}

int madvise(void* p, size_t size, int advice) {
  look_up();
  return (int)syscall(SYS_madvise, p, size, advice);
}

int mprotect(void* p, size_t size, int protection) {
  look_up();
  return (int)syscall(SYS_mprotect, p, size, protection);
}

void* mmap(void* p, size_t size, int protection, int flags, int file, off_t offset) {
  look_up();
  return (void*)syscall(SYS_mmap, p, size, protection, flags, file, offset);
}

void* mremap(void* p, size_t size, size_t new_size, int flags, ...) {
  look_up();
  return (void*)syscall(SYS_mremap, p, size, new_size, flags, NULL);
}

int main(void) {
  CHECK(pthread_mutex_lock(&registry) == 0);
  for (size_t round = 0; round < 5; round++) {
    // Where a guard is behind each block, all of it is copied when it grows.
    for (size_t size = 1; size <= (size_t)1 << (GUARDED_PAGES ? 26 : 32); size *= 4) {
      char* p = malloc(size);
      CHECK(p != NULL);
      p[0] = p[size - 1] = 1;
      p = realloc(p, 2 * size);
      CHECK(p != NULL && p[0] == 1);
      free(p);
    }
    mi_collect(true);
  }
  CHECK(pthread_mutex_unlock(&registry) == 0);
  return 0;
}
