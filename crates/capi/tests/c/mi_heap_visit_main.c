// The main heap can be visited too, also without naming it, and shows what plain allocation has made.
#include "visited.h"

enum { BLOCKS = 2000 };
static void** mine;

static bool is_shown(struct visit* visit, void* p) {
  for (size_t i = 0; i < visit->count; i++) {
    if (shown[i] == p) return true;
  }
  return false;
}

static void* look(void* heap) {
  struct visit visit = {.heap = mi_heap_main()};
  CHECK(mi_heap_visit_blocks(heap, true, see, &visit));
  CHECK(visit.count == visit.used && visit.count >= BLOCKS / 2);
  for (size_t i = 0; i < BLOCKS; i += 2) CHECK(is_shown(&visit, mine[i]));
  for (size_t i = 1; i < BLOCKS; i += 2) CHECK(!is_shown(&visit, mine[i]));
  return NULL;
}

int main(void) {
  // The books are kept elsewhere, or the visit would show them.
  mine = (void**)region(2 * MiB, PROT_READ | PROT_WRITE);
  for (size_t i = 0; i < BLOCKS; i++) {
    mine[i] = mi_malloc(i % 500 == 9 ? 3 * MiB : i * 7 % 9000);
    CHECK(mine[i] != NULL);
  }
  for (size_t i = 1; i < BLOCKS; i += 2) mi_free(mine[i]);
  look(NULL);
  look(mi_heap_main());
  in_thread(look, NULL);
  return 0;
}
