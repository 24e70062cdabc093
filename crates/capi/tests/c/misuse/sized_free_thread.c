// A block is freed with another size than it has, by another thread.
#include "misuse.h"

static void* free_as(void* p) {
  mi_free_size(p, 4 * SMALL);
  return NULL;
}

int main(void) {
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, free_as, with_neighbour(SMALL)) == 0);
  CHECK(pthread_join(thread, NULL) == 0);
  return go_on();
}
