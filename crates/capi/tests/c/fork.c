// A child of a process whose threads are allocating can allocate, free and exit.
#include "check.h"
#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>

static atomic_bool stop;

static void* hammer(void* unused) {
  (void)unused;
  while (!atomic_load(&stop)) {
    void* p[50];
    for (size_t i = 0; i < 50; i++) p[i] = malloc(i * 97 + 1);
    for (size_t i = 0; i < 50; i++) free(p[i]);
  }
  return NULL;
}

int main(void) {
  pthread_t threads[4];
  for (int i = 0; i < 4; i++) CHECK(pthread_create(&threads[i], NULL, hammer, NULL) == 0);
  for (int i = 0; i < 100; i++) {
    void* inherited = malloc(5000);
    CHECK(inherited != NULL);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
      alarm(20);
      free(inherited);
      for (size_t size = 1; size < 1 << 22; size *= 2) {
        char* p = malloc(size);
        if (p == NULL) _exit(1);
        p[size - 1] = 1;
        free(p);
      }
      _exit(0);
    }
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    free(inherited);
  }
  atomic_store(&stop, true);
  for (int i = 0; i < 4; i++) CHECK(pthread_join(threads[i], NULL) == 0);
  return 0;
}
