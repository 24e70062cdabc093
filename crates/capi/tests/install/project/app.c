/* A program of a project that uses mimalloc: it calls the library by name, and takes for granted that the
   plain names lead to it too. */
#include <mimalloc.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct point {
  double x, y;
} point_t;

static int failures = 0;

static void expect(int holds, const char *what) {
  if (!holds) {
    fprintf(stderr, "not true: %s\n", what);
    failures++;
  }
}

static void calls_by_name(void) {
  point_t *points = mi_calloc_tp(point_t, 100);
  expect(points != NULL && points[99].x == 0.0, "mi_calloc_tp clears");
  points = mi_reallocn_tp(points, point_t, 1000);
  expect(points != NULL && mi_usable_size(points) >= 1000 * sizeof(point_t), "mi_reallocn_tp grows");
  mi_free(points);

  void *aligned = mi_malloc_aligned(100, 256);
  expect(aligned != NULL && (uintptr_t)aligned % 256 == 0, "mi_malloc_aligned aligns");
  mi_free(aligned);

  char *text = mi_strdup("mimalloc");
  expect(text != NULL && strcmp(text, "mimalloc") == 0, "mi_strdup copies");
  mi_free(text);

  mi_option_set(mi_option_purge_delay, 5);
  expect(mi_option_get(mi_option_purge_delay) == 5, "mi_option_set sets");
}

static void plain_names(void) {
  void *block = malloc(100);
  expect(mi_is_in_heap_region(block), "malloc is overridden");
  block = realloc(block, 100000);
  expect(mi_is_in_heap_region(block), "realloc is overridden");
  free(block);

  char *text = strdup("of the C library, or not");
  expect(mi_is_in_heap_region(text), "what strdup calls is overridden");
  mi_free(text);

  block = mi_malloc(100);
  free(block);
  expect(!mi_is_in_heap_region(&block), "the stack is no heap");
}

int main(void) {
  calls_by_name();
  plain_names();
  printf("mimalloc %d, header %d\n", mi_version(), MI_MALLOC_VERSION);
  return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
