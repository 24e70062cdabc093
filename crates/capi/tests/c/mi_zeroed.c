// Resizing of zeroed blocks: all that was never written is zero, also in the slack of a block.
#include "mi.h"

// Leaves dirty blocks behind for the next allocations to find.
static void dirty(void) {
  void* blocks[200];
  for (size_t i = 0; i < 200; i++) {
    blocks[i] = mi_malloc(i * i + 1);
    CHECK(blocks[i] != NULL);
    memset(blocks[i], 0xbb, mi_usable_size(blocks[i]));
  }
  for (size_t i = 0; i < 200; i++) mi_free(blocks[i]);
}

static void grown(char* p, size_t written) {
  CHECK(p != NULL);
  CHECK(all_bytes(p, 0x11, written));
  CHECK(all_bytes(p + written, 0, mi_usable_size(p) - written));
}

int main(void) {
  dirty();
  char* p = mi_zalloc(10);
  grown(p, 0);
  memset(p, 0x11, 10);
  for (size_t size = 11; size < 100000; size += size / 5 + 1) {
    p = mi_rezalloc(p, size);
    grown(p, 10);
  }
  mi_free(p);

  p = mi_rezalloc(NULL, 100);
  grown(p, 0);
  memset(p, 0x11, 50);
  p = mi_recalloc(p, 30, 10);
  grown(p, 50);
  CHECK(mi_recalloc(p, largest, 2) == NULL);
  p = mi_rezalloc_aligned(p, 1000, 256);
  CHECK(aligned(p, 256));
  grown(p, 50);
  p = mi_recalloc_aligned(p, 300, 10, 512);
  CHECK(aligned(p, 512));
  grown(p, 50);
  p = mi_aligned_recalloc(p, 3000, 10, 1024);
  CHECK(aligned(p, 1024));
  grown(p, 50);
  mi_free(p);

  p = mi_rezalloc_aligned_at(NULL, 100, 64, 8);
  grown(p, 0);
  memset(p, 0x11, 50);
  p = mi_rezalloc_aligned_at(p, 1000, 64, 8);
  CHECK(aligned(p + 8, 64));
  grown(p, 50);
  p = mi_recalloc_aligned_at(p, 1000, 3, 64, 8);
  CHECK(aligned(p + 8, 64));
  grown(p, 50);
  p = mi_aligned_offset_recalloc(p, 3000, 3, 64, 8);
  CHECK(aligned(p + 8, 64));
  grown(p, 50);
  mi_free(p);
  return 0;
}
