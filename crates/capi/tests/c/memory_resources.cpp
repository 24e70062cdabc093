// The memory resources of rimalloc.h serve std::pmr containers.
#include "rimalloc.h"

#include <string>
#include <vector>

#include "check.h"

static void plain() {
  mi_memory_resource other;
  CHECK(mi_memory_resource::get()->is_equal(other));
  CHECK(!other.is_equal(*std::pmr::new_delete_resource()));
  std::pmr::vector<std::pmr::string> words(mi_memory_resource::get());
  words.emplace_back(100, 'x');
  CHECK(is_ours(words.data()) && is_ours(words[0].data()));
  void* p = other.allocate(10, 4096);
  CHECK(aligned(p, 4096));
  other.deallocate(p, 10, 4096);
  p = other.allocate(9, 16);
  CHECK(aligned(p, 16));
  other.deallocate(p, 9, 16);
}

static void block_survives_a_deleted_heap() {
  void* p = nullptr;
  {
    mi_heap_memory_resource resource;
    p = resource.allocate(100, 64);
    CHECK(mi_heap_of(p) == resource.heap() && aligned(p, 64));
    mi_heap_memory_resource other;
    CHECK(resource.is_equal(resource) && !resource.is_equal(other));
  }
  CHECK(mi_heap_of(p) == mi_heap_main());
  mi_free(p);
}

static void blocks_end_with_a_destroyed_heap() {
  void* p = nullptr;
  {
    mi_heap_destroy_memory_resource resource;
    std::pmr::vector<std::pmr::string> words(&resource);
    for (int i = 0; i < 1000; i++) words.emplace_back(1000, 'x');
    p = words.data();
    CHECK(mi_heap_of(p) == resource.heap());
  }
  CHECK(mi_heap_of(p) == nullptr);
}

static void heap_of_the_program() {
  mi_heap_t* heap = mi_heap_new();
  {
    mi_heap_memory_resource resource(heap);
    mi_heap_destroy_memory_resource keeping(heap);
    std::pmr::vector<int> numbers(100, 1, &resource), more(100, 2, &keeping);
    CHECK(mi_heap_of(numbers.data()) == heap && mi_heap_of(more.data()) == heap);
  }
  mi_heap_destroy(heap);
  mi_heap_memory_resource main_heap(nullptr);
  void* p = main_heap.allocate(10);
  CHECK(mi_heap_of(p) == mi_heap_main());
  main_heap.deallocate(p, 10);
}

int main() {
  plain();
  block_survives_a_deleted_heap();
  blocks_end_with_a_destroyed_heap();
  heap_of_the_program();
  return 0;
}
