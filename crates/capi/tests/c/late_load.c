// The library itself may be loaded late: threads that exist already get their slot, and it stays
// mapped after dlclose because they leave through it.
#include "check.h"
#include <pthread.h>

static pthread_barrier_t loaded, closed;
static void* (*late_malloc)(size_t);
static void (*late_free)(void*);

static void* run(void* unused) {
  (void)unused;
  pthread_barrier_wait(&loaded);
  void* p = late_malloc(100);
  CHECK(p != NULL);
  memset(p, 1, 100);
  late_free(p);
  pthread_barrier_wait(&closed);
  pthread_barrier_wait(&closed);
  return NULL;
}

int main(int argc, char** argv) {
  CHECK(argc == 2);
  CHECK(pthread_barrier_init(&loaded, NULL, 2) == 0);
  CHECK(pthread_barrier_init(&closed, NULL, 2) == 0);
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, run, NULL) == 0);
  void* library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) fprintf(stderr, "%s\n", dlerror());
  CHECK(library != NULL);
  late_malloc = (void* (*)(size_t))dlsym(library, "mi_malloc");
  late_free = (void (*)(void*))dlsym(library, "mi_free");
  CHECK(late_malloc != NULL && late_free != NULL);
  pthread_barrier_wait(&loaded);
  pthread_barrier_wait(&closed);
  CHECK(dlclose(library) == 0);
  pthread_barrier_wait(&closed);
  CHECK(pthread_join(thread, NULL) == 0);
  return 0;
}
