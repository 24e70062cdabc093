// The only block of a page is freed twice: the page has gone.
#include "misuse.h"

int main(void) {
  void* p = mi_malloc(LARGE);
  mi_free(p);
  mi_free(launder(p));
  return go_on();
}
