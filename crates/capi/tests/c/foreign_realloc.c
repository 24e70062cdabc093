// realloc of a pointer that is not ours fails, and leaves what it points to alone.
#include "check.h"

static char in_data[64] = "data";

int main(void) {
  char on_stack[64] = "stack";
  CHECK(realloc(launder(on_stack), 100) == NULL);
  CHECK(realloc(launder(in_data), 100) == NULL);
  CHECK(realloc(launder((void*)0x3990080), 100) == NULL);
  CHECK(realloc(launder((void*)0x8000000000000000), 100) == NULL);
  CHECK(strcmp(on_stack, "stack") == 0 && strcmp(in_data, "data") == 0);
  return 0;
}
