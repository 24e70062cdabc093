// Mistakes with the functions of the C library.
#include "faults.h"

#include <malloc.h>

// Beyond either end of a block.

FAULT InvalidRead__behind(void) {
  char* p = written(malloc(SMALL), SMALL);
  sink = p[SMALL];
  free(p);
}

FAULT InvalidWrite__behind(void) {
  char* p = written(malloc(SMALL), SMALL);
  p[SMALL] = 1;
  free(p);
}

FAULT InvalidWrite__behind_empty(void) {
  char* p = malloc(0);
  *p = 1;
  free(p);
}

FAULT InvalidWrite__behind_odd(void) {
  char* p = written(malloc(13), 13);
  p[13] = 1;
  free(p);
}

FAULT InvalidWrite__behind_by_15(void) {
  char* p = written(malloc(SMALL), SMALL);
  p[SMALL + 15] = 1;
  free(p);
}

FAULT InvalidWrite__behind_zeroed(void) {
  char* p = calloc(3, 11);
  CHECK(p != NULL);
  p[33] = 1;
  free(p);
}

FAULT InvalidWrite__behind_aligned(void) {
  char* p = written(aligned_alloc(256, SMALL), SMALL);
  p[SMALL] = 1;
  free(p);
}

FAULT InvalidWrite__behind_large(void) {
  char* p = written(malloc(LARGE), LARGE);
  p[LARGE] = 1;
  free(p);
}

FAULT InvalidWrite__behind_huge(void) {
  char* p = written(malloc(HUGE_BLOCK), HUGE_BLOCK);
  p[HUGE_BLOCK] = 1;
  free(p);
}

FAULT InvalidRead__before(void) {
  char* p = written(malloc(SMALL), SMALL);
  sink = p[-1];
  free(p);
}

FAULT InvalidWrite__before_by_8(void) {
  // The first block of a page has nothing before it.
  void* first = malloc(SMALL);
  char* p = written(malloc(SMALL), SMALL);
  p[-8] = 1;
  free(p);
  free(first);
}

FAULT InvalidWrite__behind_usable(void) {
  char* p = written(malloc(SMALL + 1), SMALL + 1);
  p[malloc_usable_size(p)] = 1;
  free(p);
}

// After the end of a block.

FAULT InvalidRead__freed(void) {
  char* p = written(malloc(SMALL), SMALL);
  free(p);
  sink = p[0];
}

FAULT InvalidRead__freed_end(void) {
  char* p = written(malloc(SMALL), SMALL);
  free(p);
  sink = p[SMALL - 1];
}

FAULT InvalidWrite__freed(void) {
  char* p = written(malloc(SMALL), SMALL);
  free(p);
  p[1] = 1;
}

FAULT InvalidRead__freed_large(void) {
  char* p = written(malloc(LARGE), LARGE);
  free(p);
  sink = p[LARGE / 2];
}

FAULT InvalidRead__freed_huge(void) {
  char* p = written(malloc(HUGE_BLOCK), HUGE_BLOCK);
  free(p);
  sink = p[HUGE_BLOCK / 2];
}

static void* free_it(void* p) {
  free(p);
  return NULL;
}

FAULT InvalidRead__freed_by_thread(void) {
  char* p = written(malloc(SMALL), SMALL);
  in_thread(free_it, p);
  sink = p[2];
}

static void* allocate_it(void* place) {
  *(char**)place = written(malloc(SMALL), SMALL);
  return NULL;
}

FAULT InvalidRead__freed_of_thread(void) {
  char* p;
  in_thread(allocate_it, &p);
  free(p);
  sink = p[3];
}

// Around a reallocation.

FAULT InvalidRead__moved(void) {
  char* p = written(malloc(SMALL), SMALL);
  char* q = realloc(p, SMALL + 1);
  sink = p[0];
  CHECK(all_bytes(q, 7, SMALL));
  free(q);
}

FAULT InvalidRead__moved_huge(void) {
  char* p = written(malloc(HUGE_BLOCK), HUGE_BLOCK);
  char* q = realloc(p, 2 * HUGE_BLOCK);
  sink = p[0];
  CHECK(all_bytes(q, 7, HUGE_BLOCK));
  free(q);
}

FAULT InvalidWrite__behind_grown(void) {
  char* p = realloc(written(malloc(SMALL), SMALL), 3 * SMALL);
  p[3 * SMALL] = 1;
  free(p);
}

FAULT InvalidWrite__behind_shrunk(void) {
  char* p = realloc(written(malloc(SMALL), SMALL), SMALL - 1);
  p[SMALL - 1] = 1;
  free(p);
}

FAULT InvalidWrite__behind_shrunk_huge(void) {
  char* p = realloc(written(malloc(HUGE_BLOCK), HUGE_BLOCK), HUGE_BLOCK / 2);
  p[HUGE_BLOCK / 2] = 1;
  free(p);
}

// Before anything was written.

FAULT UninitCondition__fresh(void) {
  char* p = malloc(SMALL);
  if (p[5] == 1) sink = 1;
  free(p);
}

FAULT UninitCondition__used_before(void) {
  for (int i = 0; i < 100; i++) free(written(malloc(SMALL), SMALL));
  char* p = malloc(SMALL);
  if (p[0] == 1) sink = 1;
  free(p);
}

