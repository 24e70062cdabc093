// mimalloc-override.h replaces calls, with their arguments in the right order.
#include "mimalloc-override.h"

#include "check.h"

#define TEXT(text) #text
#define EXPANSION(call) TEXT(call)

int main(void) {
  // The library under test has a malloc too, so what the calls become is all there is to see.
  CHECK(strcmp(EXPANSION(malloc(1)), "mi_malloc(1)") == 0);
  CHECK(strcmp(EXPANSION(free(p)), "mi_free(p)") == 0);
  CHECK(strcmp(EXPANSION(memalign(16, 1)), "mi_memalign(16, 1)") == 0);
  CHECK(strcmp(EXPANSION(release = free), "release = free") == 0);

  char* p = malloc(10);
  CHECK(is_ours(p));
  p = realloc(p, 1000);
  CHECK(malloc_usable_size(p) >= 1000);
  free(p);
  p = strdup("text");
  CHECK(is_ours(p) && strcmp(p, "text") == 0);
  free(p);
  p = _aligned_malloc(10, 256);
  CHECK(is_ours(p) && aligned(p, 256) && _aligned_msize(p, 256, 0) >= 10);
  p = _aligned_offset_realloc(p, 1000, 256, 8);
  CHECK(is_ours(p) && aligned(p + 8, 256));
  _aligned_free(p);
  void* q = NULL;
  CHECK(posix_memalign(&q, 64, 10) == 0 && is_ours(q) && aligned(q, 64));
  CHECK(reallocarr(&q, 10, 10) == 0 && is_ours(q));
  free(q);
  return 0;
}
