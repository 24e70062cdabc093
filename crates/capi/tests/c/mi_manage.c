// Memory of the program's, as an arena: it stays the program's.
#include "check.h"
#include "mimalloc.h"
#include <sys/mman.h>

enum { MiB = 1 << 20, SIZE = 8 * MiB, SLICE = 65536 };

static char* map(size_t size) {
  void* base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  CHECK(base != MAP_FAILED);
  return (char*)base;
}

// What the committing function was asked for.
struct calls {
  size_t committed, decommitted;
  char* base;
  bool refuse;
};

static bool on_commit(bool commit, void* start, size_t size, bool* is_zero, void* arg) {
  struct calls* calls = (struct calls*)arg;
  CHECK(aligned(start, 4096) && size % 4096 == 0 && size > 0);
  CHECK((char*)start >= calls->base && (char*)start + size <= calls->base + SIZE);
  errno = EBADF;
  if (!commit) {
    calls->decommitted += size;
    CHECK(mprotect(start, size, PROT_NONE) == 0);
    return true;
  }
  if (calls->refuse) return false;
  calls->committed += size;
  CHECK(mprotect(start, size, PROT_READ | PROT_WRITE) == 0);
  memset(start, 0, size);
  *is_zero = true;
  return true;
}

static void managed_by_a_function(void) {
  struct calls calls = {0, 0, map(SIZE), true};
  CHECK(mprotect(calls.base, SIZE, PROT_NONE) == 0);
  mi_arena_id_t id = 5;
  CHECK(!mi_manage_memory(calls.base, SIZE, false, false, false, -1, true, &on_commit, &calls, &id) && id == 0);
  calls.refuse = false;
  CHECK(mi_manage_memory(calls.base, SIZE, false, false, false, -1, true, &on_commit, &calls, &id) && id > 0);
  CHECK(calls.committed > 0);
  mi_heap_t* heap = mi_heap_new_in_arena(id);
  for (int round = 0; round < 3; round++) {
    size_t before = calls.committed;
    char* p = (char*)mi_heap_zalloc(heap, whole(3 * MiB));
    CHECK(mi_arena_contains(id, p) && all_bytes(p, 0, whole(3 * MiB)));
    CHECK(calls.committed - before >= 3 * MiB && calls.committed - before < 3 * MiB + SLICE);
    memset(p, 1, whole(3 * MiB));
    errno = 0;
    mi_free(p);
    mi_collect(true);
    CHECK(errno == 0);
    CHECK(calls.decommitted == (size_t)(round + 1) * 3 * MiB);
  }
  calls.refuse = true;
  CHECK(mi_heap_malloc(heap, 3 * MiB) == NULL);
  calls.refuse = false;
  CHECK(mi_heap_malloc(heap, 3 * MiB) != NULL);
}

int main(void) {
  char* base = map(SIZE);
  mi_arena_id_t id = 5;
  CHECK(!mi_manage_os_memory(NULL, SIZE, true, false, true, 0));
  CHECK(!mi_manage_os_memory_ex(NULL, SIZE, true, false, true, 0, true, &id) && id == 0);
  id = 5;
  CHECK(!mi_manage_os_memory_ex(base, 0, true, false, true, -1, true, &id) && id == 0);
  CHECK(!mi_manage_os_memory_ex(base, SLICE, true, false, true, -1, true, NULL));
  CHECK(!mi_manage_os_memory(base, largest, true, false, true, -1));

  // From slice to slice, and pinned: what is free keeps its memory.
  CHECK(mi_manage_os_memory_ex(base + 1, SIZE - 1, true, true, true, 1000, true, &id) && id > 0);
  size_t size = 0;
  char* area = (char*)mi_arena_area(id, &size);
  CHECK(aligned(area, SLICE) && area > base && area + size <= base + SIZE && size >= SIZE - 2 * SLICE);
  CHECK(!mi_manage_os_memory(base, SIZE, true, true, true, -1));
  mi_heap_t* heap = mi_heap_new_in_arena(id);
  char* p = (char*)mi_heap_malloc(heap, 4 * MiB);
  CHECK(mi_arena_contains(id, p));
  memset(p, 7, 4 * MiB);
  mi_free(p);
  mi_collect(true);
  // But for the first words, which the allocator uses.
  CHECK(all_bytes(p + 64, 7, 4 * MiB - 64) && !mi_is_in_heap_region(p));
  char* q = (char*)mi_heap_zalloc(heap, 4 * MiB);
  CHECK(q == p && all_bytes(q, 0, 4 * MiB));
  mi_heap_destroy(heap);

  // For everybody: it is used before other memory.
  char* open = map(SIZE);
  CHECK(mi_manage_os_memory(open, SIZE, true, false, true, -1));
  p = (char*)mi_malloc(2 * MiB);
  CHECK(p > open && p < open + SIZE);
  mi_free(p);

  managed_by_a_function();
  return 0;
}
