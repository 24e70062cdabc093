// Resizing in a heap: contents stay, zeroed blocks grow by zeros, a block of another heap moves in.
#include "mi.h"

static mi_heap_t *heap, *other;

static char* grown(char* p, size_t written, int rest) {
  CHECK(p != NULL && mi_heap_of(p) == heap);
  CHECK(all_bytes(p, 0x11, written));
  CHECK(rest < 0 || all_bytes(p + written, rest, mi_usable_size(p) - written));
  return p;
}

// A zeroed block with its first 50 bytes written.
static char* started(mi_heap_t* from) {
  char* p = mi_heap_zalloc(from, 100);
  CHECK(p != NULL);
  return memset(p, 0x11, 50);
}

static void dirty(void) {
  void* blocks[100];
  for (size_t i = 0; i < 100; i++) blocks[i] = filled(mi_heap_malloc(heap, i * i * 3), 0xbb);
  for (size_t i = 0; i < 100; i++) mi_free(blocks[i]);
}

static void resizes(mi_heap_t* from) {
  mi_free(grown(mi_heap_realloc(heap, started(from), 1000), 50, -1));
  mi_free(grown(mi_heap_reallocn(heap, started(from), 10, 100), 50, -1));
  mi_free(grown(mi_heap_reallocf(heap, started(from), 70000), 50, -1));
  mi_free(grown(mi_heap_realloc(heap, started(from), 50), 50, -1));
  mi_free(grown(mi_heap_rezalloc(heap, started(from), 1000), 50, 0));
  mi_free(grown(mi_heap_recalloc(heap, started(from), 100, 1000), 50, 0));
  for (size_t a = 16; a <= 4096; a *= 4) {
    char* p = grown(mi_heap_realloc_aligned(heap, started(from), 1000, a), 50, -1);
    CHECK(aligned(p, a));
    p = grown(mi_heap_realloc_aligned_at(heap, p, 9000, a, 8), 50, -1);
    CHECK(aligned(p + 8, a));
    mi_free(p);
    p = grown(mi_heap_rezalloc_aligned(heap, started(from), 1000, a), 50, 0);
    CHECK(aligned(p, a));
    p = grown(mi_heap_recalloc_aligned(heap, p, 1000, 9, a), 50, 0);
    CHECK(aligned(p, a));
    mi_free(p);
    p = grown(mi_heap_rezalloc_aligned_at(heap, started(from), 1000, a, 8), 50, 0);
    CHECK(aligned(p + 8, a));
    p = grown(mi_heap_recalloc_aligned_at(heap, p, 1000, 9, a, 8), 50, 0);
    CHECK(aligned(p + 8, a));
    mi_free(p);
  }
}

int main(void) {
  heap = mi_heap_new();
  other = mi_heap_new();
  CHECK(heap != NULL && other != NULL);
  dirty();
  resizes(heap);
  dirty();
  resizes(other);
  resizes(mi_heap_main());

  // A block that fits stays where it is in its own heap, and moves even so out of another.
  char* p = started(heap);
  CHECK(mi_heap_realloc(heap, p, 90) == p);
  mi_heap_t* mine = heap;
  heap = other;
  p = grown(mi_heap_realloc(other, p, 90), 50, -1);
  heap = mine;
  mi_free(p);

  // Null makes a block; size zero gives a small one.
  mi_free(grown(mi_heap_realloc(heap, NULL, 100), 0, -1));
  mi_free(grown(mi_heap_rezalloc(heap, NULL, 100), 0, 0));
  p = mi_heap_realloc(heap, started(heap), 0);
  CHECK(p != NULL && p[0] == 0 && mi_usable_size(p) <= 16);
  mi_free(p);
  mi_heap_destroy(heap);
  mi_heap_destroy(other);
  return 0;
}
