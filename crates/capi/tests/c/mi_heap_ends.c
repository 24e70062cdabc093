// A deleted heap leaves its blocks to the main heap; a destroyed one takes them along.
#include "mi.h"

enum { BLOCKS = 600 };
static void* blocks[BLOCKS];

static size_t size_of(size_t i) { return i % 100 == 99 ? i * 3000 : i * i % 5000; }

static void* allocate(void* heap) {
  for (size_t i = 0; i < BLOCKS; i++) blocks[i] = filled(mi_heap_malloc(heap, size_of(i)), (int)i % 256);
  return NULL;
}

static void* delete_it(void* heap) {
  mi_heap_delete(heap);
  return NULL;
}

static void* destroy_it(void* heap) {
  mi_heap_destroy(heap);
  return NULL;
}

static void survive(void) {
  for (size_t i = 0; i < BLOCKS; i++) {
    CHECK(holds(blocks[i], (int)i % 256));
    CHECK(mi_heap_of(blocks[i]) == mi_heap_main() && mi_is_in_heap_region(blocks[i]));
    CHECK(mi_heap_contains(mi_heap_main(), blocks[i]) && mi_heap_contains_block(mi_heap_main(), blocks[i]));
    if (i % 3 == 0) {
      unsigned char* p = mi_realloc(blocks[i], 2 * size_of(i) + 1);
      CHECK(p != NULL && all_bytes(p, (int)i % 256, size_of(i)));
      blocks[i] = p;
    }
    mi_free(blocks[i]);
  }
}

static void are_gone(void) {
  for (size_t i = 0; i < BLOCKS; i++) {
    CHECK(!mi_is_in_heap_region(blocks[i]) && !mi_any_heap_contains(blocks[i]));
  }
}

// By this thread or by another, allocation and end.
static void ends(mi_heap_t* make(void), void* end(void*), void after(void)) {
  for (int who = 0; who < 4; who++) {
    mi_heap_t* heap = make();
    CHECK(heap != NULL);
    who & 1 ? in_thread(allocate, heap) : allocate(heap);
    who & 2 ? in_thread(end, heap) : end(heap);
    after();
  }
}

static mi_heap_t* indestructible(void) { return mi_heap_new_ex(0, false, 0); }
static mi_heap_t* destructible(void) { return mi_heap_new_ex(0, true, 0); }

int main(void) {
  ends(mi_heap_new, delete_it, survive);
  ends(destructible, delete_it, survive);
  ends(indestructible, delete_it, survive);
  ends(mi_heap_new, destroy_it, are_gone);
  ends(destructible, destroy_it, are_gone);

  // A heap that may not be destroyed is deleted, with a warning.
  listen_to_messages();
  mi_heap_t* heap = indestructible();
  allocate(heap);
  CHECK(quiet());
  mi_heap_destroy(heap);
  CHECK(warned());
  survive();

  // The main heap stays.
  allocate(mi_heap_main());
  mi_heap_delete(mi_heap_main());
  CHECK(warned());
  mi_heap_destroy(mi_heap_main());
  CHECK(warned());
  mi_heap_delete(NULL);
  mi_heap_destroy(NULL);
  CHECK(quiet());
  survive();
  return 0;
}
