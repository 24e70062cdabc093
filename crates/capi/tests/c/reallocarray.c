// reallocarray(3) and the BSD relatives reallocarr(3) and reallocf(3).
#include "check.h"
#include <malloc.h>

int reallocarr(void* slot, size_t count, size_t size);
void* reallocf(void* p, size_t size);

int main(void) {
  char* p = reallocarray(NULL, 10, 10);
  CHECK(p != NULL);
  memset(p, 3, 100);
  p = reallocarray(p, 100, 10);
  CHECK(p != NULL);
  CHECK(all_bytes(p, 3, 100));
  errno = 0;
  CHECK(reallocarray(p, largest, 2) == NULL);
  CHECK(errno == ENOMEM);
  CHECK(all_bytes(p, 3, 100));

  char* slot = p;
  CHECK(reallocarr(&slot, 500, 10) == 0);
  CHECK(slot != NULL && all_bytes(slot, 3, 100));
  char* before = slot;
  CHECK(reallocarr(&slot, largest, 2) == EOVERFLOW);
  CHECK(errno == EOVERFLOW && slot == before);
  CHECK(reallocarr(&slot, huge, 1) == ENOMEM);
  CHECK(slot == before && all_bytes(slot, 3, 100));
  CHECK(reallocarr(&slot, 1, 0) == EINVAL);
  CHECK(slot == before);
  CHECK(reallocarr(NULL, 1, 1) == EINVAL);
  CHECK(reallocarr(&slot, 0, 10) == 0);
  CHECK(slot == NULL);
  CHECK(reallocarr(&slot, 2, 10) == 0);
  CHECK(slot != NULL);

  slot = reallocf(slot, 1000);
  CHECK(slot != NULL);
  errno = 0;
  CHECK(reallocf(slot, huge) == NULL);
  CHECK(errno == ENOMEM);
  return 0;
}
