// Everything is written over that can be reached from a block, up and down, as far as its arena goes. What the library
// keeps about the arena is not there: it works as before.
#include "misuse.h"

static sigjmp_buf fault;

static void on_fault(int signal) {
  (void)signal;
  siglongjmp(fault, 1);
}

// Writes over memory from `at` on until it cannot be written, or `end` is reached.
static size_t run(char* at, ptrdiff_t step, const char* end) {
  // Not in registers, which a jump back would restore.
  static char* volatile next;
  static volatile size_t count;
  next = at;
  count = 0;
  if (sigsetjmp(fault, 1) != 0) return count;
  while (next != end) {
    *next = 'x';
    next += step;
    count++;
  }
  return count;
}

int main(void) {
  enum { SIZE = 32 << 20 };
  mi_arena_id_t id;
  size_t size;
  CHECK(mi_reserve_os_memory_ex(SIZE, true, false, true, &id) == 0);
  char* start = mi_arena_area(id, &size);
  mi_heap_t* heap = mi_heap_new_in_arena(id);
  char* p = mi_heap_malloc(heap, SMALL);
  CHECK(p > start && p < start + size);
  CHECK(mi_heap_malloc(heap, HUGE_BLOCK) != NULL);

  struct sigaction action = {.sa_handler = on_fault};
  CHECK(sigaction(SIGSEGV, &action, NULL) == 0);
  size_t below = run(p, -1, start), above = run(p, 1, start + size);
  CHECK(below < (size_t)(p - start) && above > 0);

  CHECK(mi_is_in_heap_region(p) && mi_heap_contains_block(heap, p));
  mi_heap_destroy(heap);
  CHECK(!mi_is_in_heap_region(p));
  heap = mi_heap_new_in_arena(id);
  for (size_t i = 0; i < MANY; i++) CHECK(mi_heap_malloc(heap, 1 + i) != NULL);
  mi_heap_destroy(heap);
  return go_on();
}
