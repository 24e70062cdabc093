// What the test programs share. A program prints nothing and exits with 0 when all is well.
#pragma once
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// What the level of the library under test promises, as in the engine's config.rs.
#ifndef SECURE
#define SECURE 0
#endif
#ifndef DEBUG
#define DEBUG 0
#endif
enum {
  HARDENED = SECURE > 0 || DEBUG,
  RANDOM_ORDER = SECURE >= 2,
  PADDED = SECURE >= 3 || DEBUG,
  PADDING = PADDED ? 8 : 0,
  CHECKED_SIZES = SECURE >= 4 || DEBUG,
  GUARDED_PAGES = SECURE >= 5,
};

#define CHECK(condition)                                                         \
  do {                                                                           \
    if (!(condition)) {                                                          \
      fprintf(stderr, "%s:%d: %s (errno %d)\n", __FILE__, __LINE__, #condition, errno); \
      _exit(1);                                                                  \
    }                                                                            \
  } while (0)

// The largest request that a page of `size` bytes, a number of slices, holds alone.
static inline size_t whole(size_t size) {
  return size - (GUARDED_PAGES ? (size_t)sysconf(_SC_PAGESIZE) : 0) - PADDING;
}

// Sizes that no compiler may reason about.
static volatile size_t huge = (size_t)PTRDIFF_MAX + 1;
static volatile size_t largest = SIZE_MAX;

// Values go through here so that the compiler forgets where a pointer came from.
static inline void* launder(const void* p) {
  void* volatile q = (void*)(uintptr_t)p;
  return q;
}

static inline bool aligned(const void* p, size_t alignment) {
  return (uintptr_t)p % alignment == 0;
}

static inline bool all_bytes(const void* p, int value, size_t size) {
  const unsigned char* bytes = (const unsigned char*)p;
  for (size_t i = 0; i < size; i++) {
    if (bytes[i] != (unsigned char)value) return false;
  }
  return true;
}

#ifdef __cplusplus
#define NOEXCEPT noexcept
extern "C" {
#else
#define NOEXCEPT
#endif
bool mi_is_in_heap_region(const void* p) NOEXCEPT;
#ifdef __cplusplus
}
#endif

// Whether a pointer came from the library under test. A preloaded program is not linked with it.
static inline bool is_ours(const void* p) {
#ifdef PRELOADED
  bool (*ask)(const void*) = (bool (*)(const void*))dlsym(RTLD_DEFAULT, "mi_is_in_heap_region");
  CHECK(ask != NULL);
  return ask(p);
#else
  return mi_is_in_heap_region(p);
#endif
}
