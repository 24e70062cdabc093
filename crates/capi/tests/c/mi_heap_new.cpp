// mi_heap_alloc_new and its kin fail like operator new, in a heap.
#include "mi.h"

#include <new>

static int calls;

static void counts() { calls++; }
static void gives_up() {
  if (++calls == 3) std::set_new_handler(nullptr);
}

template <class Allocate>
static void throws(Allocate allocate) {
  bool caught = false;
  try {
    allocate();
  } catch (const std::bad_alloc&) {
    caught = true;
  }
  CHECK(caught);
}

int main() {
  mi_heap_t* heap = mi_heap_new();
  CHECK(heap != nullptr);
  void* made[] = {mi_heap_alloc_new(heap, 100), mi_heap_alloc_new_n(heap, 10, 10),
                  mi_heap_try_new(heap, 100, false), mi_heap_try_new(heap, 100, true)};
  for (void* p : made) {
    CHECK(mi_usable_size(p) >= 100 && mi_heap_of(p) == heap);
    mi_free(p);
  }
  throws([=] { mi_free(mi_heap_alloc_new(heap, huge)); });
  throws([=] { mi_free(mi_heap_alloc_new_n(heap, largest, 2)); });
  throws([=] { mi_free(mi_heap_try_new(heap, huge, false)); });
  CHECK(mi_heap_try_new(heap, huge, true) == nullptr);

  std::set_new_handler(gives_up);
  throws([=] { mi_free(mi_heap_alloc_new(heap, huge)); });
  CHECK(calls == 3);
  std::set_new_handler(gives_up);
  calls = 0;
  CHECK(mi_heap_try_new(heap, huge, true) == nullptr);
  CHECK(calls == 3);

  // No handler can help an overflow: it is called once.
  std::set_new_handler(counts);
  calls = 0;
  CHECK(mi_heap_alloc_new_n(heap, largest, 2) == nullptr);
  CHECK(calls == 1);
  mi_heap_destroy(heap);
  return 0;
}
