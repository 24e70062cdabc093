// A visitor may stop the visit, and may free each block that it is shown.
#include "visited.h"

enum { BLOCKS = 2000 };
static mi_heap_t* heap;

static void* fill(void* arg) {
  (void)arg;
  for (size_t i = 0; i < BLOCKS; i++) {
    CHECK(mi_heap_malloc(heap, i % 400 == 3 ? 3 * MiB : i % 100 == 9 ? 20 * KiB : i % 800) != NULL);
  }
  return NULL;
}

static void stops(size_t call) {
  struct visit visit = {.heap = heap, .stop_at = call};
  CHECK(!mi_heap_visit_blocks(heap, true, see, &visit));
  CHECK(visit.calls == call);
}

static void* free_all(void* arg) {
  struct visit visit = {.heap = heap, .frees = true}, after = {.heap = heap};
  CHECK(mi_heap_visit_blocks(heap, true, see, &visit));
  CHECK(visit.count == *(size_t*)arg && visit.used == visit.count);
  CHECK(mi_heap_visit_blocks(heap, true, see, &after) && after.calls == 0);
  return NULL;
}

int main(void) {
  heap = mi_heap_new();
  CHECK(heap != NULL);
  fill(NULL);
  size_t calls[] = {1, 2, 3, 50, 500, BLOCKS};
  for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) stops(calls[i]);
  struct visit visit = {.heap = heap, .stop_at = 2};
  CHECK(!mi_heap_visit_blocks(heap, false, see, &visit) && visit.areas == 2);

  // Freed by the thread that made them; then by one that did not, half of them left by an ended thread.
  size_t count = BLOCKS;
  free_all(&count);
  fill(NULL);
  in_thread(fill, NULL);
  count = 2 * BLOCKS;
  in_thread(free_all, &count);
  fill(NULL);
  count = BLOCKS;
  free_all(&count);
  mi_heap_delete(heap);
  return 0;
}
