/* Runs a function in a number of threads, each with a seed of its own. */
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>

static void run_threads(unsigned long threads, void *(*run)(void *)) {
  pthread_t *ids = malloc(threads * sizeof *ids);
  for (unsigned long i = 0; i < threads; i++) pthread_create(&ids[i], 0, run, (void *)(uintptr_t)(i + 1));
  for (unsigned long i = 0; i < threads; i++) pthread_join(ids[i], 0);
  free(ids);
}
