// Memory that the program reserved is used before the system is asked again.
#include "mi.h"

enum { BLOCK = 1 << 20, MOST = 3000 };
static mi_arena_id_t open, closed;

int main(void) {
  // The system gives nothing more from here on.
  CHECK(mi_reserve_os_memory_ex(128 * MiB, false, false, false, &open) == 0);
  CHECK(mi_reserve_os_memory_ex(128 * MiB, false, false, true, &closed) == 0);
  mi_option_enable(mi_option_disallow_os_alloc);
  for (int round = 0; round < 3; round++) {
    static void* blocks[MOST];
    size_t count = 0, inside = 0;
    while (count < MOST && (blocks[count] = mi_malloc(BLOCK)) != NULL) {
      inside += mi_arena_contains(open, blocks[count]);
      CHECK(!mi_arena_contains(closed, blocks[count]));
      count++;
    }
    // Arenas that were there before have at most a GiB.
    CHECK(count < MOST && errno == ENOMEM);
    CHECK(inside >= 100);
    for (size_t i = 0; i < count; i++) mi_free(blocks[i]);
  }
  // The exclusive one is full of room.
  mi_heap_t* heap = mi_heap_new_in_arena(closed);
  void* p = mi_heap_malloc(heap, 100 * MiB);
  CHECK(heap != NULL && p != NULL && mi_arena_contains(closed, p));
  mi_heap_destroy(heap);
  return 0;
}
