// A block is freed twice by another thread than its own.
#include "misuse.h"

static void* twice(void* p) {
  mi_free(p);
  mi_free(launder(p));
  return NULL;
}

int main(void) {
  void* p = with_neighbour(SMALL);
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, twice, p) == 0);
  CHECK(pthread_join(thread, NULL) == 0);
  return go_on();
}
