// Huge OS pages: as many as the system has, within a time; and none is a number too.
#include "mi.h"

static bool is_outcome(int code) { return code == 0 || code == ENOMEM || code == ETIMEDOUT; }

int main(void) {
  mi_arena_id_t arena = -5;
  CHECK(mi_reserve_huge_os_pages_at(0, -1, 0) == 0);
  CHECK(mi_reserve_huge_os_pages_interleave(0, 0, 0) == 0);
  CHECK(mi_reserve_huge_os_pages_at_ex(0, 0, 0, true, &arena) == 0 && arena <= 0);

  int nodes[] = {-1, 0, 1000, INT_MIN};
  for (size_t i = 0; i < sizeof nodes / sizeof *nodes; i++) {
    arena = -5;
    int code = mi_reserve_huge_os_pages_at_ex(1, nodes[i], 2000, true, &arena);
    CHECK(is_outcome(code) && (code != 0 || arena > 0));
    if (code != 0) continue;
    size_t size;
    CHECK(mi_arena_area(arena, &size) != NULL && size >= 512 * MiB);
    mi_heap_t* heap = mi_heap_new_in_arena(arena);
    void* p = mi_heap_zalloc(heap, MiB);
    CHECK(p != NULL && mi_arena_contains(arena, p) && holds(p, 0));
    mi_heap_destroy(heap);
  }
  CHECK(is_outcome(mi_reserve_huge_os_pages_at(1, 0, 1)));
  CHECK(is_outcome(mi_reserve_huge_os_pages_interleave(2, 0, 1)));
  size_t pages = 77;
  int code = mi_reserve_huge_os_pages(1, 0.001, &pages);
  CHECK(is_outcome(code) && pages == (code == 0 ? 1 : 0));
  CHECK(mi_reserve_huge_os_pages(0, 1, &pages) == 0 && pages == 0);
  return 0;
}
