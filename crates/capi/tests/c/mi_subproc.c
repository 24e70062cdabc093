// Sub-processes are worlds of their own: their threads have another main heap, and memory never passes.
#include "mi.h"

enum { BLOCKS = 1000 };
static void* blocks[BLOCKS];
static mi_subproc_id_t subproc;
static mi_heap_t *main_heap, *their_heap;

static void fill(void) {
  for (size_t i = 0; i < BLOCKS; i++) blocks[i] = filled(mi_malloc(i % 50 == 7 ? 80 * KiB : i), (int)i % 256);
}

static void* inhabit(void* arg) {
  (void)arg;
  mi_subproc_add_current_thread(subproc);
  CHECK(mi_subproc_current() == subproc);
  CHECK(mi_subproc_main() != subproc);
  mi_heap_t* heap = mi_heap_main();
  CHECK(heap != NULL && heap != main_heap && heap == mi_heap_get_default() && heap == mi_heap_get_backing());
  fill();
  for (size_t i = 0; i < BLOCKS; i++) CHECK(mi_heap_of(blocks[i]) == heap && mi_heap_contains(NULL, blocks[i]));
  void* p = mi_heap_malloc(NULL, 100);
  CHECK(mi_heap_of(p) == heap);
  mi_free(p);

  // Heaps are made in it, and their blocks pass to its main heap.
  mi_heap_t* own = mi_heap_new();
  p = filled(mi_heap_malloc(own, 100), 5);
  CHECK(mi_heap_of(p) == own);
  mi_heap_delete(own);
  CHECK(mi_heap_of(p) == heap && holds(p, 5));
  mi_free(p);

  // Blocks of the main sub-process may be freed from here.
  mi_free(arg);
  their_heap = heap;
  return NULL;
}

static void* revisit(void* arg) {
  mi_subproc_add_current_thread(subproc);
  CHECK(mi_heap_main() == their_heap && mi_subproc_current() == subproc);
  return arg;
}

int main(void) {
  mi_subproc_id_t first = mi_subproc_main();
  CHECK(first != NULL && first == mi_subproc_current() && first == mi_subproc_main());
  main_heap = mi_heap_main();
  subproc = mi_subproc_new();
  CHECK(subproc != NULL && subproc != first);
  mi_subproc_id_t other = mi_subproc_new();
  CHECK(other != NULL && other != subproc);
  mi_subproc_delete(other);

  in_thread(inhabit, mi_malloc(100));
  in_thread(revisit, NULL);
  CHECK(mi_subproc_current() == first && mi_heap_main() == main_heap);

  // What its threads have left is not taken up by this thread, whatever it allocates.
  for (size_t i = 0; i < 10 * BLOCKS; i++) {
    void* p = mi_malloc(i % 1000);
    CHECK(p != NULL && mi_heap_of(p) == main_heap);
  }
  for (size_t i = 0; i < BLOCKS; i++) {
    CHECK(mi_heap_of(blocks[i]) == their_heap && holds(blocks[i], (int)i % 256));
    CHECK(!mi_heap_contains(NULL, blocks[i]) && mi_any_heap_contains(blocks[i]));
  }
  // They are freed or resized from anywhere.
  for (size_t i = 0; i < BLOCKS; i += 2) mi_free(blocks[i]);
  unsigned char* p = mi_realloc(blocks[1], 1000);
  CHECK(p != NULL && p[0] == 1);
  mi_free(p);
  mi_subproc_destroy(subproc);
  for (size_t i = 3; i < BLOCKS; i += 2) CHECK(!mi_any_heap_contains(blocks[i]));
  return 0;
}
