// Every way to allocate from a heap: the block is what the plain function gives, and it is the heap's.
#include "mi.h"

#include <sys/stat.h>

static mi_heap_t* heap;

// A new block of the heap, overwritten to its end before it is freed.
static void is(void* p, size_t size) {
  CHECK(p != NULL && mi_usable_size(p) >= size);
  CHECK(mi_heap_of(p) == heap && mi_heap_contains(heap, p));
  mi_free(filled(p, 0xd5));
}

static void is_zero(void* p, size_t size) {
  CHECK(holds(p, 0));
  is(p, size);
}

static void is_text(char* text, const char* expected) {
  CHECK(text != NULL && strcmp(text, expected) == 0);
  is(text, strlen(expected) + 1);
}

static void sizes(size_t size) {
  is(mi_heap_malloc(heap, size), size);
  is_zero(mi_heap_zalloc(heap, size), size);
  is_zero(mi_heap_calloc(heap, 3, size), 3 * size);
  is(mi_heap_mallocn(heap, 3, size), 3 * size);
  is(mi_heap_alloc_new(heap, size), size);
  is(mi_heap_alloc_new_n(heap, 3, size), 3 * size);
  if (size > MI_SMALL_SIZE_MAX) return;
  is(mi_heap_malloc_small(heap, size), size);
  is_zero(mi_heap_zalloc_small(heap, size), size);
}

static void alignments(size_t size) {
  for (size_t a = 1; a <= MiB; a *= 4) {
    void* p = mi_heap_malloc_aligned(heap, size, a);
    CHECK(aligned(p, a));
    is(p, size);
    p = mi_heap_zalloc_aligned(heap, size, a);
    CHECK(aligned(p, a));
    is_zero(p, size);
    p = mi_heap_calloc_aligned(heap, 3, size, a);
    CHECK(aligned(p, a));
    is_zero(p, 3 * size);
    for (size_t offset = 0; offset <= 24; offset += 12) {
      char* q = mi_heap_malloc_aligned_at(heap, size, a, offset);
      CHECK(aligned(q + offset, a));
      is(q, size);
      q = mi_heap_zalloc_aligned_at(heap, size, a, offset);
      CHECK(aligned(q + offset, a));
      is_zero(q, size);
      q = mi_heap_calloc_aligned_at(heap, 3, size, a, offset);
      CHECK(aligned(q + offset, a));
      is_zero(q, 3 * size);
    }
  }
}

static void texts(void) {
  char room[PATH_MAX];
  is_text(mi_heap_strdup(heap, "some text"), "some text");
  is_text(mi_heap_strdup(heap, ""), "");
  is_text(mi_heap_strndup(heap, "some text", 4), "some");
  is_text(mi_heap_strndup(heap, "some text", 400), "some text");
  is_text(mi_heap_strndup(heap, "some text", 0), "");
  is_text(mi_heap_realpath(heap, "/usr/..//.", NULL), "/");
  CHECK(mi_heap_realpath(heap, "/usr/..", room) == room && strcmp(room, "/") == 0);
}

static void* all(void* arg) {
  heap = arg;
  for (size_t size = 0; size <= 3 * MiB; size = size * 3 + 1) sizes(size);
  sizes(MI_SMALL_SIZE_MAX);
  for (size_t size = 0; size <= 300000; size = size * 50 + 1) alignments(size);
  texts();
  return NULL;
}

int main(void) {
  mi_heap_t* own = mi_heap_new();
  CHECK(own != NULL && own != mi_heap_main());
  all(own);
  mi_heap_t* any = mi_heap_new_in_arena(0);
  CHECK(any != NULL && any != own);
  all(any);
  all(mi_heap_main());
  mi_heap_set_numa_affinity(own, 0);
  in_thread(all, own);
  in_thread(all, mi_heap_main());
  mi_heap_destroy(own);
  mi_heap_delete(any);
  return 0;
}
