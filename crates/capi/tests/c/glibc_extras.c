// malloc_trim(3), mallopt(3), mallinfo(3), malloc_info(3) answer for this heap.
#include "check.h"
#include <malloc.h>

int main(void) {
  void* p = malloc(1 << 20);
  CHECK(p != NULL);
  struct mallinfo2 info = mallinfo2();
  CHECK(info.arena >= 1 << 20);
  CHECK(info.uordblks + info.fordblks == info.arena);
  free(p);
  CHECK(malloc_trim(0) == 1);

  CHECK(mallopt(M_MMAP_THRESHOLD, 1 << 20) == 1);
  CHECK(mallopt(M_PERTURB, 1) == 0);
  CHECK(mallopt(12345, 1) == 0);

  char buffer[512] = "";
  FILE* stream = fmemopen(buffer, sizeof buffer, "w");
  CHECK(stream != NULL);
  CHECK(malloc_info(0, stream) == 0);
  errno = 0;
  CHECK(malloc_info(1, stream) == -1 && errno == EINVAL);
  CHECK(fclose(stream) == 0);
  CHECK(strncmp(buffer, "<malloc version=\"1\">", 20) == 0);
  CHECK(strstr(buffer, "</malloc>") != NULL);
  return 0;
}
