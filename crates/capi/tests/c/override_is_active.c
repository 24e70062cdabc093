// Every way a C program gets memory leads to the library, glibc's own uses included.
#include "check.h"
#include <wchar.h>

int main(void) {
  void* p[12];
  int n = 0;
  p[n++] = malloc(10);
  p[n++] = calloc(3, 10);
  p[n++] = realloc(NULL, 10);
  p[n++] = aligned_alloc(64, 128);
  p[n++] = strdup("text");
  p[n++] = strndup("text", 2);
  p[n++] = wcsdup(L"text");
  p[n++] = realpath("/", NULL);
  p[n++] = getcwd(NULL, 0);
  char* line = NULL;
  CHECK(asprintf(&line, "%d", 7) == 1);
  p[n++] = line;
  CHECK(posix_memalign(&p[n++], 32, 10) == 0);
  for (int i = 0; i < n; i++) {
    CHECK(p[i] != NULL);
    CHECK(is_ours(p[i]));
    free(p[i]);
  }
  int local = 0;
  CHECK(!is_ours(&local));
  CHECK(!is_ours(NULL));
  return 0;
}
