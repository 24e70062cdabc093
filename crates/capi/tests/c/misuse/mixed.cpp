// What malloc gives is deleted, and what new gives is freed: that is no mistake here.
#include "misuse.h"

#include <new>

int main() {
  operator delete(launder(malloc(SMALL)));
  free(launder(operator new(SMALL)));
  operator delete[](launder(operator new(SMALL)));
  mi_free(launder(malloc(SMALL)));
  return go_on();
}
