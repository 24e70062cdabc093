// Allocates once and ends.
#include "check.h"

int main(void) {
  void* p = malloc(10);
  CHECK(p != NULL);
  free(p);
  return 0;
}
