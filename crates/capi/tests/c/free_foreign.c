// Frees one pointer that is not ours, the one the test looks for in the report.
#include "check.h"

int main(void) {
  free(launder((void*)0x3990080));
  return 0;
}
