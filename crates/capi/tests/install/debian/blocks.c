/* Blocks of the default heap, options and callbacks. Left out is what versions 2.0 and 2.4 do differently:
   the size that mi_dupenv_s stores, the characters of mi_wcsdup, and what mi_recalloc_aligned clears. */
#include "say.h"

#include <errno.h>
#include <pthread.h>

/* Too large, and not seen to be so by the compiler. */
static volatile size_t huge = SIZE_MAX / 2;

static void plain(void) {
  puts("-- plain");
  char *p = mi_malloc(100);
  memset(p, 1, 100);
  SAY(aligned(p, 16));
  SAY(mi_usable_size(p) >= 100 && mi_usable_size(p) < 200);
  SAY(mi_good_size(100) >= 100);
  SAY(mi_expand(p, 50) == p);
  SAY(mi_expand(p, 100000) == NULL);
  p = mi_realloc(p, 100000);
  SAY(all(p, 0, 100, 1));
  p = mi_reallocn(p, 10, 5);
  SAY(all(p, 0, 50, 1));
  SAY(mi_reallocn(p, huge, 3) == NULL);
  p = mi_reallocf(p, 60);
  SAY(all(p, 0, 50, 1));
  SAY(mi_reallocf(p, PTRDIFF_MAX) == NULL);
  SAY(mi_malloc(PTRDIFF_MAX) == NULL);
  SAY(mi_mallocn(huge, 3) == NULL);
  SAY(mi_calloc(huge, 3) == NULL);
  SAY(mi_usable_size(NULL));
  mi_free(NULL);
  void *empty = mi_malloc(0);
  SAY(empty != NULL);
  empty = mi_realloc(empty, 0);
  SAY(empty != NULL);
  mi_free(empty);
  void *words[] = {mi_malloc_small(64), mi_mallocn(8, 8), mi_malloc(64)};
  for (int n = 0; n < 3; n++) SAY(mi_usable_size(words[n]));
  for (int n = 0; n < 3; n++) mi_free(words[n]);
}

static void zeroed(void) {
  puts("-- zeroed");
  for (size_t size = 8; size < 3000000; size = size * 7 + 3) {
    char *dirt = mi_malloc(size);
    memset(dirt, 2, size);
    mi_free(dirt);
    char *p = mi_zalloc(size);
    SAY(all(p, 0, size, 0));
    p = mi_rezalloc(p, size * 2);
    SAY(all(p, 0, size * 2, 0));
    p = mi_recalloc(p, 3, size);
    SAY(all(p, 0, size * 3, 0));
    mi_free(p);
    p = mi_calloc(3, size);
    SAY(all(p, 0, size * 3, 0));
    mi_free(p);
  }
  char *small = mi_zalloc_small(100);
  SAY(all(small, 0, 100, 0));
  mi_free(small);
  SAY(mi_recalloc(NULL, huge, 3) == NULL);
}

static void alignments(void) {
  puts("-- aligned");
  for (size_t alignment = 8; alignment <= 1 << 15; alignment *= 8) {
    printf("alignment %zu\n", alignment);
    char *p = mi_malloc_aligned(100, alignment);
    SAY(aligned(p, alignment));
    memset(p, 3, 100);
    p = mi_realloc_aligned(p, 5000, alignment);
    SAY(aligned(p, alignment) && all(p, 0, 100, 3));
    mi_free_size_aligned(p, 5000, alignment);
    p = mi_zalloc_aligned(100, alignment);
    SAY(aligned(p, alignment) && all(p, 0, 100, 0));
    p = mi_rezalloc_aligned(p, 500, alignment);
    SAY(aligned(p, alignment) && all(p, 0, 500, 0));
    p = mi_recalloc_aligned(p, 10, 100, alignment);
    SAY(aligned(p, alignment));
    mi_free_aligned(p, alignment);
    p = mi_calloc_aligned(10, 10, alignment);
    SAY(aligned(p, alignment) && all(p, 0, 100, 0));
    mi_free(p);
    p = mi_malloc_aligned_at(100, alignment, 8);
    SAY(aligned(p + 8, alignment));
    mi_free(p);
    p = mi_zalloc_aligned_at(100, alignment, 24);
    SAY(aligned(p + 24, alignment) && all(p, 0, 100, 0));
    mi_free(p);
    p = mi_calloc_aligned_at(10, 10, alignment, 40);
    SAY(aligned(p + 40, alignment) && all(p, 0, 100, 0));
    mi_free(p);
  }
  SAY(mi_malloc_aligned(100, 3) == NULL);
  SAY(mi_malloc_aligned(100, 0) == NULL);
  SAY(mi_malloc_aligned(PTRDIFF_MAX, 64) == NULL);
  SAY(mi_calloc_aligned(huge, 3, 64) == NULL);
}

