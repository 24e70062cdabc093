// What new made at an alignment is deleted with another size, and with the size and alignment that it has.
#include "misuse.h"

#include <new>

int main() {
  const std::align_val_t alignment{64};
  void* neighbour = operator new(SMALL, alignment);
  void* right = operator new(SMALL, alignment);
  void* wrong = operator new(SMALL, alignment);
  CHECK(neighbour != nullptr);
  operator delete(launder(right), SMALL, alignment);
  operator delete(launder(wrong), 4 * SMALL, alignment);
  return go_on();
}
