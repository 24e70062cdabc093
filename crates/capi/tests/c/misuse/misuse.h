// What the programs share of which each makes one mistake. A program ends with 0 when the library let it go on and
// nothing else was harmed.
#pragma once
#include "../mi.h"

#include <setjmp.h>
#include <signal.h>

enum { SMALL = 48, LARGE = 20000, HUGE_BLOCK = 1 << 20, MANY = 2000 };

// Live blocks of one size, so many that the ones at hand have live neighbours.
static void* live[MANY];

static inline void fill(size_t size) {
  for (size_t i = 0; i < MANY; i++) {
    live[i] = mi_malloc(size);
    CHECK(live[i] != NULL);
    memset(live[i], 7, size);
  }
}

static inline int by_address(const void* a, const void* b) {
  uintptr_t x = (uintptr_t) * (void* const*)a, y = (uintptr_t) * (void* const*)b;
  return (x > y) - (x < y);
}

// A live block of which the `count` blocks before and after are live ones of the same page.
static inline char* amid_live(size_t size, size_t count) {
  fill(size);
  qsort(live, MANY, sizeof *live, by_address);
  size_t stride = SIZE_MAX;
  for (size_t i = 1; i < MANY; i++) {
    size_t gap = (size_t)((char*)live[i] - (char*)live[i - 1]);
    if (gap < stride) stride = gap;
  }
  for (size_t i = count; i + count < MANY; i++) {
    size_t span = (size_t)((char*)live[i + count] - (char*)live[i - count]);
    bool one_page = (uintptr_t)live[i + count] >> 16 == (uintptr_t)live[i - count] >> 16;
    if (span == 2 * count * stride && one_page) return (char*)live[i];
  }
  CHECK(!"no block has so many live neighbours");
  return NULL;
}

// A block, and another one that keeps its page in use.
static inline void* with_neighbour(size_t size) {
  CHECK(mi_malloc(size) != NULL);
  void* p = mi_malloc(size);
  CHECK(p != NULL);
  return p;
}

// Ends without a look at what the mistake may have left behind.
static inline int done(void) { _exit(0); }

// Ends after the library has served as before: blocks are distinct and hold what is written to them.
static inline int go_on(void) {
  enum { COUNT = 3000 };
  static char* blocks[COUNT];
  for (size_t i = 0; i < COUNT; i++) {
    size_t size = 1 + i * 37 % 3000;
    CHECK((blocks[i] = (char*)mi_malloc(size)) != NULL);
    memset(blocks[i], (int)(i % 251), size);
  }
  for (size_t i = 0; i < COUNT; i++) {
    size_t size = 1 + i * 37 % 3000;
    CHECK(all_bytes(blocks[i], (int)(i % 251), size));
    mi_free(blocks[i]);
  }
  mi_collect(true);
  _exit(0);
}