static void posix(void) {
  puts("-- POSIX and others");
  void *p = NULL;
  SAY(mi_posix_memalign(&p, 64, 100));
  SAY(aligned(p, 64));
  SAY(mi_malloc_size(p) >= 100 && mi_malloc_usable_size(p) >= 100);
  mi_free_size(p, 100);
  void *kept = &p;
  p = kept;
  SAY(mi_posix_memalign(&p, 3, 100) == EINVAL);
  SAY(mi_posix_memalign(&p, 64, PTRDIFF_MAX) == ENOMEM);
  SAY(mi_posix_memalign(NULL, 64, 100) == EINVAL);
  SAY(p == kept);
  void *blocks[] = {mi_memalign(256, 10), mi_valloc(10), mi_pvalloc(10), mi_aligned_alloc(64, 128)};
  SAY(aligned(blocks[0], 256));
  SAY(aligned(blocks[1], 4096));
  SAY(aligned(blocks[2], 4096) && mi_usable_size(blocks[2]) >= 4096);
  SAY(aligned(blocks[3], 64));
  for (int n = 0; n < 4; n++) mi_cfree(blocks[n]);
  mi_cfree(NULL);
  p = mi_reallocarray(NULL, 10, 10);
  memset(p, 4, 100);
  SAY(mi_reallocarr(&p, 100, 10));
  SAY(all(p, 0, 100, 4));
  mi_free(p);
  errno = 0;
  SAY(mi_reallocarray(NULL, huge, 3) == NULL);
  SAY(errno != 0);
}

static void texts(void) {
  puts("-- texts");
  char *copies[] = {mi_strdup("a text"), mi_strndup("a text", 3), mi_realpath("/usr/..", NULL),
                    (char *)mi_mbsdup((const unsigned char *)"bytes")};
  for (int n = 0; n < 4; n++) {
    puts(copies[n]);
    SAY(mi_is_in_heap_region(copies[n]));
    mi_free(copies[n]);
  }
  SAY(mi_strdup(NULL) == NULL);
  SAY(mi_realpath("/no such file", NULL) == NULL);
  setenv("MI_TEST_VARIABLE", "its value", 1);
  char *value = NULL;
  size_t size = 0;
  SAY(mi_dupenv_s(&value, &size, "MI_TEST_VARIABLE"));
  puts(value);
  mi_free(value);
  SAY(mi_dupenv_s(&value, &size, "MI_NO_SUCH_VARIABLE"));
  SAY(value == NULL && size == 0);
}

static void new_family(void) {
  puts("-- new");
  void *blocks[] = {mi_new(10), mi_new_nothrow(10), mi_new_aligned(10, 64), mi_new_aligned_nothrow(10, 64),
                    mi_new_n(10, 10)};
  for (int n = 0; n < 5; n++) SAY(aligned(blocks[n], n == 2 || n == 3 ? 64 : 8));
  blocks[0] = mi_new_realloc(blocks[0], 1000);
  blocks[1] = mi_new_reallocn(blocks[1], 10, 100);
  SAY(mi_usable_size(blocks[0]) >= 1000 && mi_usable_size(blocks[1]) >= 1000);
  for (int n = 0; n < 5; n++) mi_free(blocks[n]);
  SAY(mi_new_nothrow(PTRDIFF_MAX) == NULL);
}

static void settings(void) {
  puts("-- options");
  SAY(mi_option_is_enabled(mi_option_show_errors));
  mi_option_enable(mi_option_show_errors);
  SAY(mi_option_get(mi_option_show_errors));
  mi_option_disable(mi_option_show_errors);
  SAY(mi_option_get(mi_option_show_errors));
  mi_option_set_enabled(mi_option_verbose, true);
  SAY(mi_option_is_enabled(mi_option_verbose));
  mi_option_set(mi_option_verbose, 0);
  mi_option_set(mi_option_max_segment_reclaim, 7);
  SAY(mi_option_get(mi_option_max_segment_reclaim));
  SAY(mi_option_get_clamp(mi_option_max_segment_reclaim, 10, 20));
  mi_option_set_default(mi_option_max_segment_reclaim, 9);
  SAY(mi_option_get(mi_option_max_segment_reclaim));
  SAY(mi_is_redirected());
}

static void on_output(const char *message, void *length) { *(size_t *)length += strlen(message); }

static void on_error(int code, void *last) { *(int *)last = code; }

static void callbacks(void) {
  puts("-- callbacks");
  size_t length = 0;
  mi_stats_print_out(on_output, &length);
  SAY(length > 100);
  length = 0;
  mi_register_output(on_output, &length);
  mi_stats_print(NULL);
  SAY(length > 100);
  int code = 0;
  mi_register_error(on_error, &code);
  SAY(mi_malloc(huge + huge - 100) == NULL);
  SAY(code != 0);
  mi_register_error(NULL, NULL);
  mi_register_output(NULL, NULL);
}

static void *allocate(void *count) {
  void **blocks = mi_malloc(*(size_t *)count * sizeof *blocks);
  for (size_t n = 0; n < *(size_t *)count; n++) {
    blocks[n] = n % 2 == 0 ? malloc(n) : mi_malloc(n);
    memset(blocks[n], (int)(n % 100), n);
  }
  return blocks;
}

static void threads(void) {
  puts("-- threads");
  size_t count = 1000, right = 0;
  pthread_t thread;
  void *result;
  pthread_create(&thread, NULL, allocate, &count);
  pthread_join(thread, &result);
  void **blocks = result;
  for (size_t n = 0; n < count; n++) {
    right += (size_t)(all(blocks[n], 0, n, n % 100) && mi_is_in_heap_region(blocks[n]));
    if (n % 2 == 0) mi_free(blocks[n]); else free(blocks[n]);
  }
  SAY(right);
  mi_free(blocks);
  mi_thread_init();
  mi_collect(true);
  SAY(mi_is_in_heap_region(&count));
  SAY(mi_is_in_heap_region(NULL));
}

int main(void) {
  plain();
  zeroed();
  alignments();
  posix();
  texts();
  new_family();
  settings();
  callbacks();
  threads();
  return 0;
}
