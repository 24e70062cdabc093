// A failing mi_new has nothing to throw with in a C program: it says so and aborts.
#include "check.h"
#include <signal.h>

void* mi_new(size_t size);

static void aborted(int signal) {
  (void)signal;
  _exit(0);
}

int main(void) {
  signal(SIGABRT, aborted);
  mi_new(huge);
  return 1;
}
