// The allocator can be told that the process ends, before it does: allocation goes on working.
#include "mi.h"

static void* survivor;

static void* use(void* arg) {
  (void)arg;
  for (size_t size = 1; size < 3 * MiB; size *= 3) mi_free(filled(mi_malloc(size), 0x3c));
  mi_thread_done();
  return filled(mi_malloc(1000), 0x3c);
}

static void at_exit(void) {
  CHECK(holds(survivor, 0x3c));
  mi_free(survivor);
  mi_free(use(NULL));
}

int main(void) {
  CHECK(atexit(at_exit) == 0);
  survivor = filled(mi_malloc(1000), 0x3c);
  mi_process_done();
  void* p = in_thread(use, NULL);
  CHECK(holds(p, 0x3c));
  mi_free(p);
  mi_process_init();
  mi_free(use(NULL));
  mi_process_done();
  return 0;
}
