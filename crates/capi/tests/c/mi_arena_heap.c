// A heap of an arena takes all its memory there, and has none when it is used up.
#include "mi.h"

enum { MOST = 1 << 16 };
static void** blocks;
static mi_arena_id_t arena;

static size_t fill(mi_heap_t* heap, size_t size) {
  size_t count = 0;
  while (count < MOST) {
    errno = 0;
    void* p = mi_heap_malloc(heap, size);
    if (p == NULL) break;
    CHECK(mi_arena_contains(arena, p) && mi_heap_of(p) == heap);
    blocks[count++] = p;
    memset(p, (int)(count % 251), size);
  }
  CHECK(count < MOST && errno == ENOMEM);
  for (size_t i = 0; i < count; i++) CHECK(all_bytes(blocks[i], (int)((i + 1) % 251), size));
  return count;
}

static void* in_another_thread(void* heap) {
  CHECK(mi_heap_malloc(heap, 10 * MiB) == NULL && errno == ENOMEM);
  void* p = mi_malloc(MiB);
  CHECK(p != NULL && !mi_arena_contains(arena, p));
  mi_free(p);
  return NULL;
}

int main(void) {
  listen_to_messages();
  blocks = (void**)region(MOST * sizeof *blocks, PROT_READ | PROT_WRITE);
  CHECK(mi_reserve_os_memory_ex(32 * MiB, true, false, true, &arena) == 0);
  size_t sizes[] = {1000, 20 * KiB, 100 * KiB, 3 * MiB};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    mi_heap_t* heap = i % 2 ? mi_heap_new_in_arena(arena) : mi_heap_new_ex(3, true, arena);
    CHECK(heap != NULL);
    CHECK(mi_heap_malloc(heap, 64 * MiB) == NULL && errno == ENOMEM);
    size_t count = fill(heap, sizes[i]);
    CHECK(count * sizes[i] > 24 * MiB);
    CHECK(mi_heap_zalloc(heap, 10 * MiB) == NULL && mi_heap_malloc_aligned(heap, MiB, 8 * MiB) == NULL);
    CHECK(mi_heap_realloc(heap, blocks[0], 30 * MiB) == NULL && all_bytes(blocks[0], 1, sizes[i]));
    in_thread(in_another_thread, heap);

    // What is freed can be had again.
    for (size_t j = 0; j < count; j += 2) mi_free(blocks[j]);
    for (size_t j = 0; j < count; j += 2) CHECK((blocks[j] = mi_heap_malloc(heap, sizes[i])) != NULL);
    // Heaps of other memory are not concerned.
    void* p = mi_malloc(sizes[i]);
    CHECK(p != NULL && !mi_arena_contains(arena, p));
    mi_free(p);
    if (i == 3) {
      // A deleted heap leaves its blocks to the main heap, which takes no more there.
      mi_heap_delete(heap);
      CHECK(mi_heap_of(blocks[1]) == mi_heap_main() && mi_arena_contains(arena, blocks[1]));
      for (size_t j = 0; j < count; j++) mi_free(blocks[j]);
      void* q = mi_malloc(sizes[i]);
      CHECK(q != NULL && !mi_arena_contains(arena, q));
      mi_free(q);
    } else {
      mi_heap_destroy(heap);
    }
    mi_collect(true);
  }
  mi_heap_t* last = mi_heap_new_in_arena(arena);
  CHECK(mi_heap_malloc(last, 20 * MiB) != NULL);
  mi_heap_destroy(last);
  return 0;
}
