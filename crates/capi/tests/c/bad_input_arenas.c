// Bad input to the functions of arenas.
#include "bad_input.h"

static mi_arena_id_t id;
static char *managed, *small;

// The call fails with a warning, and there is no arena.
#define FAILS(function, input, call, reaction) ROW(function, input, (id = 77, (call)) && id == 0, reaction)

static bool never(bool commits, void* start, size_t size, bool* is_zero, void* arg) {
  (void)commits, (void)start, (void)size, (void)is_zero, (void)arg;
  return false;
}

static void reserve(void) {
  ROW(mi_reserve_os_memory, "0", mi_reserve_os_memory(0, true, true) == ENOMEM, WARNING);
  ROW(mi_reserve_os_memory, "SIZE_MAX", mi_reserve_os_memory(largest, false, false) == ENOMEM, WARNING);
  FAILS(mi_reserve_os_memory_ex, "0", mi_reserve_os_memory_ex(0, true, true, true, &id) == ENOMEM, WARNING);
  FAILS(mi_reserve_os_memory_ex, "SIZE_MAX", mi_reserve_os_memory_ex(largest, false, false, true, &id) == ENOMEM, WARNING);
  FAILS(mi_reserve_os_memory_ex, "more than there is", mi_reserve_os_memory_ex(huge / 2, false, false, true, &id) == ENOMEM, WARNING);
  ROW(mi_reserve_os_memory_ex, "1 and no place", mi_reserve_os_memory_ex(1, false, false, true, NULL) == 0, NOTHING);
}

static void manage(void) {
  ROW(mi_manage_os_memory, "null", !mi_manage_os_memory(NULL, 64 * MiB, true, false, true, -1), WARNING);
  ROW(mi_manage_os_memory, "too small", !mi_manage_os_memory(small, 64 * KiB, true, false, true, -1), WARNING);
  FAILS(mi_manage_os_memory_ex, "null", !mi_manage_os_memory_ex(NULL, 64 * MiB, true, false, true, -1, true, &id), WARNING);
  FAILS(mi_manage_os_memory_ex, "0", !mi_manage_os_memory_ex(small, 0, true, false, true, -1, true, &id), WARNING);
  FAILS(mi_manage_os_memory_ex, "too small", !mi_manage_os_memory_ex(small, 4096, true, false, true, -1, true, &id), WARNING);
  FAILS(mi_manage_os_memory_ex, "SIZE_MAX", !mi_manage_os_memory_ex(small, largest, true, false, true, -1, true, &id), WARNING);
  ROW(mi_manage_os_memory_ex, "no place, node INT_MAX",
      mi_manage_os_memory_ex(managed, 64 * MiB, true, true, true, INT_MAX, true, NULL), NOTHING);
  FAILS(mi_manage_os_memory_ex, "the same again",
        !mi_manage_os_memory_ex(managed, 64 * MiB, true, true, true, -1, true, &id), WARNING);
  FAILS(mi_manage_memory, "null", !mi_manage_memory(NULL, 64 * MiB, false, false, true, -1, true, never, NULL, &id), WARNING);
  FAILS(mi_manage_memory, "too small", !mi_manage_memory(small, 4096, false, false, true, -1, true, never, NULL, &id), WARNING);
  FAILS(mi_manage_memory, "SIZE_MAX", !mi_manage_memory(small, largest, false, false, true, -1, true, never, NULL, &id), WARNING);
}

static void huge_pages(void) {
  size_t pages = 77;
  ROW(mi_reserve_huge_os_pages_at, "0", mi_reserve_huge_os_pages_at(0, -1, 0) == 0, NOTHING);
  ROW(mi_reserve_huge_os_pages_at, "SIZE_MAX", mi_reserve_huge_os_pages_at(largest, -1, 1) == ENOMEM, WARNING);
  ROW(mi_reserve_huge_os_pages_at_ex, "0 and no place", mi_reserve_huge_os_pages_at_ex(0, INT_MIN, 0, true, NULL) == 0, NOTHING);
  FAILS(mi_reserve_huge_os_pages_at_ex, "SIZE_MAX", mi_reserve_huge_os_pages_at_ex(largest, -1, 1, true, &id) == ENOMEM, WARNING);
  ROW(mi_reserve_huge_os_pages_interleave, "0", mi_reserve_huge_os_pages_interleave(0, largest, 0) == 0, NOTHING);
  ROW(mi_reserve_huge_os_pages_interleave, "SIZE_MAX", mi_reserve_huge_os_pages_interleave(largest, 1, 1) == ENOMEM, WARNING);
  ROW(mi_reserve_huge_os_pages, "0, negative time", mi_reserve_huge_os_pages(0, -1, &pages) == 0 && pages == 0, WARNING);
  ROW(mi_reserve_huge_os_pages, "0, no place", mi_reserve_huge_os_pages(0, 1e300, NULL) == 0, WARNING);
}

static void areas(void) {
  mi_arena_id_t unknown[] = {0, -1, 1000, INT_MAX, INT_MIN};
  for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
    size_t size = 77;
    ROW(mi_arena_area, "no arena", mi_arena_area(unknown[i], &size) == NULL && size == 0, NOTHING);
    ROW(mi_arena_area, "no arena and no place", mi_arena_area(unknown[i], NULL) == NULL, NOTHING);
    ROW(mi_arena_contains, "no arena", !mi_arena_contains(unknown[i], managed), NOTHING);
    FOREIGN_ROWS(mi_arena_contains, !mi_arena_contains(unknown[i], p), NOTHING);
  }
  ROW(mi_arena_contains, "null", !mi_arena_contains(1, NULL), NOTHING);
  FOREIGN_ROWS(mi_arena_contains, !mi_arena_contains(1, p), NOTHING);
  ROW(mi_arena_min_alignment, "nothing", mi_arena_min_alignment() == 64 * KiB, NOTHING);
  ROW(mi_arena_min_size, "nothing", mi_arena_min_size() == 32 * MiB, NOTHING);
  ROW(mi_debug_show_arenas, "nothing", (mi_debug_show_arenas(), said[0] != '\0' && (forget(), true)), NOTHING);
  ROW(mi_arenas_print, "nothing", (mi_arenas_print(), said[0] != '\0' && (forget(), true)), NOTHING);
}

int main(void) {
  open_table();
  managed = region(64 * MiB, PROT_READ | PROT_WRITE);
  small = region(MiB, PROT_READ | PROT_WRITE);
  reserve();
  manage();
  huge_pages();
  areas();
  return close_table();
}
