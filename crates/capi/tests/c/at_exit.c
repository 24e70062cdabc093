// Allocation works in atexit handlers and destructors, before and after the library's own end.
#include "check.h"

static char* kept;

__attribute__((constructor)) static void begin(void) {
  kept = strdup("from a constructor");
  CHECK(kept != NULL);
}

__attribute__((destructor)) static void end(void) {
  CHECK(strcmp(kept, "from a constructor") == 0);
  free(kept);
  free(malloc(100000));
}

static void handler(void) { free(malloc(100)); }

int main(void) {
  CHECK(atexit(handler) == 0);
  return 0;
}
