// A program that allocates the same way has its deferred frees at the same places, in every run.
#include "mi.h"

static size_t step;

static void deferred(bool force, unsigned long long heartbeat, void* arg) {
  printf("%zu %llu %d %zu\n", step, heartbeat, force, *(size_t*)arg);
}

static void trace(void) {
  static void* blocks[512];
  size_t random = 12345;
  static char buffer[4096];
  CHECK(setvbuf(stdout, buffer, _IOFBF, sizeof buffer) == 0);
  mi_register_deferred_free(deferred, &random);
  for (step = 0; step < 30000; step++) {
    random = random * 6364136223846793005u + 1442695040888963407u;
    size_t slot = (random >> 33) % 512, size = (random >> 43) % 5000;
    mi_free(blocks[slot]);
    blocks[slot] = mi_malloc(size);
    CHECK(blocks[slot] != NULL);
    if (step % 5000 == 0) mi_collect(step % 10000 == 0);
  }
  mi_register_deferred_free(NULL, NULL);
  CHECK(fflush(stdout) == 0);
}

// What the program prints when it runs again.
static size_t run_again(char* program, char* text, size_t room) {
  char command[PATH_MAX + 10];
  snprintf(command, sizeof command, "'%s' trace", program);
  FILE* pipe = popen(command, "r");
  CHECK(pipe != NULL);
  size_t size = fread(text, 1, room, pipe);
  CHECK(pclose(pipe) == 0 && size < room);
  return size;
}

int main(int count, char** arguments) {
  if (count > 1) {
    trace();
    return 0;
  }
  // Chance decides there when the general path is taken.
  if (RANDOM_ORDER) return 0;
  static char first[MiB], second[MiB];
  size_t size = run_again(arguments[0], first, sizeof first);
  CHECK(size > 1000);
  for (int run = 0; run < 3; run++) {
    CHECK(run_again(arguments[0], second, sizeof second) == size);
    CHECK(memcmp(first, second, size) == 0);
  }
  return 0;
}
