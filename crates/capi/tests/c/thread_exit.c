// Keys' destructors run after everything else of a thread, ours included: they may still allocate
// and free, in all rounds that POSIX gives them, and blocks outlive the thread.
#include "check.h"
#include <pthread.h>

enum { THREADS = 64, KEYS = 8 };
static pthread_key_t keys[KEYS];
static void* survivors[THREADS];

static void late(void* value) {
  int rounds = *(int*)value;
  free(value);
  void* p = malloc(100);
  CHECK(p != NULL);
  free(p);
  if (rounds == 0) return;
  int* next = malloc(sizeof(int));
  CHECK(next != NULL);
  *next = rounds - 1;
  // The key is the last one that the thread set: any will do to be called again.
  CHECK(pthread_setspecific(keys[rounds % KEYS], next) == 0);
}

static void* run(void* slot) {
  for (int i = 0; i < KEYS; i++) {
    int* rounds = malloc(sizeof(int));
    CHECK(rounds != NULL);
    *rounds = 3;
    CHECK(pthread_setspecific(keys[i], rounds) == 0);
  }
  // strerror's buffer is freed by glibc after the last destructor.
  CHECK(strerror(12345) != NULL);
  char* p = malloc(1000);
  CHECK(p != NULL);
  memset(p, 0x33, 1000);
  *(void**)slot = p;
  return NULL;
}

int main(void) {
  for (int i = 0; i < KEYS; i++) CHECK(pthread_key_create(&keys[i], late) == 0);
  for (int round = 0; round < 10; round++) {
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
      CHECK(pthread_create(&threads[i], NULL, run, &survivors[i]) == 0);
    }
    for (int i = 0; i < THREADS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
    for (int i = 0; i < THREADS; i++) {
      CHECK(all_bytes(survivors[i], 0x33, 1000));
      free(survivors[i]);
    }
  }
  return 0;
}
