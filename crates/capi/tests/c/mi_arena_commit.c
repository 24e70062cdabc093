// Memory that the program commits by a function of its own.
#include "mi.h"

enum { SIZE = 64 << 20 };
static char* memory;
static bool refuses;
static size_t commits, decommits, refusals;
static unsigned char accessible[SIZE / 4096];

static bool commit(bool commits_it, void* start, size_t size, bool* is_zero, void* arg) {
  size_t page = (size_t)sysconf(_SC_PAGESIZE), first = (size_t)((char*)start - memory);
  CHECK(arg == accessible && (char*)start >= memory && size > 0 && first + size <= SIZE);
  CHECK(aligned(start, page) && size % page == 0);
  if (commits_it && refuses) {
    refusals++;
    return false;
  }
  if (commits_it) {
    commits++;
    CHECK(mprotect(start, size, PROT_READ | PROT_WRITE) == 0);
    if (is_zero != NULL) *is_zero = false;
    memset(&accessible[first / 4096], 1, size / 4096);
  } else {
    // What is in use stays: the allocator does not touch this range before it is committed again.
    decommits++;
    CHECK(madvise(start, size, MADV_DONTNEED) == 0 && mprotect(start, size, PROT_NONE) == 0);
    memset(&accessible[first / 4096], 0, size / 4096);
  }
  return true;
}

static size_t fill(mi_heap_t* heap) {
  size_t count = 0;
  for (char* p; (p = mi_heap_zalloc(heap, 200 * KiB)) != NULL; count++) {
    CHECK(p >= memory && p < memory + SIZE && all_bytes(p, 0, 200 * KiB));
    memset(p, 0x44, 200 * KiB);
  }
  CHECK(errno == ENOMEM);
  return count;
}

int main(void) {
  mi_arena_id_t arena;
  memory = region(SIZE, PROT_NONE);
  CHECK(mi_manage_memory(memory, SIZE, false, false, true, -1, true, commit, accessible, &arena));
  CHECK(mi_arena_contains(arena, memory + SIZE / 2));
  size_t first = 0;
  for (int round = 0; round < 4; round++) {
    mi_heap_t* heap = mi_heap_new_in_arena(arena);
    CHECK(heap != NULL);
    size_t count = fill(heap);
    CHECK(commits > 0 && count * 200 * KiB > SIZE / 4 * 3 && (first == 0 || count == first));
    first = count;
    mi_heap_destroy(heap);
    mi_collect(true);
    CHECK(decommits > 0);
  }

  // A refused commit is a failed allocation, and nothing is lost by it.
  mi_heap_t* heap = mi_heap_new_in_arena(arena);
  refuses = true;
  CHECK(mi_heap_malloc(heap, 10 * MiB) == NULL && errno == ENOMEM && refusals > 0);
  refuses = false;
  CHECK(fill(heap) == first);
  mi_heap_destroy(heap);
  return 0;
}
