// A block is freed that has ended with its heap.
#include "misuse.h"

int main(void) {
  mi_heap_t* heap = mi_heap_new();
  void* p = mi_heap_malloc(heap, SMALL);
  CHECK(p != NULL);
  mi_heap_destroy(heap);
  mi_free(launder(p));
  return go_on();
}
