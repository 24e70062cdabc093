// Memory of a heap goes back when its blocks are freed, whoever frees them and whichever heap is collected.
#include "mi.h"

enum { BLOCKS = 20000 };
static void* blocks[BLOCKS];
static mi_heap_t *first, *second;

static void fill(mi_heap_t* heap) {
  for (size_t i = 0; i < BLOCKS; i++) blocks[i] = filled(mi_heap_malloc(heap, 2000), 0x7e);
}

static void* free_all(void* arg) {
  (void)arg;
  for (size_t i = 0; i < BLOCKS; i++) mi_free(blocks[i]);
  return NULL;
}

int main(void) {
  first = mi_heap_new();
  second = mi_heap_new();
  CHECK(first != NULL && second != NULL);

  // Full pages, freed by the thread that filled them, then by another.
  for (int who = 0; who < 2; who++) {
    fill(first);
    size_t full = resident();
    who == 0 ? free_all(NULL) : in_thread(free_all, NULL);
    mi_heap_collect(first, true);
    CHECK(resident() + 30 * MiB < full);
  }

  // What others free into the first heap does not wait until that one is collected.
  size_t warm = 0;
  for (int round = 0; round < 30; round++) {
    fill(first);
    in_thread(free_all, NULL);
    mi_free(filled(mi_heap_malloc(second, 1000), 1));
    mi_heap_collect(second, true);
    if (round == 5) warm = resident();
  }
  CHECK(resident() < warm + 8 * MiB);

  // Live blocks survive any collection.
  fill(second);
  mi_heap_collect(second, false);
  mi_heap_collect(second, true);
  mi_collect(true);
  for (size_t i = 0; i < BLOCKS; i++) CHECK(holds(blocks[i], 0x7e));
  mi_heap_destroy(second);
  mi_heap_destroy(first);
  return 0;
}
