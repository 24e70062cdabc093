/* A small generator, so that every allocator sees the same requests. */
#include <stdint.h>

typedef struct { uint64_t state; } rng;

static inline rng seeded(uint64_t seed) {
  rng r = {0x9e3779b97f4a7c15u + seed * 0x2545f4914f6cdd1du};
  return r;
}

static inline uint64_t next(rng *r) {
  r->state ^= r->state << 13;
  r->state ^= r->state >> 7;
  r->state ^= r->state << 17;
  return r->state >> 16;
}
