// Memory of the program becomes an arena, and stays the program's.
#include "mi.h"

enum { SIZE = 64 << 20 };

// Bytes of a range that are in memory.
static size_t in_memory(char* start, size_t size) {
  static unsigned char pages[SIZE / 4096];
  size_t page = (size_t)sysconf(_SC_PAGESIZE), count = 0;
  CHECK(mincore(start, size, pages) == 0);
  for (size_t i = 0; i < size / page; i++) count += pages[i] & 1;
  return count * page;
}

static void use(char* start, size_t size, mi_arena_id_t arena) {
  mi_heap_t* heap = mi_heap_new_in_arena(arena);
  CHECK(heap != NULL);
  size_t sum = 0;
  for (size_t i = 1;; i++) {
    size_t bytes = i % 10 == 9 ? MiB : 100 * KiB;
    char* p = mi_heap_zalloc(heap, bytes);
    if (p == NULL) break;
    CHECK(p >= start && p + bytes <= start + size && mi_arena_contains(arena, p));
    CHECK(all_bytes(p, 0, bytes));
    memset(p, 0x61, bytes);
    sum += bytes;
  }
  CHECK(sum > size / 4 * 3);
  mi_heap_destroy(heap);
  mi_collect(true);
}

int main(void) {
  mi_arena_id_t arena = -5;
  // Fresh memory, which reads as zeros and may be given back.
  char* fresh = region(SIZE, PROT_READ | PROT_WRITE);
  CHECK(mi_manage_os_memory_ex(fresh, SIZE, true, false, true, -1, true, &arena));
  size_t size;
  char* start = mi_arena_area(arena, &size);
  CHECK(start >= fresh && start + size <= fresh + SIZE && size >= SIZE - MiB);
  for (int round = 0; round < 3; round++) use(fresh, SIZE, arena);
  CHECK(in_memory(fresh, SIZE) < SIZE / 2);
  fresh[SIZE - 1] = 1;  // still mapped, still the program's

  // Dirty and pinned memory: it is never given back, and zeroed blocks are zero all the same.
  char* pinned = region(SIZE, PROT_READ | PROT_WRITE);
  memset(pinned, 0xee, SIZE);
  CHECK(mi_manage_os_memory_ex(pinned, SIZE, true, true, false, 0, true, &arena));
  for (int round = 0; round < 3; round++) use(pinned, SIZE, arena);
  CHECK(in_memory(pinned, SIZE) == SIZE);

  // Memory that is not accessible yet.
  char* bare = region(SIZE, PROT_NONE);
  CHECK(mi_manage_os_memory_ex(bare, SIZE, false, false, true, -1, true, &arena));
  for (int round = 0; round < 3; round++) use(bare, SIZE, arena);

  // A start that no arena can have is rounded up.
  char* odd = region(SIZE, PROT_READ | PROT_WRITE);
  CHECK(mi_manage_os_memory_ex(odd + 4096 + 8, SIZE - 5000, true, false, true, 1000, true, &arena));
  start = mi_arena_area(arena, &size);
  CHECK(aligned(start, mi_arena_min_alignment()) && start > odd && start + size <= odd + SIZE - 904);
  use(odd + 4096, SIZE - 4096, arena);

  // For everybody.
  char* shared = region(SIZE, PROT_READ | PROT_WRITE);
  CHECK(mi_manage_os_memory(shared, SIZE, true, false, true, -1));
  return 0;
}
