// Memory is reserved as arenas, which have numbers and areas.
#include "mi.h"

static void is_area(mi_arena_id_t id, size_t least) {
  size_t size = 0;
  char* start = mi_arena_area(id, &size);
  CHECK(id > 0 && start != NULL && mi_arena_area(id, NULL) == start);
  CHECK(aligned(start, mi_arena_min_alignment()) && size >= least && size % (64 * KiB) == 0);
  CHECK(mi_arena_contains(id, start) && mi_arena_contains(id, start + size / 2));
  CHECK(mi_arena_contains(id, start + size - 1));
  CHECK(!mi_arena_contains(id, start - 1) && !mi_arena_contains(id, start + size));
}

int main(void) {
  CHECK(mi_arena_min_alignment() == 64 * KiB && mi_arena_min_size() == 32 * MiB);
  size_t sizes[] = {1, 4096, MiB, 32 * MiB, 33 * MiB + 1, 100 * MiB, 3000 * MiB};
  mi_arena_id_t ids[2 * sizeof sizes / sizeof *sizes] = {0};
  size_t made = 0;
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    for (int exclusive = 0; exclusive < 2; exclusive++) {
      mi_arena_id_t id = -5;
      CHECK(mi_reserve_os_memory_ex(sizes[i], false, exclusive, exclusive, &id) == 0);
      is_area(id, sizes[i] < 32 * MiB ? 32 * MiB : sizes[i]);
      for (size_t j = 0; j < made; j++) CHECK(ids[j] != id);
      ids[made++] = id;
    }
  }
  for (size_t i = 0; i < made; i++) is_area(ids[i], sizes[i / 2]);

  // Committed memory is memory at once, untouched it takes nothing.
  mi_arena_id_t committed;
  size_t before = resident();
  CHECK(mi_reserve_os_memory_ex(64 * MiB, true, false, true, &committed) == 0);
  is_area(committed, 64 * MiB);
  CHECK(resident() < before + 8 * MiB);
  CHECK(mi_reserve_os_memory(40 * MiB, false, false) == 0);
  CHECK(mi_reserve_os_memory(40 * MiB, true, true) == 0);
  return 0;
}
