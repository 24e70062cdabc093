/* THREADS threads allocate and free batches of 200 blocks of 16..256 bytes. usage: batches THREADS ROUNDS */
#include <stdlib.h>

#include "random.h"
#include "threads.h"

enum { BATCH = 200 };
static unsigned long rounds;

static void *run(void *seed) {
  rng r = seeded((uint64_t)(uintptr_t)seed);
  char *blocks[BATCH];
  for (unsigned long round = 0; round < rounds; round++) {
    for (int i = 0; i < BATCH; i++) {
      size_t size = 16 + next(&r) % 241;
      blocks[i] = malloc(size);
      blocks[i][size - 1] = 2;
      blocks[i][0] = (char)i;
    }
    for (int i = 0; i < BATCH; i++) {
      if (blocks[i][0] != (char)i) abort();
      free(blocks[i]);
    }
  }
  return 0;
}

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  rounds = strtoul(argv[2], 0, 10);
  run_threads(strtoul(argv[1], 0, 10), run);
  return 0;
}
