// An ended sub-process gives back all its memory, and touches nobody else's.
#include "mi.h"

enum { BLOCKS = 3000, ROUNDS = 60 };
static void* blocks[BLOCKS];

static void* live(void* subproc) {
  mi_subproc_add_current_thread(subproc);
  mi_heap_t* own = mi_heap_new();
  for (size_t i = 0; i < BLOCKS; i++) {
    size_t size = i % 200 == 5 ? MiB : i % 60 == 7 ? 30 * KiB : i % 700;
    CHECK(filled(i % 3 == 0 ? mi_heap_malloc(own, size) : mi_malloc(size), 0x3e) != NULL);
  }
  // No arena is as large as this.
  char* mapped = mi_heap_malloc(own, 20 * KiB * MiB);
  CHECK(mapped != NULL);
  mapped[0] = 1;
  return NULL;
}

int main(void) {
  for (size_t i = 0; i < BLOCKS; i++) blocks[i] = filled(mi_malloc(i % 2000), (int)i % 256);
  mi_subproc_id_t neighbour = mi_subproc_new();
  in_thread(live, neighbour);
  size_t space = 0, memory = 0;
  for (size_t round = 0; round < ROUNDS; round++) {
    mi_subproc_id_t subproc = mi_subproc_new();
    CHECK(subproc != NULL && subproc != neighbour);
    in_thread(live, subproc);
    in_thread(live, subproc);
    round % 2 ? mi_subproc_delete(subproc) : mi_subproc_destroy(subproc);
    if (round == ROUNDS / 4) space = address_space(), memory = resident();
  }
  CHECK(address_space() < space + 64 * MiB);
  CHECK(resident() < memory + 8 * MiB);
  for (size_t i = 0; i < BLOCKS; i++) {
    CHECK(holds(blocks[i], (int)i % 256));
    mi_free(blocks[i]);
  }
  mi_subproc_delete(neighbour);
  return 0;
}
