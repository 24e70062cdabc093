// What programs share that make mistakes on purpose, each in a function named `KIND__what`: memcheck reports one error
// of that kind in it, and nothing else. Without an argument a program makes all its mistakes, with `names` it prints
// them, with a name it makes that one.
#pragma once
#include "../check.h"

#include <fcntl.h>
#include <pthread.h>

enum { SMALL = 48, LARGE = 20000, HUGE_BLOCK = 1 << 20 };

// Where what was read goes, and what keeps blocks in use.
static volatile char sink;
static void* volatile kept[16];

#define FAULT static __attribute__((noinline)) void

// Forgets what the last calls have left on the stack and in registers: it may be the address of a block.
static __attribute__((noinline)) void wipe(void) {
  volatile char bytes[4096];
  for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = 0;
}

// Writes a block, so that nothing of it is uninitialised.
static inline char* written(void* p, size_t size) {
  CHECK(p != NULL);
  return memset(p, 7, size);
}

static inline void in_thread(void* (*run)(void*), void* p) {
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, run, p) == 0);
  CHECK(pthread_join(thread, NULL) == 0);
}

// What a thread runs that makes a mistake: the function of the mistake.
static inline void* call(void* function) {
  ((void (*)(void))function)();
  return NULL;
}

struct fault {
  const char* name;
  void (*commit)(void);
};

static inline int commit(const struct fault* faults, size_t count, int argc, char** argv) {
  for (size_t i = 0; i < count; i++) {
    if (argc > 1 && strcmp(argv[1], "names") == 0) {
      puts(faults[i].name);
    } else if (argc < 2 || strcmp(argv[1], faults[i].name) == 0) {
      faults[i].commit();
      wipe();
    }
  }
  return 0;
}

#define FAULT_ENTRY(name) {#name, name},
#define MAIN(FAULTS)                                              \
  int main(int argc, char** argv) {                               \
    static const struct fault faults[] = {FAULTS(FAULT_ENTRY)};   \
    return commit(faults, sizeof faults / sizeof *faults, argc, argv); \
  }
