// A thread's part of a heap: allocation by all functions, resizing, the default one, visiting.
#include "visited.h"

static mi_heap_t* heap;

static void is(void* p, size_t size) {
  CHECK(p != NULL && mi_usable_size(p) >= size && mi_heap_of(p) == heap);
  mi_free(filled(p, 0x4c));
}

static void is_zero(void* p, size_t size) {
  CHECK(holds(p, 0));
  is(p, size);
}

static void allocates(mi_theap_t* theap) {
  for (size_t size = 0; size < 3 * MiB; size = size * 3 + 1) {
    is(mi_theap_malloc(theap, size), size);
    is_zero(mi_theap_zalloc(theap, size), size);
    is_zero(mi_theap_calloc(theap, 3, size), 3 * size);
    if (size <= MI_SMALL_SIZE_MAX) {
      is(mi_theap_malloc_small(theap, size), size);
      is_zero(mi_theap_zalloc_small(theap, size), size);
    }
    for (size_t alignment = 1; alignment <= MiB; alignment *= 8) {
      void* p = mi_theap_malloc_aligned(theap, size, alignment);
      CHECK(aligned(p, alignment));
      is(p, size);
    }
    char* p = mi_theap_realloc(theap, NULL, size);
    CHECK(p != NULL);
    memset(p, 0x4d, size);
    p = mi_theap_realloc(theap, p, 3 * size + 100);
    CHECK(p != NULL && all_bytes(p, 0x4d, size));
    is(p, 3 * size + 100);
  }
  // A block of another heap moves in.
  mi_heap_t* other = mi_heap_new();
  char* p = mi_heap_malloc(other, 100);
  CHECK(p != NULL);
  memset(p, 0x4d, 100);
  p = mi_theap_realloc(theap, p, 100);
  CHECK(p != NULL && all_bytes(p, 0x4d, 100));
  is(p, 100);
  mi_heap_destroy(other);
}

static void* in_its_thread(void* arg) {
  heap = arg;
  mi_theap_t* theap = mi_heap_theap(heap);
  CHECK(theap != NULL && theap == mi_heap_theap(heap));
  allocates(theap);

  mi_theap_t* before = mi_theap_get_default();
  CHECK(before != NULL && before == mi_heap_theap(mi_heap_main()));
  CHECK(mi_theap_set_default(NULL) == NULL && mi_theap_get_default() == before);
  CHECK(mi_theap_set_default(theap) == before && mi_theap_get_default() == theap);
  is(mi_malloc(100), 100);
  is(mi_calloc(10, 10), 100);
  is(malloc(100), 100);
  CHECK(mi_theap_set_default(before) == theap);
  mi_theap_collect(theap, false);
  mi_theap_collect(theap, true);
  mi_theap_collect(NULL, true);
  return NULL;
}

static void* allocate_elsewhere(void* arg) {
  mi_heap_t* main_heap = arg;
  void* p = mi_heap_malloc(main_heap, 100);
  CHECK(p != NULL);
  return p;
}

static void visits(void) {
  mi_heap_t* mine = mi_heap_new();
  mi_theap_t* theap = mi_heap_theap(mine);
  struct visit none = {.heap = mine};
  CHECK(mi_theap_visit_blocks(theap, true, see, &none) && none.calls == 0);
  void* blocks[20];
  for (size_t i = 0; i < 20; i++) CHECK((blocks[i] = mi_theap_malloc(theap, 10 * i)) != NULL);
  // Blocks that another thread left are not this thread's.
  void* left = in_thread(allocate_elsewhere, mine);
  struct visit visit = {.heap = mine}, areas = visit, some = {.heap = mine, .stop_at = 2};
  CHECK(mi_theap_visit_blocks(theap, true, see, &visit) && shown_are(&visit, blocks, 20));
  CHECK(mi_theap_visit_blocks(theap, false, see, &areas) && areas.areas == visit.areas && areas.count == 0);
  CHECK(!mi_theap_visit_blocks(theap, true, see, &some) && some.calls == 2);
  mi_free(left);
  mi_heap_destroy(mine);
}

int main(void) {
  mi_heap_t* own = mi_heap_new();
  in_its_thread(own);
  in_thread(in_its_thread, own);
  in_thread(in_its_thread, mi_heap_new());
  visits();
  heap = mi_heap_main();
  allocates(mi_heap_theap(NULL));
  mi_heap_destroy(own);
  return 0;
}
