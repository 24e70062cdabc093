// A block is freed, handed out anew, and freed by both who had it.
#include "misuse.h"

int main(void) {
  void* p = with_neighbour(SMALL);
  mi_free(p);
  for (size_t i = 0; i < MANY; i++) {
    void* q = mi_malloc(SMALL);
    if (q != launder(p)) continue;
    mi_free(p);
    mi_free(launder(q));
    return go_on();
  }
  CHECK(!"the block is not handed out again");
}
