// For programs whose mistake is with a guarded block.
#pragma once
#include "misuse.h"

static sigjmp_buf guard_touched;

static inline void on_guard(int signal) {
  (void)signal;
  siglongjmp(guard_touched, 1);
}

// A block behind and before which is memory that nobody can touch.
static inline void* guarded(size_t size) {
  mi_heap_t* heap = mi_heap_new();
  mi_heap_guarded_set_sample_rate(heap, 1, 0);
  void* p = mi_heap_malloc(heap, size);
  CHECK(p != NULL);
  memset(p, 7, size);
  return p;
}

// An access that the system refuses.
#define REACHES(access)                                          \
  do {                                                           \
    struct sigaction action = {.sa_handler = on_guard};          \
    CHECK(sigaction(SIGSEGV, &action, NULL) == 0);               \
    if (sigsetjmp(guard_touched, 1) == 0) {                      \
      access;                                                    \
      CHECK(!"the access is not refused");                       \
    }                                                            \
    CHECK(sigaction(SIGSEGV, &(struct sigaction){.sa_handler = SIG_DFL}, NULL) == 0); \
  } while (0)
