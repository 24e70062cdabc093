// Exhaustion throws std::bad_alloc from every throwing form, and the stack is unwound properly.
#include "check.h"

#include <new>

static int destroyed = 0;

struct Witness {
  ~Witness() { destroyed++; }
};

template <class Allocate>
static void throws(Allocate allocate) {
  int before = destroyed;
  bool caught = false;
  try {
    Witness witness;
    allocate();
  } catch (const std::bad_alloc&) {
    caught = true;
  }
  CHECK(caught);
  CHECK(destroyed == before + 1);
}

int main() {
  std::align_val_t alignment{256};
  for (int i = 0; i < 100; i++) {
    throws([] { operator delete(operator new(huge)); });
    throws([] { operator delete[](operator new[](huge)); });
    throws([=] { operator delete(operator new(huge, alignment), alignment); });
    throws([=] { operator delete[](operator new[](huge, alignment), alignment); });
    throws([] { operator delete(operator new(largest)); });
  }
  CHECK(operator new(huge, std::nothrow) == nullptr);
  CHECK(operator new[](huge, std::nothrow) == nullptr);
  CHECK(operator new(huge, alignment, std::nothrow) == nullptr);
  CHECK(operator new[](huge, alignment, std::nothrow) == nullptr);
  return 0;
}
