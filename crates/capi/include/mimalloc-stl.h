/* The allocators for containers of the standard library. mimalloc.h includes this header in C++.

   mi_stl_allocator<T>               any heap; all its objects are equal
   mi_heap_stl_allocator<T>          one heap, deleted with the last copy of the allocator
   mi_heap_destroy_stl_allocator<T>  one heap, destroyed with the last copy; single blocks are not freed */
#ifndef MIMALLOC_STL_H
#define MIMALLOC_STL_H

#include "mimalloc.h"

#ifdef __cplusplus

#include <cstddef>
#include <cstdlib>
#include <new>

#if __cplusplus >= 201103L
#include <memory>
#include <type_traits>
#include <utility>

/* Tells that the allocators for heaps exist. */
#define MI_HAS_HEAP_STL_ALLOCATOR 1
#endif

namespace mi_stl_detail {

/* What plain blocks are aligned to, from 16 bytes on. */
const std::size_t plain_alignment = 16;

/* The end of a request for more objects than memory could hold. */
inline void fail() {
#if defined(__cpp_exceptions) || defined(__EXCEPTIONS)
  throw std::bad_alloc();
#else
  std::abort();
#endif
}

template <class T>
std::size_t max_size() {
  return static_cast<std::size_t>(PTRDIFF_MAX) / sizeof(T);
}

#if __cplusplus >= 201103L

template <class T>
T* allocate(std::size_t count) {
  if (count > max_size<T>()) fail();
  void* p = alignof(T) <= plain_alignment ? mi_new_n(count, sizeof(T))
                                          : mi_new_aligned(count * sizeof(T), alignof(T));
  return static_cast<T*>(p);
}

/* Aligned memory of a heap with the failure of operator new, for which there is no function. */
inline void* heap_new_aligned(mi_heap_t* heap, std::size_t size, std::size_t alignment) {
  for (;;) {
    void* p = mi_heap_malloc_aligned(heap, size, alignment);
    if (p != nullptr) return p;
    std::new_handler handler = std::get_new_handler();
    if (handler == nullptr) fail();
    handler();
  }
}

template <class T>
T* heap_allocate(mi_heap_t* heap, std::size_t count) {
  if (count > max_size<T>()) fail();
  void* p = alignof(T) <= plain_alignment ? mi_heap_alloc_new_n(heap, count, sizeof(T))
                                          : heap_new_aligned(heap, count * sizeof(T), alignof(T));
  return static_cast<T*>(p);
}

#else

template <class T>
T* allocate(std::size_t count) {
  if (count > max_size<T>()) fail();
  return static_cast<T*>(mi_new_n(count, sizeof(T)));
}

#endif

/* The members that all the allocators have. */
template <class T>
struct members {
  typedef T value_type;
  typedef std::size_t size_type;
  typedef std::ptrdiff_t difference_type;
  typedef T& reference;
  typedef const T& const_reference;
  typedef T* pointer;
  typedef const T* const_pointer;

  size_type max_size() const MI_FN_NOEXCEPT { return mi_stl_detail::max_size<T>(); }
  pointer address(reference x) const { return &x; }
  const_pointer address(const_reference x) const { return &x; }

#if __cplusplus >= 201103L
  typedef std::true_type propagate_on_container_copy_assignment;
  typedef std::true_type propagate_on_container_move_assignment;
  typedef std::true_type propagate_on_container_swap;

  template <class U, class... Args>
  void construct(U* p, Args&&... args) {
    ::new (static_cast<void*>(p)) U(std::forward<Args>(args)...);
  }
  template <class U>
  void destroy(U* p) MI_FN_NOEXCEPT {
    p->~U();
  }
#else
  void construct(pointer p, const_reference value) { ::new (static_cast<void*>(p)) T(value); }
  void destroy(pointer p) { p->~T(); }
#endif
};

} /* namespace mi_stl_detail */

/* Allocates by mi_new_n; any object of it frees what another one allocated. */
template <class T>
struct mi_stl_allocator : mi_stl_detail::members<T> {
  template <class U>
  struct rebind {
    typedef mi_stl_allocator<U> other;
  };
#if __cplusplus >= 201103L
  typedef std::true_type is_always_equal;
#endif

  mi_stl_allocator() MI_FN_NOEXCEPT {}
  template <class U>
  mi_stl_allocator(const mi_stl_allocator<U>&) MI_FN_NOEXCEPT {}

  mi_stl_allocator select_on_container_copy_construction() const { return *this; }

  MI_FN_NODISCARD T* allocate(std::size_t count) { return mi_stl_detail::allocate<T>(count); }
  MI_FN_NODISCARD T* allocate(std::size_t count, const void*) { return allocate(count); }
  void deallocate(T* p, std::size_t = 0) MI_FN_NOEXCEPT { mi_free(p); }
};

