// A visit shows exactly the blocks in use of a heap, in all threads, each once.
#include "visited.h"

enum { BLOCKS = 3000 };
static void* blocks[2 * BLOCKS];
static size_t count;
static mi_heap_t* heap;

static size_t size_of(size_t i) {
  return i % 300 == 7 ? 5 * MiB : i % 100 == 3 ? 100 * KiB : i % 50 == 1 ? i * 9 : i % 700;
}

static void* allocate(void* arg) {
  (void)arg;
  for (size_t i = 0; i < BLOCKS; i++) {
    blocks[count] = mi_heap_malloc(heap, size_of(i));
    CHECK(blocks[count++] != NULL);
  }
  return NULL;
}

static void keep_every(size_t step) {
  size_t kept = 0;
  for (size_t i = 0; i < count; i++) {
    if (i % step == 0) blocks[kept++] = blocks[i];
    else mi_free(blocks[i]);
  }
  count = kept;
}

static void shows_exactly_them(void) {
  struct visit visit = {.heap = heap}, areas = {.heap = heap};
  CHECK(mi_heap_visit_blocks(heap, true, see, &visit));
  CHECK(shown_are(&visit, blocks, count));
  CHECK(mi_heap_visit_blocks(heap, false, see, &areas));
  CHECK(areas.count == 0 && areas.areas == visit.areas && areas.used == count && areas.calls == areas.areas);
}

static void* allocate_and_look(void* arg) {
  allocate(arg);
  shows_exactly_them();
  return NULL;
}

int main(void) {
  heap = mi_heap_new();
  CHECK(heap != NULL);
  shows_exactly_them();  // nothing: the visit succeeds

  allocate(NULL);
  shows_exactly_them();
  keep_every(3);
  shows_exactly_them();

  // Blocks of another thread, seen from there, from here, and after the thread has ended.
  in_thread(allocate_and_look, NULL);
  shows_exactly_them();
  keep_every(5);
  shows_exactly_them();

  // An aligned place inside a block stands for the whole block.
  char* p = mi_heap_malloc_aligned_at(heap, 1000, 4096, 16);
  CHECK(p != NULL);
  struct visit visit = {.heap = heap};
  CHECK(mi_heap_visit_blocks(heap, true, see, &visit) && visit.count == count + 1);
  size_t holders = 0;
  for (size_t i = 0; i < visit.count; i++) holders += (char*)shown[i] <= p && p < (char*)shown[i] + 4096 + 1016;
  CHECK(holders >= 1);
  mi_free(p);

  // Nothing is left of what was freed.
  keep_every(SHOWN_MAX);
  mi_free(blocks[0]);
  count = 0;
  shows_exactly_them();
  mi_heap_destroy(heap);
  return 0;
}
