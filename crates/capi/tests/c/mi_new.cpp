// The mi_new functions fail like operator new.
#include "mi.h"

#include <new>

static int calls = 0;
static void counts() { calls++; }

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
  volatile size_t three = 3;
  throws([] { mi_free(mi_new(huge)); });
  throws([] { mi_free(mi_new_aligned(huge, 64)); });
  throws([=] { mi_free(mi_new_aligned(64, three)); });
  throws([] { mi_free(mi_new_n(largest, 2)); });
  CHECK(mi_new_nothrow(huge) == nullptr);
  CHECK(mi_new_aligned_nothrow(huge, 64) == nullptr);

  char* p = static_cast<char*>(mi_new_n(10, 10));
  CHECK(p != nullptr);
  memset(p, 0x21, 100);
  throws([=] { mi_free(mi_new_realloc(p, huge)); });
  throws([=] { mi_free(mi_new_reallocn(p, largest, 2)); });
  CHECK(all_bytes(p, 0x21, 100));
  char* q = static_cast<char*>(mi_new_reallocn(mi_new_realloc(p, 1000), 10, 1000));
  CHECK(q != nullptr && all_bytes(q, 0x21, 100));
  mi_free(q);

  // No handler can help an overflow: it is called once.
  std::set_new_handler(counts);
  CHECK(mi_new_n(largest, 2) == nullptr);
  CHECK(mi_new_reallocn(nullptr, largest, 2) == nullptr);
  CHECK(calls == 2);
  return 0;
}
