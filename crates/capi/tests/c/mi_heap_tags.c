// A heap's areas carry its tag.
#include "visited.h"

int main(void) {
  for (int tag = 0; tag <= 255; tag += 51) {
    for (int destroyable = 0; destroyable < 2; destroyable++) {
      mi_heap_t* heap = mi_heap_new_ex(tag, destroyable, 0);
      CHECK(heap != NULL && mi_heap_malloc(heap, 10) != NULL && mi_heap_malloc(heap, MiB) != NULL);
      struct visit visit = {.heap = heap, .tag = tag};
      CHECK(mi_heap_visit_blocks(heap, true, see, &visit) && visit.count == 2);
      mi_heap_delete(heap);
    }
  }
  mi_heap_t* heap = mi_heap_new();
  CHECK(mi_heap_malloc(heap, 10) != NULL);
  struct visit visit = {.heap = heap, .tag = 0};
  CHECK(mi_heap_visit_blocks(heap, true, see, &visit) && visit.count == 1);
  mi_heap_destroy(heap);
  return 0;
}
