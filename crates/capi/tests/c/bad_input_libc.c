// Bad input to the functions with libc's names, to strings and to the environment.
#include "bad_input.h"

#include <wchar.h>

static volatile size_t three = 3, none = 0;

static void blocks(void) {
  void* const unchanged = in_data;
  void* slot = unchanged;
  size_t bad[] = {none, three, 2, 4, 24, largest};
  ROW(mi_posix_memalign, "no place", mi_posix_memalign(NULL, 64, 9) == EINVAL, NOTHING);
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    ROW(mi_posix_memalign, "alignment",
        mi_posix_memalign(&slot, bad[i], 9) == EINVAL && slot == unchanged && errno == 0, NOTHING);
  }
  ROW(mi_posix_memalign, "SIZE_MAX",
      mi_posix_memalign(&slot, 64, largest) == ENOMEM && slot == unchanged && errno == 0, EOVERFLOW);
  ROW(mi_posix_memalign, "0", mi_posix_memalign(&slot, 64, none) == 0 && gone(slot), NOTHING);
  REFUSED(mi_memalign, "SIZE_MAX", mi_memalign(64, largest), ENOMEM, EOVERFLOW);
  SERVED(mi_memalign, "0", mi_memalign(64, none));
  REFUSED(mi_aligned_alloc, "SIZE_MAX", mi_aligned_alloc(64, largest), ENOMEM, EOVERFLOW);
  SERVED(mi_aligned_alloc, "size that is no multiple", mi_aligned_alloc(64, 9));
  REFUSED(mi_valloc, "SIZE_MAX", mi_valloc(largest), ENOMEM, EOVERFLOW);
  SERVED(mi_valloc, "0", mi_valloc(none));
  REFUSED(mi_pvalloc, "SIZE_MAX", mi_pvalloc(largest), ENOMEM, EOVERFLOW);
  SERVED(mi_pvalloc, "0", mi_pvalloc(none));
  REFUSED(mi_new_nothrow, "SIZE_MAX", mi_new_nothrow(largest), ENOMEM, EOVERFLOW);
  SERVED(mi_new_nothrow, "0", mi_new_nothrow(none));
  REFUSED(mi_new_aligned_nothrow, "SIZE_MAX", mi_new_aligned_nothrow(largest, 64), ENOMEM, EOVERFLOW);
}

static void arrays(void) {
  void* slot = mi_malloc(9);
  void* before = slot;
  CHECK(slot != NULL);
  REFUSED(mi_reallocarray, "overflow", mi_reallocarray(slot, largest, 2), EOVERFLOW, EOVERFLOW);
  REFUSED(mi_reallocarray, "SIZE_MAX", mi_reallocarray(slot, 1, largest), ENOMEM, EOVERFLOW);
  ROW(mi_reallocarray, "null and 0", gone(mi_reallocarray(NULL, none, 9)) && errno == 0, NOTHING);
  FOREIGN_ROWS(mi_reallocarray, mi_reallocarray(p, 5, 2) == NULL, EINVAL);
  ROW(mi_reallocarr, "no place", mi_reallocarr(NULL, 5, 2) == EINVAL && errno == EINVAL, NOTHING);
  ROW(mi_reallocarr, "elements of 0 bytes",
      mi_reallocarr(&slot, 5, none) == EINVAL && errno == EINVAL && slot == before, NOTHING);
  ROW(mi_reallocarr, "overflow",
      mi_reallocarr(&slot, largest, 2) == EOVERFLOW && errno == EOVERFLOW && slot == before, EOVERFLOW);
  ROW(mi_reallocarr, "SIZE_MAX",
      mi_reallocarr(&slot, 1, largest) == ENOMEM && errno == ENOMEM && slot == before, EOVERFLOW);
  FOREIGN_ROWS(mi_reallocarr, mi_reallocarr(&p, 5, 2) == ENOMEM && p != NULL, EINVAL);
  ROW(mi_reallocarr, "0", mi_reallocarr(&slot, none, 9) == 0 && slot == NULL, NOTHING);
}

static void strings(void) {
  char resolved[PATH_MAX];
  ROW(mi_strdup, "null", mi_strdup(NULL) == NULL, NOTHING);
  SERVED(mi_strdup, "empty", mi_strdup(""));
  ROW(mi_strndup, "null", mi_strndup(NULL, 9) == NULL, NOTHING);
  SERVED(mi_strndup, "SIZE_MAX", mi_strndup("text", largest));
  SERVED(mi_strndup, "0", mi_strndup("text", none));
  ROW(mi_mbsdup, "null", mi_mbsdup(NULL) == NULL, NOTHING);
  SERVED(mi_mbsdup, "empty", mi_mbsdup((const unsigned char*)""));
  ROW(mi_wcsdup, "null", mi_wcsdup(NULL) == NULL, NOTHING);
  SERVED(mi_wcsdup, "empty", mi_wcsdup(L""));
  REFUSED(mi_realpath, "null", mi_realpath(NULL, NULL), EINVAL, NOTHING);
  REFUSED(mi_realpath, "null and a place", mi_realpath(NULL, resolved), EINVAL, NOTHING);
  REFUSED(mi_realpath, "empty", mi_realpath("", NULL), ENOENT, NOTHING);
  REFUSED(mi_realpath, "no such file", mi_realpath("/no/such/file", resolved), ENOENT, NOTHING);
}

static void environment(void) {
  char* text = NULL;
  wchar_t* wide = (wchar_t*)L"";
  size_t size = 77;
  ROW(mi_dupenv_s, "no place", mi_dupenv_s(NULL, &size, "PATH") == EINVAL, NOTHING);
  ROW(mi_dupenv_s, "no name", mi_dupenv_s(&text, &size, NULL) == EINVAL && text == NULL, NOTHING);
  ROW(mi_dupenv_s, "empty name", mi_dupenv_s(&text, NULL, "") == 0 && text == NULL, NOTHING);
  ROW(mi_dupenv_s, "no such variable",
      mi_dupenv_s(&text, &size, "CAPI_TEST_ABSENT") == 0 && text == NULL && size == 0, NOTHING);
  ROW(mi_wdupenv_s, "any", mi_wdupenv_s(&wide, &size, L"PATH") == EINVAL && wide == NULL, NOTHING);
  ROW(mi_wdupenv_s, "no place", mi_wdupenv_s(NULL, NULL, NULL) == EINVAL, NOTHING);
}

int main(void) {
  open_table();
  blocks();
  arrays();
  strings();
  environment();
  return close_table();
}