template <class T, class U>
bool operator==(const mi_stl_allocator<T>&, const mi_stl_allocator<U>&) MI_FN_NOEXCEPT {
  return true;
}

template <class T, class U>
bool operator!=(const mi_stl_allocator<T>&, const mi_stl_allocator<U>&) MI_FN_NOEXCEPT {
  return false;
}

#if MI_HAS_HEAP_STL_ALLOCATOR

namespace mi_stl_detail {

/* A heap that the copies of an allocator share. */
template <class T>
class heap_members : public members<T> {
 public:
  typedef std::false_type is_always_equal;

  /* Returns what the calling thread keeps of the heap for reuse. */
  void collect(bool force) { mi_heap_collect(heap_.get(), force); }

  /* Whether another allocator uses the same heap. */
  template <class U>
  bool is_equal(const heap_members<U>& other) const noexcept {
    return heap_ == other.heap_;
  }

 protected:
  /* A heap of its own, ended by `end` with the last copy. */
  explicit heap_members(void (*end)(mi_heap_t*)) : heap_(mi_heap_new(), end) {
    if (!heap_) fail();
  }
  /* A heap of somebody else. */
  explicit heap_members(mi_heap_t* heap) : heap_(heap, [](mi_heap_t*) {}) {}

  /* No move: an allocator that was moved from still serves its container. */
  heap_members(const heap_members&) = default;
  heap_members& operator=(const heap_members&) = default;
  template <class U>
  heap_members(const heap_members<U>& other) noexcept : heap_(other.heap_) {}

  std::shared_ptr<mi_heap_t> heap_;

 private:
  template <class U>
  friend class heap_members;
};

} /* namespace mi_stl_detail */

/* Allocates in one heap and frees blocks one by one. Its own heap is deleted with the last copy. */
template <class T>
struct mi_heap_stl_allocator : mi_stl_detail::heap_members<T> {
  template <class U>
  struct rebind {
    typedef mi_heap_stl_allocator<U> other;
  };

  mi_heap_stl_allocator() : mi_stl_detail::heap_members<T>(&mi_heap_delete) {}
  mi_heap_stl_allocator(mi_heap_t* heap) : mi_stl_detail::heap_members<T>(heap) {}
  template <class U>
  mi_heap_stl_allocator(const mi_heap_stl_allocator<U>& other) noexcept
      : mi_stl_detail::heap_members<T>(other) {}

  mi_heap_stl_allocator select_on_container_copy_construction() const { return *this; }

  MI_FN_NODISCARD T* allocate(std::size_t count) {
    return mi_stl_detail::heap_allocate<T>(this->heap_.get(), count);
  }
  MI_FN_NODISCARD T* allocate(std::size_t count, const void*) { return allocate(count); }
  void deallocate(T* p, std::size_t = 0) noexcept { mi_free(p); }
};

template <class T, class U>
bool operator==(const mi_heap_stl_allocator<T>& x, const mi_heap_stl_allocator<U>& y) noexcept {
  return x.is_equal(y);
}

template <class T, class U>
bool operator!=(const mi_heap_stl_allocator<T>& x, const mi_heap_stl_allocator<U>& y) noexcept {
  return !x.is_equal(y);
}

/* Allocates in one heap and frees no single block. Its own heap is destroyed with the last copy. */
template <class T>
struct mi_heap_destroy_stl_allocator : mi_stl_detail::heap_members<T> {
  template <class U>
  struct rebind {
    typedef mi_heap_destroy_stl_allocator<U> other;
  };

  mi_heap_destroy_stl_allocator() : mi_stl_detail::heap_members<T>(&mi_heap_destroy) {}
  mi_heap_destroy_stl_allocator(mi_heap_t* heap) : mi_stl_detail::heap_members<T>(heap) {}
  template <class U>
  mi_heap_destroy_stl_allocator(const mi_heap_destroy_stl_allocator<U>& other) noexcept
      : mi_stl_detail::heap_members<T>(other) {}

  mi_heap_destroy_stl_allocator select_on_container_copy_construction() const { return *this; }

  MI_FN_NODISCARD T* allocate(std::size_t count) {
    return mi_stl_detail::heap_allocate<T>(this->heap_.get(), count);
  }
  MI_FN_NODISCARD T* allocate(std::size_t count, const void*) { return allocate(count); }
  void deallocate(T*, std::size_t = 0) noexcept {}
};

template <class T, class U>
bool operator==(const mi_heap_destroy_stl_allocator<T>& x,
                const mi_heap_destroy_stl_allocator<U>& y) noexcept {
  return x.is_equal(y);
}

template <class T, class U>
bool operator!=(const mi_heap_destroy_stl_allocator<T>& x,
                const mi_heap_destroy_stl_allocator<U>& y) noexcept {
  return !x.is_equal(y);
}

#endif /* MI_HAS_HEAP_STL_ALLOCATOR */

#endif /* __cplusplus */

#endif /* MIMALLOC_STL_H */
