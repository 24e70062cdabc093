/* Defines operator new and delete of a C++ program by the mi_ functions. Exactly one source file of the
   program includes it; in C it defines nothing. A program that is linked with the overriding library has the
   operators without it. */
#ifndef MIMALLOC_NEW_DELETE_H
#define MIMALLOC_NEW_DELETE_H

#include "mimalloc.h"

#ifdef __cplusplus

#include <new>

#if __cplusplus >= 201103L
#define MI_NEW_THROWS
#else
#define MI_NEW_THROWS throw(std::bad_alloc)
#endif

void* operator new(std::size_t n) MI_NEW_THROWS { return mi_new(n); }
void* operator new[](std::size_t n) MI_NEW_THROWS { return mi_new(n); }
void* operator new(std::size_t n, const std::nothrow_t&) MI_FN_NOEXCEPT { return mi_new_nothrow(n); }
void* operator new[](std::size_t n, const std::nothrow_t&) MI_FN_NOEXCEPT { return mi_new_nothrow(n); }

void operator delete(void* p) MI_FN_NOEXCEPT { mi_free(p); }
void operator delete[](void* p) MI_FN_NOEXCEPT { mi_free(p); }
void operator delete(void* p, const std::nothrow_t&) MI_FN_NOEXCEPT { mi_free(p); }
void operator delete[](void* p, const std::nothrow_t&) MI_FN_NOEXCEPT { mi_free(p); }

#undef MI_NEW_THROWS

#if __cplusplus >= 201402L || defined(__cpp_sized_deallocation)
void operator delete(void* p, std::size_t n) noexcept { mi_free_size(p, n); }
void operator delete[](void* p, std::size_t n) noexcept { mi_free_size(p, n); }
#endif

#if __cplusplus >= 201703L || defined(__cpp_aligned_new)
void* operator new(std::size_t n, std::align_val_t a) {
  return mi_new_aligned(n, static_cast<std::size_t>(a));
}
void* operator new[](std::size_t n, std::align_val_t a) {
  return mi_new_aligned(n, static_cast<std::size_t>(a));
}
void* operator new(std::size_t n, std::align_val_t a, const std::nothrow_t&) noexcept {
  return mi_new_aligned_nothrow(n, static_cast<std::size_t>(a));
}
void* operator new[](std::size_t n, std::align_val_t a, const std::nothrow_t&) noexcept {
  return mi_new_aligned_nothrow(n, static_cast<std::size_t>(a));
}

void operator delete(void* p, std::align_val_t a) noexcept {
  mi_free_aligned(p, static_cast<std::size_t>(a));
}
void operator delete[](void* p, std::align_val_t a) noexcept {
  mi_free_aligned(p, static_cast<std::size_t>(a));
}
void operator delete(void* p, std::size_t n, std::align_val_t a) noexcept {
  mi_free_size_aligned(p, n, static_cast<std::size_t>(a));
}
void operator delete[](void* p, std::size_t n, std::align_val_t a) noexcept {
  mi_free_size_aligned(p, n, static_cast<std::size_t>(a));
}
void operator delete(void* p, std::align_val_t a, const std::nothrow_t&) noexcept {
  mi_free_aligned(p, static_cast<std::size_t>(a));
}
void operator delete[](void* p, std::align_val_t a, const std::nothrow_t&) noexcept {
  mi_free_aligned(p, static_cast<std::size_t>(a));
}
#endif

#endif /* __cplusplus */

#endif /* MIMALLOC_NEW_DELETE_H */
