// Whose is it? Asked of blocks, of places inside them, and of addresses that are nobody's.
#include "mi.h"

static char in_data[64];

static void belongs(mi_heap_t* heap, mi_heap_t* stranger, void* p) {
  CHECK(mi_is_in_heap_region(p) && mi_any_heap_contains(p) && mi_heap_of(p) == heap);
  CHECK(mi_heap_contains(heap, p) && !mi_heap_contains(stranger, p));
  CHECK(mi_heap_contains(NULL, p) == (heap == mi_heap_main()));
}

static void block(mi_heap_t* heap, mi_heap_t* stranger, size_t size) {
  char* p = mi_heap_malloc(heap, size);
  CHECK(p != NULL);
  belongs(heap, stranger, p);
  CHECK(mi_heap_contains_block(heap, p) && !mi_heap_contains_block(stranger, p));
  CHECK(!mi_heap_contains_block(NULL, p));
  CHECK(mi_heap_check_owned(heap, p) && !mi_heap_check_owned(stranger, p));
  CHECK(mi_check_owned(p) == (heap == mi_heap_get_default()));
  if (size > 8) {
    belongs(heap, stranger, p + size / 2);
    belongs(heap, stranger, p + size - 1);
    CHECK(!mi_heap_check_owned(heap, p + 3));
  }
  mi_free(p);
  char* q = mi_heap_malloc_aligned_at(heap, size, 256, 24);
  belongs(heap, stranger, q);
  CHECK(mi_heap_contains_block(heap, q));
  mi_free(q);
}

static void nobodys(mi_heap_t* heap, uintptr_t address) {
  void* p = launder((void*)address);
  CHECK(!mi_is_in_heap_region(p) && !mi_any_heap_contains(p) && mi_heap_of(p) == NULL);
  CHECK(!mi_heap_contains(heap, p) && !mi_heap_contains(NULL, p));
  CHECK(!mi_heap_contains_block(heap, p) && !mi_heap_contains_block(NULL, p));
  CHECK(!mi_heap_check_owned(heap, p) && !mi_check_owned(p));
}

static void* made_there(void* heap) { return mi_heap_malloc(heap, 100); }

int main(void) {
  listen_to_messages();
  mi_heap_t* heap = mi_heap_new();
  for (size_t size = 0; size < 5 * MiB; size = size * 3 + 1) {
    block(heap, mi_heap_main(), size);
    block(mi_heap_main(), heap, size);
  }

  // A block of a thread that has ended is still its heap's.
  void* p = in_thread(made_there, heap);
  belongs(heap, mi_heap_main(), p);
  CHECK(mi_heap_contains_block(heap, p) && mi_heap_check_owned(heap, p));

  // What was given back is nobody's.
  char* large = mi_heap_malloc(heap, 10 * MiB);
  CHECK(large != NULL);
  mi_free(large);
  mi_heap_collect(heap, true);
  nobodys(heap, (uintptr_t)large);

  char on_stack[64];
  char* unmapped = region(MiB, PROT_READ);
  CHECK(munmap(unmapped, MiB) == 0);
  uintptr_t addresses[] = {0,
                           1,
                           8,
                           4096,
                           (uintptr_t)on_stack,
                           (uintptr_t)in_data,
                           (uintptr_t)main,
                           (uintptr_t)unmapped,
                           0x3990080,
                           0x7fffffffffff0,
                           0x8000000000000000,
                           UINTPTR_MAX - 15,
                           UINTPTR_MAX};
  for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) nobodys(heap, addresses[i]);
  CHECK(quiet());
  mi_heap_destroy(heap);
  nobodys(mi_heap_main(), (uintptr_t)p);
  return 0;
}
