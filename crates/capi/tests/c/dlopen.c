// A C program loads and unloads a C++ library: the runtime comes after the allocator.
#include "check.h"

int main(int argc, char** argv) {
  CHECK(argc == 2);
  for (int i = 0; i < 50; i++) {
    void* library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) fprintf(stderr, "%s\n", dlerror());
    CHECK(library != NULL);
    int (*work)(void) = (int (*)(void))dlsym(library, "work");
    CHECK(work != NULL);
    CHECK(work() == 1);
    CHECK(dlclose(library) == 0);
  }
  return 0;
}
