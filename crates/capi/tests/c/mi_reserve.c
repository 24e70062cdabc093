// Memory that is reserved beforehand, as an arena with a number.
#include "check.h"
#include "mimalloc.h"

enum { MiB = 1 << 20 };

int main(void) {
  CHECK(mi_arena_min_alignment() == 65536 && mi_arena_min_size() == 32 * MiB);

  int no_arenas[] = {0, -1, 12345, INT_MAX, INT_MIN};
  for (size_t i = 0; i < sizeof no_arenas / sizeof *no_arenas; i++) {
    size_t size = 7;
    CHECK(mi_arena_area(no_arenas[i], &size) == NULL && size == 0);
    CHECK(mi_arena_area(no_arenas[i], NULL) == NULL);
    CHECK(!mi_arena_contains(no_arenas[i], &size) && !mi_arena_contains(no_arenas[i], NULL));
    CHECK(mi_heap_new_in_arena(no_arenas[i]) == NULL || no_arenas[i] == 0);
  }

  errno = 0;
  mi_arena_id_t id = 9;
  CHECK(mi_reserve_os_memory_ex(0, true, true, false, &id) == ENOMEM && id == 0);
  id = 9;
  CHECK(mi_reserve_os_memory_ex(largest, true, true, false, &id) == ENOMEM && id == 0);
  CHECK(mi_reserve_os_memory(0, false, false) == ENOMEM);
  CHECK(mi_reserve_os_memory(huge, false, false) == ENOMEM);
  CHECK(errno == 0);

  CHECK(mi_reserve_os_memory_ex(1, true, false, true, &id) == 0 && id > 0);
  size_t size = 0;
  char* area = (char*)mi_arena_area(id, &size);
  CHECK(aligned(area, 65536) && size == 32 * MiB);
  CHECK(mi_arena_area(id, NULL) == area);
  CHECK(mi_arena_contains(id, area) && mi_arena_contains(id, area + size - 1));
  CHECK(!mi_arena_contains(id, area + size) && !mi_arena_contains(id, area - 1));
  CHECK(mi_reserve_os_memory_ex(40 * MiB, false, true, true, NULL) == 0);
  CHECK(mi_reserve_os_memory(40 * MiB, false, true) == 0);

  // Only its heaps use an exclusive arena, and they use nothing else.
  mi_heap_t* heap = mi_heap_new_in_arena(id);
  CHECK(heap != NULL);
  size_t sizes[] = {16, 1000, 20000, 100000, 3 * MiB};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    void* last = NULL;
    size_t count = 0;
    for (;;) {
      void** p = (void**)mi_heap_malloc(heap, sizes[i]);
      if (p == NULL) break;
      CHECK(mi_arena_contains(id, p) && mi_is_in_heap_region(p));
      *p = last;
      last = p;
      count++;
    }
    CHECK(count * mi_good_size(sizes[i]) > 24 * MiB);
    void* other = mi_malloc(sizes[i]);
    CHECK(other != NULL && !mi_arena_contains(id, other));
    mi_free(other);
    while (last != NULL) {
      void* next = *(void**)last;
      mi_free(last);
      last = next;
    }
    mi_collect(true);
  }
  CHECK(mi_heap_malloc(heap, 33 * MiB) == NULL);
  mi_heap_t* second = mi_heap_new_ex(3, true, id);
  CHECK(second != NULL && mi_arena_contains(id, mi_heap_malloc(second, 10)));
  mi_heap_destroy(second);
  void* kept = mi_heap_malloc(heap, 500);
  mi_heap_delete(heap);
  CHECK(mi_arena_contains(id, kept));
  mi_free(kept);
  return 0;
}
