/* What rimalloc offers beyond mimalloc's interface: checks for one heap, and memory resources for the
   std::pmr containers.

   mi_memory_resource                any heap; all its objects are equal
   mi_heap_memory_resource           one heap; its own is deleted with the resource
   mi_heap_destroy_memory_resource   one heap whose blocks are freed together; its own is destroyed
                                     with the resource

   They exist from C++17 on, where the standard library has <memory_resource>. Allocation fails as
   operator new does. Any thread may use them. */
#ifndef RIMALLOC_H
#define RIMALLOC_H

#include "mimalloc.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Has each block of a heap looked at when it is freed, resized or asked for its size, as the option
   `check` has the blocks of all heaps. NULL is the main heap. What is wrong is an error; what follows is
   up to that option. The calling thread goes by it at once, others soon. */
MI_FN void mi_heap_set_check(mi_heap_t* heap, bool check) MI_FN_NOEXCEPT;

#ifdef __cplusplus
}
#endif

#if defined(__cplusplus) && __cplusplus >= 201703L && defined(__has_include)
#if __has_include(<memory_resource>)
#include <memory_resource>
#endif
#endif

#if defined(__cpp_lib_memory_resource)

/* Tells that the memory resources exist. */
#define MI_HAS_MEMORY_RESOURCE 1

/* Allocates by mi_new_aligned. */
class mi_memory_resource : public std::pmr::memory_resource {
 public:
  /* A resource that lives as long as the program. */
  static mi_memory_resource* get() noexcept {
    /* In storage that no destructor touches: containers may outlive all static objects. */
    alignas(mi_memory_resource) static unsigned char storage[sizeof(mi_memory_resource)];
    static mi_memory_resource* const resource = ::new (static_cast<void*>(storage)) mi_memory_resource;
    return resource;
  }

 protected:
  void* do_allocate(std::size_t size, std::size_t alignment) override {
    return alignment <= mi_stl_detail::plain_alignment && alignment <= size
               ? mi_new(size)
               : mi_new_aligned(size, alignment);
  }

  void do_deallocate(void* p, std::size_t size, std::size_t alignment) noexcept override {
    mi_free_size_aligned(p, size, alignment);
  }

  bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override {
#if defined(__cpp_rtti) || defined(__GXX_RTTI)
    return dynamic_cast<const mi_memory_resource*>(&other) != nullptr;
#else
    return this == &other;
#endif
  }
};

/* Allocates in one heap. */
class mi_heap_memory_resource : public std::pmr::memory_resource {
 public:
  /* Makes a heap that is deleted with the resource: blocks in use then stay valid. */
  mi_heap_memory_resource() : mi_heap_memory_resource(mi_heap_new(), &mi_heap_delete) {
    if (heap_ == nullptr) mi_stl_detail::fail();
  }

  /* Uses a heap that outlives the resource; NULL is the main heap. */
  explicit mi_heap_memory_resource(mi_heap_t* heap) noexcept : heap_(heap), end_(nullptr) {}

  ~mi_heap_memory_resource() override {
    if (end_ != nullptr) end_(heap_);
  }

  mi_heap_memory_resource(const mi_heap_memory_resource&) = delete;
  mi_heap_memory_resource& operator=(const mi_heap_memory_resource&) = delete;

  /* The heap; NULL is the main heap. */
  mi_heap_t* heap() const noexcept { return heap_; }

 protected:
  mi_heap_memory_resource(mi_heap_t* heap, void (*end)(mi_heap_t*)) noexcept : heap_(heap), end_(end) {}

  void* do_allocate(std::size_t size, std::size_t alignment) override {
    return mi_stl_detail::heap_new_aligned(heap_, size, alignment);
  }

  void do_deallocate(void* p, std::size_t size, std::size_t alignment) noexcept override {
    mi_free_size_aligned(p, size, alignment);
  }

  bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override {
    return this == &other;
  }

 private:
  mi_heap_t* heap_;
  void (*end_)(mi_heap_t*);
};

/* Allocates in one heap and frees no single block. */
class mi_heap_destroy_memory_resource : public mi_heap_memory_resource {
 public:
  /* Makes a heap that is destroyed with the resource: so are all blocks. */
  mi_heap_destroy_memory_resource() : mi_heap_memory_resource(mi_heap_new(), &mi_heap_destroy) {
    if (heap() == nullptr) mi_stl_detail::fail();
  }

  /* Uses a heap that outlives the resource; whoever made the heap frees the blocks with it. */
  explicit mi_heap_destroy_memory_resource(mi_heap_t* heap) noexcept : mi_heap_memory_resource(heap) {}

 protected:
  void do_deallocate(void*, std::size_t, std::size_t) noexcept override {}
};

#endif /* __cpp_lib_memory_resource */

#endif /* RIMALLOC_H */
