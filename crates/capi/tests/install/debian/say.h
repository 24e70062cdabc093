/* What the programs for Debian's mimalloc share. They are built with its header, linked to its library,
   and run on that one and on ours: what they say must be the same. */
#include <mimalloc.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A truth or a small number, with the text of what was asked. */
#define SAY(value) printf("%s: %ld\n", #value, (long)(value))

static inline int aligned(const void *p, size_t alignment) {
  return p != NULL && (uintptr_t)p % alignment == 0;
}

static inline int all(const void *p, size_t from, size_t to, unsigned char byte) {
  for (size_t at = from; at < to; at++) {
    if (((const unsigned char *)p)[at] != byte) return 0;
  }
  return p != NULL;
}
