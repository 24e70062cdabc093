// Pages without a thread are visited: those of ended threads, by tag, and full ones of living threads.
#include "visited.h"

enum { HEAPS = 3, BLOCKS = 1000 };
static mi_heap_t* heaps[HEAPS];
static void* blocks[HEAPS * BLOCKS];

static void* leave(void* arg) {
  (void)arg;
  for (size_t i = 0; i < HEAPS * BLOCKS; i++) {
    blocks[i] = mi_heap_malloc(heaps[i / BLOCKS], i % 60 == 4 ? 90 * KiB : i % 900);
    CHECK(blocks[i] != NULL);
  }
  // Pages are neither full nor empty when their thread ends.
  for (size_t i = 0; i < HEAPS * BLOCKS; i += 2) mi_free(blocks[i]);
  return NULL;
}

static bool count_tag(const mi_heap_t* heap, const mi_heap_area_t* area, void* block, size_t size, void* arg) {
  (void)heap, (void)size;
  size_t* counts = arg;
  if (block != NULL && area->heap_tag >= 0 && area->heap_tag <= 255) counts[area->heap_tag]++;
  return true;
}

static size_t abandoned_with(int tag, size_t counts[256]) {
  memset(counts, 0, 256 * sizeof *counts);
  CHECK(mi_abandoned_visit_blocks(mi_subproc_main(), tag, true, count_tag, counts));
  size_t all = 0;
  for (int i = 0; i < 256; i++) all += counts[i];
  return all;
}

int main(void) {
  static size_t counts[256];
  int tags[HEAPS] = {1, 200, 255};
  for (size_t i = 0; i < HEAPS; i++) {
    heaps[i] = mi_heap_new_ex(tags[i], true, 0);
    CHECK(heaps[i] != NULL);
  }
  in_thread(leave, NULL);
  for (size_t i = 0; i < HEAPS; i++) {
    CHECK(abandoned_with(tags[i], counts) == BLOCKS / 2 && counts[tags[i]] == BLOCKS / 2);
    struct visit visit = {.heap = heaps[i], .tag = tags[i]}, areas = visit, some = visit;
    CHECK(mi_heap_visit_abandoned_blocks(heaps[i], true, see, &visit));
    CHECK(visit.count == BLOCKS / 2 && visit.used == BLOCKS / 2);
    CHECK(mi_heap_visit_abandoned_blocks(heaps[i], false, see, &areas));
    CHECK(areas.count == 0 && areas.areas == visit.areas);
    some.stop_at = 3;
    CHECK(!mi_heap_visit_abandoned_blocks(heaps[i], true, see, &some) && some.calls == 3);
  }
  CHECK(abandoned_with(2, counts) == 0);
  CHECK(abandoned_with(-1, counts) >= HEAPS * BLOCKS / 2);
  for (size_t i = 0; i < HEAPS; i++) CHECK(counts[tags[i]] == BLOCKS / 2);
  memset(counts, 0, sizeof counts);
  CHECK(mi_abandoned_visit_blocks(NULL, 200, true, count_tag, counts) && counts[200] == BLOCKS / 2);

  // What this thread uses is not abandoned, save for pages that it has filled.
  mi_heap_t* heap = mi_heap_new_ex(7, true, 0);
  void* p = mi_heap_malloc(heap, 100);
  CHECK(p != NULL && abandoned_with(7, counts) == 0);
  for (size_t i = 0; i < 3000; i++) CHECK(mi_heap_malloc(heap, 100) != NULL);
  size_t full = abandoned_with(7, counts);
  CHECK(full > 0 && full < 3001);

  // The blocks of ended threads are freed through the visitor.
  for (size_t i = 0; i < HEAPS; i++) {
    struct visit visit = {.heap = heaps[i], .tag = tags[i], .frees = true};
    CHECK(mi_heap_visit_abandoned_blocks(heaps[i], true, see, &visit) && visit.count == BLOCKS / 2);
    CHECK(abandoned_with(tags[i], counts) == 0);
    mi_heap_destroy(heaps[i]);
  }
  return 0;
}
