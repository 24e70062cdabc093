// [new.delete.single]: the handler is called until memory is found or it gives up; what it throws
// leaves a throwing new and ends as null in a nothrow one.
#include "check.h"

#include <new>

static int calls = 0;

static void gives_up() {
  if (++calls == 3) std::set_new_handler(nullptr);
}

static void throws_int() {
  calls++;
  throw 42;
}

static void throws_bad_alloc() {
  calls++;
  throw std::bad_alloc();
}

template <class Exception, class Allocate>
static void throws(Allocate allocate) {
  bool caught = false;
  try {
    allocate();
  } catch (const Exception&) {
    caught = true;
  }
  CHECK(caught);
}

static void throwing_forms() {
  std::align_val_t alignment{64};
  calls = 0;
  std::set_new_handler(gives_up);
  throws<std::bad_alloc>([] { operator delete(operator new(huge)); });
  CHECK(calls == 3);
  calls = 0;
  std::set_new_handler(gives_up);
  throws<std::bad_alloc>([=] { operator delete[](operator new[](huge, alignment), alignment); });
  CHECK(calls == 3);
  calls = 0;
  std::set_new_handler(throws_int);
  throws<int>([] { operator delete(operator new(huge)); });
  CHECK(calls == 1);
}

static void nothrow_forms() {
  std::align_val_t alignment{64};
  calls = 0;
  std::set_new_handler(gives_up);
  CHECK(operator new(huge, std::nothrow) == nullptr);
  CHECK(calls == 3);
  std::new_handler handlers[] = {throws_int, throws_bad_alloc};
  for (std::new_handler handler : handlers) {
    calls = 0;
    std::set_new_handler(handler);
    CHECK(operator new(huge, std::nothrow) == nullptr);
    CHECK(operator new[](huge, std::nothrow) == nullptr);
    CHECK(operator new(huge, alignment, std::nothrow) == nullptr);
    CHECK(operator new[](huge, alignment, std::nothrow) == nullptr);
    CHECK(calls == 4);
  }
}

int main() {
  throwing_forms();
  nothrow_forms();
  std::set_new_handler(nullptr);
  operator delete(operator new(100));
  return 0;
}
