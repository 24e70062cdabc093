// Huge OS pages: most machines have none, and asking for them does no harm.
#include "check.h"
#include "mimalloc.h"

int main(void) {
  mi_arena_id_t id = 9;
  size_t pages = 9;
  CHECK(mi_reserve_huge_os_pages_at(0, 0, 0) == 0);
  CHECK(mi_reserve_huge_os_pages_at_ex(0, -1, 0, true, &id) == 0 && id == 0);
  CHECK(mi_reserve_huge_os_pages_interleave(0, 0, 0) == 0);
  CHECK(mi_reserve_huge_os_pages(0, 1.0, &pages) == 0 && pages == 0);
  CHECK(mi_reserve_huge_os_pages(0, -1.0, NULL) == 0);

  // More than any machine has.
  errno = 0;
  id = 9;
  CHECK(mi_reserve_huge_os_pages_at_ex(largest, 0, 1000, true, &id) == ENOMEM && id == 0);
  CHECK(mi_reserve_huge_os_pages_at(largest / 2, INT_MAX, largest) == ENOMEM);
  CHECK(mi_reserve_huge_os_pages_interleave(largest, largest, 1) == ENOMEM);
  CHECK(mi_reserve_huge_os_pages_interleave(largest, 1, largest) == ENOMEM);
  pages = 9;
  CHECK(mi_reserve_huge_os_pages(largest, 1e300, &pages) == ENOMEM && pages == 0);
  CHECK(errno == 0);

  int error = mi_reserve_huge_os_pages_at_ex(1, -5, 10000, true, &id);
  size_t size = 0;
  void* area = mi_arena_area(id, &size);
  CHECK(error == 0 || error == ENOMEM);
  CHECK((error == 0) == (id != 0) && (area != NULL) == (id != 0));
  CHECK(size == (error == 0 ? (size_t)1 << 30 : 0));
  return 0;
}
