/* THREADS threads pass blocks of 16..1015 bytes to each other through an array. usage: exchange THREADS OPS */
#include <stdatomic.h>
#include <stdlib.h>

#include "random.h"
#include "threads.h"

enum { SLOTS = 4096 };
static _Atomic(char *) slots[SLOTS];
static unsigned long ops;

static void *run(void *seed) {
  rng r = seeded((uint64_t)(uintptr_t)seed);
  for (unsigned long op = 0; op < ops; op++) {
    size_t size = 16 + next(&r) % 1000;
    char *block = malloc(size);
    block[0] = 7;
    block[size - 1] = 7;
    block = atomic_exchange(&slots[next(&r) % SLOTS], block);
    if (block && block[0] != 7) abort();
    free(block);
  }
  return 0;
}

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  ops = strtoul(argv[2], 0, 10);
  run_threads(strtoul(argv[1], 0, 10), run);
  return 0;
}
