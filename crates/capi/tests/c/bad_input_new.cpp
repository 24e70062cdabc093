// Bad input to the functions that fail like operator new.
#include "bad_input.h"

#include <new>

static volatile size_t three = 3, none = 0;
static char* kept;
static int calls;

static void counts() { calls++; }

template <class Allocate>
static bool throws(Allocate allocate) {
  try {
    allocate();
  } catch (const std::bad_alloc&) {
    return all_bytes(kept, 0x5a, 100);
  }
  return false;
}

#define THROWS(function, input, call, reaction) \
  ROW(function, input, throws([] { mi_free(call); }), reaction)

int main() {
  open_table();
  kept = static_cast<char*>(mi_malloc(100));
  CHECK(kept != nullptr);
  memset(kept, 0x5a, 100);

  THROWS(mi_new, "SIZE_MAX", mi_new(largest), EOVERFLOW);
  THROWS(mi_new, "more than there is", mi_new(huge / 2), ENOMEM);
  SERVED(mi_new, "0", mi_new(none));
  THROWS(mi_new_aligned, "SIZE_MAX", mi_new_aligned(largest, 64), EOVERFLOW);
  THROWS(mi_new_aligned, "alignment 0", mi_new_aligned(9, none), EOVERFLOW);
  THROWS(mi_new_aligned, "alignment 3", mi_new_aligned(9, three), EOVERFLOW);
  SERVED(mi_new_aligned, "0", mi_new_aligned(none, 64));
  REFUSED(mi_new_nothrow, "SIZE_MAX", mi_new_nothrow(largest), ENOMEM, EOVERFLOW);
  REFUSED(mi_new_aligned_nothrow, "alignment 3", mi_new_aligned_nothrow(9, three), EINVAL, EOVERFLOW);
  THROWS(mi_new_n, "overflow", mi_new_n(largest, 2), EOVERFLOW);
  SERVED(mi_new_n, "0 * SIZE_MAX", mi_new_n(none, largest));
  THROWS(mi_new_realloc, "SIZE_MAX", mi_new_realloc(kept, largest), EOVERFLOW);
  SERVED(mi_new_realloc, "null and 0", mi_new_realloc(nullptr, none));
  THROWS(mi_new_reallocn, "overflow", mi_new_reallocn(kept, largest, 2), EOVERFLOW);
  SERVED(mi_new_reallocn, "null and 0", mi_new_reallocn(nullptr, none, 9));
  FOREIGN_ROWS(mi_new_realloc, throws([=] { mi_free(mi_new_realloc(p, 10)); }), EINVAL);
  FOREIGN_ROWS(mi_new_reallocn, throws([=] { mi_free(mi_new_reallocn(p, 5, 2)); }), EINVAL);

  std::set_new_handler(counts);
  ROW(mi_new_n, "overflow with a handler", mi_new_n(largest, 2) == nullptr && calls == 1, EOVERFLOW);
  ROW(mi_new_reallocn, "overflow with a handler",
      mi_new_reallocn(kept, largest, 2) == nullptr && calls == 2, EOVERFLOW);
  return close_table();
}
