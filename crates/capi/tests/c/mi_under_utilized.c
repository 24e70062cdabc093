// A page that hardly holds anything is told from one that is well used.
#include "mi.h"

enum { BLOCKS = 4000, STEP = 64, LEFT = (BLOCKS + STEP - 1) / STEP };
static void* blocks[BLOCKS];

static size_t hollow(mi_heap_t* heap, size_t percent, size_t step) {
  size_t count = 0;
  for (size_t i = 0; i < BLOCKS; i += step) {
    count += mi_unsafe_heap_page_is_under_utilized(heap, blocks[i], percent);
  }
  return count;
}

// A heap that serves plain allocation.
static void pages_of(mi_heap_t* heap, mi_heap_t* other) {
  for (size_t i = 0; i < BLOCKS; i++) CHECK((blocks[i] = mi_heap_malloc(heap, 512)) != NULL);
  CHECK(hollow(heap, 99, 1) == 0 && hollow(heap, 100, 1) == BLOCKS);
  for (size_t i = 0; i < BLOCKS; i++) {
    if (i % STEP != 0) mi_free(blocks[i]);
  }
  CHECK(hollow(heap, 50, STEP) >= LEFT / 2);
  CHECK(hollow(NULL, 50, STEP) == hollow(heap, 50, STEP));
  CHECK(hollow(heap, 0, STEP) == 0);
  CHECK(hollow(other, 50, STEP) == 0);
  for (size_t i = 0; i < BLOCKS; i += STEP) mi_free(blocks[i]);
}

int main(void) {
  mi_heap_t* heap = mi_heap_new();
  pages_of(mi_heap_main(), heap);
  CHECK(mi_heap_set_default(heap) == mi_heap_main());
  pages_of(heap, mi_heap_main());
  return 0;
}
