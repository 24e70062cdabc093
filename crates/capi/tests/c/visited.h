// A visitor that keeps books: which blocks it was shown, and what the areas say.
#pragma once
#include "mi.h"

enum { SHOWN_MAX = 100000 };
struct visit {
  const mi_heap_t* heap;      // the heap that is visited
  size_t areas, used, bytes;  // shown so far: areas, blocks by the areas, bytes of these blocks
  size_t count;               // shown blocks
  size_t stop_at;             // the call that returns false; 0 is none
  size_t calls;
  int tag;
  bool frees;
};
static void* shown[SHOWN_MAX];
static mi_heap_area_t last_area;

static inline bool see(const mi_heap_t* heap, const mi_heap_area_t* area, void* block, size_t size, void* arg) {
  struct visit* visit = (struct visit*)arg;
  CHECK(visit->heap == NULL || heap == visit->heap);
  CHECK(area->blocks != NULL && area->block_size == size && area->full_block_size >= size);
  CHECK(area->used > 0 && area->used * area->full_block_size <= area->committed);
  CHECK(area->committed <= area->reserved && area->heap_tag == visit->tag);
  if (block == NULL) {
    visit->areas++;
    visit->used += area->used;
    visit->bytes += area->used * size;
    last_area = *area;
  } else {
    size_t distance = (size_t)((char*)block - (char*)area->blocks);
    CHECK(area->blocks == last_area.blocks);
    CHECK(block >= area->blocks && distance % area->full_block_size == 0 && distance + size <= area->committed);
    CHECK(visit->count < SHOWN_MAX);
    shown[visit->count++] = block;
    if (visit->frees) mi_free(block);
  }
  return ++visit->calls != visit->stop_at;
}

static inline int by_address(const void* a, const void* b) {
  uintptr_t x = (uintptr_t) * (void* const*)a, y = (uintptr_t) * (void* const*)b;
  return (x > y) - (x < y);
}

// Whether the shown blocks are these, each once.
static inline bool shown_are(struct visit* visit, void** blocks, size_t count) {
  if (visit->count != count || visit->used != count) return false;
  qsort(shown, count, sizeof *shown, by_address);
  qsort(blocks, count, sizeof *blocks, by_address);
  return memcmp(shown, blocks, count * sizeof *shown) == 0;
}
