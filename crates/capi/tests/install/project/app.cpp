// A C++ program of a project that uses mimalloc: with its allocator for containers, and with new and
// delete that lead to it.
#include <mimalloc.h>

#include <cstdint>
#include <iostream>
#include <map>
#include <memory>
#include <new>
#include <string>
#include <vector>

namespace {

int failures = 0;

void expect(bool holds, const char *what) {
  if (!holds) {
    std::cerr << "not true: " << what << '\n';
    failures++;
  }
}

struct alignas(128) Line {
  char bytes[128];
};

void containers() {
  std::vector<int, mi_stl_allocator<int>> numbers;
  for (int n = 0; n < 10000; n++) numbers.push_back(n);
  expect(mi_is_in_heap_region(numbers.data()), "mi_stl_allocator allocates here");

  std::map<std::string, std::vector<double>> plain;
  for (int n = 0; n < 100; n++) plain["a key that is too long for a short string " + std::to_string(n)].resize(n + 1);
  expect(mi_is_in_heap_region(&*plain.begin()), "std::allocator allocates here");
}

void operators() {
  auto number = std::make_unique<int>(1);
  expect(mi_is_in_heap_region(number.get()), "new is overridden");
  auto line = std::make_unique<Line>();
  expect(mi_is_in_heap_region(line.get()), "aligned new is overridden");
  expect(reinterpret_cast<std::uintptr_t>(line.get()) % alignof(Line) == 0, "aligned new aligns");
  try {
    expect(mi_new(SIZE_MAX / 2) == nullptr, "mi_new throws");
  } catch (const std::bad_alloc &) {
    number.reset();
  }
  expect(number == nullptr, "bad_alloc arrives");
}

}  // namespace

int main() {
  containers();
  operators();
  std::cout << "mimalloc " << mi_version() << ", header " << MI_MALLOC_VERSION << '\n';
  return failures == 0 ? 0 : 1;
}
