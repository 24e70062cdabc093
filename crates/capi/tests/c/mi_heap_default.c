// The default heap is the thread's own choice: plain allocation goes there.
#include "mi.h"

static mi_heap_t* shared;

static void serves(mi_heap_t* heap) {
  CHECK(mi_heap_get_default() == heap);
  void* made[] = {mi_malloc(100),        mi_zalloc(3000),          mi_calloc(10, 10),
                  mi_malloc_small(100),  mi_malloc_aligned(9, 64), mi_malloc(100 * KiB),
                  mi_strdup("text"),     mi_new(100),              mi_realloc(NULL, 100),
                  malloc(100),           calloc(10, 10),           mi_umalloc(10, NULL)};
  for (size_t i = 0; i < sizeof made / sizeof *made; i++) {
    CHECK(made[i] != NULL && mi_heap_of(made[i]) == heap);
    mi_free(made[i]);
  }
}

static void* other_thread(void* arg) {
  (void)arg;
  serves(mi_heap_main());
  CHECK(mi_heap_set_default(shared) == mi_heap_main());
  serves(shared);
  return mi_malloc(100);
}

int main(void) {
  serves(mi_heap_main());
  CHECK(mi_heap_get_backing() == mi_heap_main());

  mi_heap_t* first = mi_heap_new();
  mi_heap_t* second = mi_heap_new();
  CHECK(mi_heap_set_default(first) == mi_heap_main());
  serves(first);
  CHECK(mi_heap_set_default(NULL) == NULL);
  serves(first);
  CHECK(mi_heap_set_default(first) == first);
  CHECK(mi_heap_set_default(second) == first);
  serves(second);
  CHECK(mi_heap_get_backing() == mi_heap_main());

  // Another thread starts with the main heap, and its choice is its own.
  shared = first;
  void* p = in_thread(other_thread, NULL);
  CHECK(mi_heap_of(p) == first);
  mi_free(p);
  serves(second);

  // When the default heap ends the main one takes over.
  p = filled(mi_malloc(100), 7);
  mi_heap_delete(second);
  serves(mi_heap_main());
  CHECK(holds(p, 7) && mi_heap_of(p) == mi_heap_main());
  mi_free(p);
  mi_heap_set_default(first);
  serves(first);
  mi_heap_destroy(first);
  serves(mi_heap_main());

  // The process ends while a heap of its own is the default.
  mi_heap_set_default(mi_heap_new());
  CHECK(mi_heap_get_default() != mi_heap_main() && mi_malloc(100) != NULL);
  return 0;
}