FAULT UninitCondition__huge(void) {
  char* p = malloc(HUGE_BLOCK);
  if (p[HUGE_BLOCK - 1] == 1) sink = 1;
  free(p);
}

FAULT UninitCondition__aligned(void) {
  char* p = aligned_alloc(64, SMALL);
  if (p[0] == 1) sink = 1;
  free(p);
}

FAULT UninitCondition__grown(void) {
  char* p = realloc(written(malloc(SMALL), SMALL), 3 * SMALL);
  CHECK(all_bytes(p, 7, SMALL));
  if (p[SMALL] == 1) sink = 1;
  free(p);
}

FAULT SyscallParam__written(void) {
  char* p = malloc(SMALL);
  int null = open("/dev/null", O_WRONLY);
  CHECK(null >= 0 && write(null, p, SMALL) == SMALL && close(null) == 0);
  free(p);
}

// Freed, though it is no live block.

FAULT InvalidFree__twice(void) {
  void* p = malloc(SMALL);
  free(p);
  free(launder(p));
}

FAULT InvalidFree__twice_huge(void) {
  void* p = malloc(HUGE_BLOCK);
  free(p);
  free(launder(p));
}

FAULT InvalidFree__twice_by_thread(void) {
  static void* p;
  if (p == NULL) {
    free(p = malloc(SMALL));
    in_thread(call, (void*)InvalidFree__twice_by_thread);
  } else {
    free(launder(p));
  }
}

FAULT InvalidFree__inside(void) {
  char* p = malloc(SMALL);
  free(launder(p + 16));
  free(p);
}

FAULT InvalidFree__stack(void) {
  char block[SMALL];
  free(launder(block));
}

FAULT InvalidFree__static(void) {
  static char block[SMALL];
  free(launder(block));
}

FAULT InvalidFree__resized(void) {
  void* p = malloc(SMALL);
  free(p);
  CHECK(realloc(launder(p), 2 * SMALL) == NULL);
}

// Not freed, though nothing leads there any more.

FAULT Leak_DefinitelyLost__small(void) { written(malloc(SMALL), SMALL); }

FAULT Leak_DefinitelyLost__one_of_many(void) {
  for (int i = 1; i < 16; i++) kept[i] = written(malloc(5 * SMALL), 5 * SMALL);
  written(malloc(5 * SMALL), 5 * SMALL);
}

FAULT Leak_DefinitelyLost__large(void) { written(malloc(LARGE), LARGE); }

FAULT Leak_DefinitelyLost__huge(void) { written(malloc(HUGE_BLOCK), HUGE_BLOCK); }

FAULT Leak_DefinitelyLost__aligned(void) { written(aligned_alloc(4096, SMALL), SMALL); }

FAULT Leak_DefinitelyLost__of_thread(void) {
  static bool in_its_thread;
  if (!in_its_thread) {
    in_its_thread = true;
    in_thread(call, (void*)Leak_DefinitelyLost__of_thread);
  } else {
    written(malloc(7 * SMALL), 7 * SMALL);
  }
}

FAULT Leak_PossiblyLost__inside(void) {
  kept[0] = written(malloc(9 * SMALL), 9 * SMALL) + SMALL;
}

#define FAULTS(X) \
  X(InvalidRead__behind) \
  X(InvalidWrite__behind) \
  X(InvalidWrite__behind_empty) \
  X(InvalidWrite__behind_odd) \
  X(InvalidWrite__behind_by_15) \
  X(InvalidWrite__behind_zeroed) \
  X(InvalidWrite__behind_aligned) \
  X(InvalidWrite__behind_large) \
  X(InvalidWrite__behind_huge) \
  X(InvalidRead__before) \
  X(InvalidWrite__before_by_8) \
  X(InvalidWrite__behind_usable) \
  X(InvalidRead__freed) \
  X(InvalidRead__freed_end) \
  X(InvalidWrite__freed) \
  X(InvalidRead__freed_large) \
  X(InvalidRead__freed_huge) \
  X(InvalidRead__freed_by_thread) \
  X(InvalidRead__freed_of_thread) \
  X(InvalidRead__moved) \
  X(InvalidRead__moved_huge) \
  X(InvalidWrite__behind_grown) \
  X(InvalidWrite__behind_shrunk) \
  X(InvalidWrite__behind_shrunk_huge) \
  X(UninitCondition__fresh) \
  X(UninitCondition__used_before) \
  X(UninitCondition__huge) \
  X(UninitCondition__aligned) \
  X(UninitCondition__grown) \
  X(SyscallParam__written) \
  X(InvalidFree__twice) \
  X(InvalidFree__twice_huge) \
  X(InvalidFree__twice_by_thread) \
  X(InvalidFree__inside) \
  X(InvalidFree__stack) \
  X(InvalidFree__static) \
  X(InvalidFree__resized) \
  X(Leak_DefinitelyLost__small) \
  X(Leak_DefinitelyLost__one_of_many) \
  X(Leak_DefinitelyLost__large) \
  X(Leak_DefinitelyLost__huge) \
  X(Leak_DefinitelyLost__aligned) \
  X(Leak_DefinitelyLost__of_thread) \
  X(Leak_PossiblyLost__inside)

MAIN(FAULTS)
