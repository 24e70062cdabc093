// A thread gives up pages until it owns no more than it is told; its blocks stay.
#include "mi.h"

enum { BLOCKS = 20000 };
static void* blocks[BLOCKS];

static void* work(void* arg) {
  (void)arg;
  mi_thread_set_in_threadpool();
  for (size_t target = 0; target <= SIZE_MAX / 2; target = target * 16 + 100 * KiB) {
    for (size_t i = 0; i < BLOCKS; i++) blocks[i] = filled(mi_malloc(i % 2500), (int)i % 256);
    for (size_t i = 0; i < BLOCKS; i++) {
      if (i % 7 != 0) mi_free(blocks[i]);
    }
    mi_collect_reduce(target);
    for (size_t i = 0; i < BLOCKS; i += 7) {
      CHECK(holds(blocks[i], (int)i % 256));
      mi_free(blocks[i]);
    }
  }
  mi_collect_reduce(0);
  mi_collect_reduce(SIZE_MAX);
  return mi_malloc(100);
}

int main(void) {
  mi_free(work(NULL));
  mi_free(in_thread(work, NULL));
  return 0;
}
