// A sub-process with living threads does not end, and a thread joins one sub-process only: a warning each.
#include "mi.h"

static pthread_barrier_t step;
static mi_subproc_id_t first, second;

static void* inhabit(void* arg) {
  (void)arg;
  mi_subproc_add_current_thread(first);
  void* p = filled(mi_malloc(1000), 0x19);
  CHECK(quiet());
  mi_subproc_add_current_thread(first);  // it is there already
  CHECK(mi_subproc_current() == first);
  forget();
  mi_subproc_add_current_thread(second);
  CHECK(warned() && mi_subproc_current() == first);
  mi_subproc_add_current_thread(mi_subproc_main());
  CHECK(mi_subproc_current() == first);
  forget();
  pthread_barrier_wait(&step);
  pthread_barrier_wait(&step);
  CHECK(holds(p, 0x19));
  mi_free(filled(mi_malloc(2000), 0x19));
  mi_free(p);
  return NULL;
}

int main(void) {
  pthread_t thread;
  listen_to_messages();
  first = mi_subproc_new();
  second = mi_subproc_new();
  CHECK(pthread_barrier_init(&step, NULL, 2) == 0);
  CHECK(pthread_create(&thread, NULL, inhabit, NULL) == 0);
  pthread_barrier_wait(&step);
  mi_subproc_delete(first);
  CHECK(warned());
  mi_subproc_destroy(first);
  CHECK(warned());
  mi_subproc_delete(second);
  CHECK(quiet());
  pthread_barrier_wait(&step);
  CHECK(pthread_join(thread, NULL) == 0);
  mi_subproc_delete(first);
  CHECK(quiet());
  return 0;
}
