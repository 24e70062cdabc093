// malloc_stats(3) writes to standard error.
#include "check.h"
#include <malloc.h>

int main(void) {
  free(malloc(100));
  malloc_stats();
  return 0;
}
