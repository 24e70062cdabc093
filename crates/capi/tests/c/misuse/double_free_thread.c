// A block is freed by its thread and once more by another.
#include "misuse.h"

static void* again(void* p) {
  mi_free(p);
  return NULL;
}

int main(void) {
  void* p = with_neighbour(SMALL);
  mi_free(p);
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, again, launder(p)) == 0);
  CHECK(pthread_join(thread, NULL) == 0);
  return go_on();
}
