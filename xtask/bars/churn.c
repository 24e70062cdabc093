/* Replaces random ones of COUNT live blocks of LOW..HIGH bytes. usage: churn COUNT LOW HIGH OPS */
#include <stdlib.h>

#include "random.h"

int main(int argc, char **argv) {
  if (argc != 5) return 2;
  size_t count = strtoul(argv[1], 0, 10), low = strtoul(argv[2], 0, 10), high = strtoul(argv[3], 0, 10);
  unsigned long ops = strtoul(argv[4], 0, 10);
  char **live = calloc(count, sizeof *live);
  rng r = seeded(1);
  for (unsigned long op = 0; op < count + ops; op++) {
    size_t at = op < count ? op : next(&r) % count;
    size_t size = low + next(&r) % (high - low + 1);
    if (live[at] && *live[at] != (char)at) return 1;
    free(live[at]);
    live[at] = malloc(size);
    live[at][size - 1] = 1;
    *live[at] = (char)at;
  }
  return 0;
}
