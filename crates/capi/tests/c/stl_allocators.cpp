// The allocators for containers: their memory is ours or their heap's, aligned as the type wants it, and a heap that an
// allocator made ends with the last copy of it.
#include <list>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "check.h"
#include "mimalloc.h"

struct alignas(128) wide {
  int value;
  char rest[124];
};

template <class T>
using in_heap = mi_heap_stl_allocator<T>;
template <class T>
using in_destroyed_heap = mi_heap_destroy_stl_allocator<T>;

static size_t heaps() {
  size_t count = 0;
  mi_subproc_visit_heaps(
      mi_subproc_main(), [](mi_heap_t*, void* arg) { return ++*static_cast<size_t*>(arg), true; }, &count);
  return count;
}

static void stateless() {
  static_assert(std::allocator_traits<mi_stl_allocator<int>>::is_always_equal::value, "");
  static_assert(sizeof(std::vector<int, mi_stl_allocator<int>>) == sizeof(std::vector<int>), "");
  std::vector<int, mi_stl_allocator<int>> numbers;
  for (int i = 0; i < 1000; i++) numbers.push_back(i);
  CHECK(is_ours(numbers.data()) && numbers[999] == 999);
  std::vector<wide, mi_stl_allocator<wide>> wides(5);
  CHECK(aligned(wides.data(), 128));
  std::map<int, std::string, std::less<int>, mi_stl_allocator<std::pair<const int, std::string>>> names;
  names[1] = "one";
  CHECK(mi_stl_allocator<int>() == mi_stl_allocator<char>() && names.size() == 1);
}

template <template <class> class Allocator>
static void with_heap() {
  size_t before = heaps();
  {
    std::vector<int, Allocator<int>> numbers(1000, 7);
    CHECK(heaps() == before + 1);
    mi_heap_t* heap = mi_heap_of(numbers.data());
    CHECK(heap != mi_heap_main());
    // What was moved from goes on to be used.
    auto moved = std::move(numbers);
    numbers.assign(100, 8);
    CHECK(moved[999] == 7 && numbers[99] == 8 && mi_heap_of(numbers.data()) == heap);
    CHECK(moved.get_allocator() == numbers.get_allocator());

    std::list<wide, Allocator<wide>> wides(numbers.get_allocator());
    wides.emplace_back();
    CHECK(mi_heap_of(&wides.front()) == heap && aligned(&wides.front(), 128));
    CHECK(heaps() == before + 1);
    Allocator<char> other;
    CHECK(heaps() == before + 2 && other != Allocator<char>(numbers.get_allocator()));
    CHECK(Allocator<int>(other).is_equal(other));
    other.collect(true);
  }
  CHECK(heaps() == before);
}

static void heap_of_the_program() {
  mi_heap_t* heap = mi_heap_new();
  size_t before = heaps();
  {
    std::unordered_map<int, int, std::hash<int>, std::equal_to<int>, in_heap<std::pair<const int, int>>> map{
        in_heap<std::pair<const int, int>>(heap)};
    map[1] = 2;
    CHECK(mi_heap_of(&map[1]) == heap);
  }
  CHECK(heaps() == before);
  mi_heap_destroy(heap);
}

int main() {
  stateless();
  with_heap<in_heap>();
  with_heap<in_destroyed_heap>();
  heap_of_the_program();
  bool thrown = false;
  try {
    mi_stl_allocator<wide> allocator;
    void* p = allocator.allocate(largest / 64);
    CHECK(p == nullptr);
  } catch (const std::bad_alloc&) {
    thrown = true;
  }
  CHECK(thrown);
  return 0;
}
