// A library that makes mistakes inside a program: reads behind blocks, and in blocks that were freed. Where nothing guards
// the block nobody notices.
#define _GNU_SOURCE
#include <malloc.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static __thread sigjmp_buf noticed;

static void on_fault(int signal) {
  (void)signal;
  siglongjmp(noticed, 1);
}

static int is_noticed(const volatile char* p) {
  if (sigsetjmp(noticed, 1) != 0) return 1;
  (void)*p;
  return 0;
}

// Makes so many mistakes, reads after a free if `freed`, and says how many were noticed.
int plant(int count, int freed) {
  struct sigaction action = {.sa_handler = on_fault}, before;
  sigaction(SIGSEGV, &action, &before);
  int found = 0;
  for (int i = 0; i < count; i++) {
    size_t size = 1 + (size_t)i * 37 % 2000;
    char* p = malloc(size);
    if (freed) {
      free(p);
      found += is_noticed(p);
    } else {
      found += is_noticed(p + malloc_usable_size(p));
      free(p);
    }
  }
  sigaction(SIGSEGV, &before, NULL);
  return found;
}

// In a program that does not call `plant`: waits for a file named `go`, makes mistakes, and writes to a file named `found`
// how many were noticed.
static void* wait_and_plant(void* arg) {
  while (access("go", F_OK) != 0) usleep(10000);
  int overflows = plant(20000, 0), late = plant(20000, 1);
  FILE* file = fopen("found.new", "w");
  fprintf(file, "%d %d\n", overflows, late);
  fclose(file);
  rename("found.new", "found");
  return arg;
}

__attribute__((constructor)) static void start(void) {
  pthread_t thread;
  if (getenv("PLANT") != NULL) pthread_create(&thread, NULL, wait_and_plant, NULL);
}
