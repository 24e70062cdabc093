// The libc names with the mi_ prefix, where they differ from the plain ones.
#include "mi.h"
#include <wchar.h>

static void blocks(void) {
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  void* p = NULL;
  CHECK(mi_posix_memalign(NULL, 64, 10) == EINVAL);
  CHECK(mi_posix_memalign(&p, 3, 10) == EINVAL && p == NULL);
  CHECK(mi_posix_memalign(&p, 64, 10) == 0 && aligned(p, 64));
  mi_cfree(p);
  p = mi_memalign(2, 10);
  CHECK(p != NULL && mi_malloc_size(p) >= 10 && mi_malloc_usable_size(p) == mi_malloc_size(p));
  mi_free_size(p, 10);
  p = mi_aligned_alloc(128, 10);
  CHECK(p != NULL && aligned(p, 128));
  mi_free(p);
  p = mi_valloc(10);
  CHECK(p != NULL && aligned(p, page));
  mi_free(p);
  p = mi_pvalloc(10);
  CHECK(p != NULL && aligned(p, page) && mi_malloc_size(p) >= page);
  mi_free(p);
  CHECK(mi_malloc_good_size(100) >= 100);
  CHECK(mi_malloc_size(NULL) == 0);

  errno = 0;
  p = mi_reallocarray(NULL, 0, 16);
  CHECK(p != NULL && errno == 0);
  CHECK(mi_reallocarray(p, largest, 2) == NULL && errno == EOVERFLOW);
  CHECK(mi_reallocarr(&p, largest, 2) == EOVERFLOW && p != NULL);
  CHECK(mi_reallocarr(&p, 0, 2) == 0 && p == NULL);
}

static void strings(void) {
  CHECK(mi_strdup(NULL) == NULL && mi_strndup(NULL, 3) == NULL && mi_wcsdup(NULL) == NULL);
  CHECK(mi_mbsdup(NULL) == NULL);
  char* s = mi_strdup("text");
  CHECK(s != NULL && strcmp(s, "text") == 0);
  mi_free(s);
  s = mi_strndup("text", 2);
  CHECK(s != NULL && strcmp(s, "te") == 0);
  mi_free(s);
  wchar_t* w = mi_wcsdup(L"wide text");
  CHECK(w != NULL && wcscmp(w, L"wide text") == 0);
  mi_free(w);
  s = mi_realpath("/usr/../", NULL);
  CHECK(s != NULL && strcmp(s, "/") == 0);
  mi_free(s);
  char room[PATH_MAX];
  CHECK(mi_realpath("/.", room) == room && strcmp(room, "/") == 0);
  errno = 0;
  CHECK(mi_realpath("/no/such/file", NULL) == NULL && errno == ENOENT);
}

static void environment(void) {
  char* value = NULL;
  size_t size = 99;
  CHECK(setenv("CAPI_TEST", "value", 1) == 0);
  CHECK(mi_dupenv_s(&value, &size, "CAPI_TEST") == 0);
  CHECK(value != NULL && strcmp(value, "value") == 0 && size == 6);
  mi_free(value);
  CHECK(mi_dupenv_s(&value, NULL, "CAPI_TEST_ABSENT") == 0 && value == NULL);
  CHECK(mi_dupenv_s(NULL, NULL, "CAPI_TEST") == EINVAL);
  CHECK(mi_dupenv_s(&value, NULL, NULL) == EINVAL);
  wchar_t* wide = NULL;
  CHECK(mi_wdupenv_s(&wide, NULL, L"CAPI_TEST") == EINVAL && wide == NULL);
}

int main(void) {
  blocks();
  strings();
  environment();
  return 0;
}
