// Libraries of networks put functions of their own before munmap and madvise, which take a lock and allocate: that
// neither recurses for ever nor waits for a lock of the allocator that the thread holds.
#include "check.h"
#include "mimalloc.h"
#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>

enum { THREADS = 4, ROUNDS = 300 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static __thread int depth;
static _Atomic size_t calls;
// With several threads, one that waits for the lock may hold what a forced collection waits for.
static bool alone = true;

static void note(void) {
  calls++;
  if (depth > 0) return;
  depth++;
  pthread_mutex_lock(&lock);
  void* blocks[3];
  size_t sizes[3] = {40, 5000, 300000};
  for (int i = 0; i < 3; i++) {
    blocks[i] = malloc(sizes[i]);
    CHECK(blocks[i] != NULL);
    *(char*)blocks[i] = 1;
  }
  for (int i = 0; i < 3; i++) free(blocks[i]);
  if (alone) mi_collect(true);
  pthread_mutex_unlock(&lock);
  depth--;
}

int munmap(void* start, size_t size) {
  note();
  return (int)syscall(SYS_munmap, start, size);
}

int madvise(void* start, size_t size, int advice) {
  note();
  return (int)syscall(SYS_madvise, start, size, advice);
}

static void* work(void* arg) {
  size_t seed = (size_t)(uintptr_t)arg;
  for (size_t round = 0; round < ROUNDS; round++) {
    void* small[20];
    for (int i = 0; i < 20; i++) small[i] = malloc((seed + round * 7 + (size_t)i * 300) % 9000);
    // A few pages, and one that is a mapping of its own.
    void* large = malloc(((seed + round) % 40 + 1) * 100000);
    void* larger = round % 50 == 0 ? malloc((size_t)3 << 30) : NULL;
    CHECK(large != NULL);
    memset(large, 1, 100000);
    free(large);
    free(larger);
    for (int i = 0; i < 20; i++) free(small[i]);
    if (round % 20 == 0) mi_collect(true);
  }
  return NULL;
}

int main(void) {
  // Free memory goes back at once.
  mi_option_set(mi_option_purge_delay, 0);
  work(NULL);
  mi_option_set(mi_option_purge_delay, 1);
  work(NULL);
  mi_option_set(mi_option_purge_delay, 0);
  alone = false;
  pthread_t threads[THREADS];
  for (size_t i = 0; i < THREADS; i++) {
    CHECK(pthread_create(&threads[i], NULL, work, (void*)(uintptr_t)(i * 1000)) == 0);
  }
  for (size_t i = 0; i < THREADS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
  CHECK(calls > 2 * ROUNDS);
  return 0;
}
