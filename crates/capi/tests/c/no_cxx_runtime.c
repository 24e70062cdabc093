// A C program has no C++ runtime, and the library does not bring one.
#include "check.h"

int main(void) {
  CHECK(dlsym(RTLD_DEFAULT, "__cxa_throw") == NULL);
  CHECK(dlsym(RTLD_DEFAULT, "__gxx_personality_v0") == NULL);
  void* p = malloc(10);
  CHECK(is_ours(p));
  free(p);
  return 0;
}
