// Guarded blocks: what lies around them cannot be touched, nor can they when they were freed. All else is as with any
// block.
#include "mi.h"

#include <setjmp.h>
#include <signal.h>

static sigjmp_buf touched;

static void on_fault(int signal) {
  (void)signal;
  siglongjmp(touched, 1);
}

static bool faults(const volatile char* p) {
  if (sigsetjmp(touched, 1) != 0) return true;
  (void)*p;
  return false;
}

static void ends_at_guard(mi_heap_t* heap, size_t size) {
  char* p = mi_heap_malloc(heap, size);
  CHECK(p != NULL && mi_heap_of(p) == heap && mi_is_in_heap_region(p));
  memset(p, 7, size);
  size_t usable = mi_usable_size(p);
  CHECK(usable >= size && usable <= size + 15);
  // Padding lies behind what may be used, and the alignment of both.
  char* guard = PADDED ? p + (size + PADDING + 15) / 16 * 16 : p + usable;
  CHECK(!faults(p) && !faults(guard - 1) && faults(guard));
  CHECK((uintptr_t)p % (size > 8 ? 16 : 8) == 0);
  char* q = mi_heap_realloc(heap, p, 2 * size + 100);
  CHECK(all_bytes(q, 7, size) && faults(p));
  mi_free(q);
  CHECK(faults(q) && !mi_is_in_heap_region(q));
}

static void is_aligned(mi_heap_t* heap, size_t size, size_t alignment) {
  char* p = mi_heap_zalloc_aligned(heap, size, alignment);
  CHECK((uintptr_t)p % alignment == 0 && all_bytes(p, 0, size));
  mi_free(p);
  p = mi_heap_malloc_aligned_at(heap, size, alignment, 24);
  CHECK(((uintptr_t)p + 24) % alignment == 0);
  memset(p, 7, size);
  p = mi_heap_realloc_aligned_at(heap, p, 3 * size, alignment, 24);
  CHECK(((uintptr_t)p + 24) % alignment == 0 && all_bytes(p, 7, size));
  mi_free(p);
}

static bool count_block(const mi_heap_t* heap, const mi_heap_area_t* area, void* block, size_t size, void* found) {
  (void)heap, (void)area, (void)size;
  for (void** at = found; block != NULL && at[0] != NULL; at++) {
    if (at[0] == block) at[0] = found;
  }
  return true;
}

static void* frees(void* p) {
  mi_free(p);
  return NULL;
}

int main(void) {
  CHECK(signal(SIGSEGV, on_fault) != SIG_ERR);
  mi_heap_t* heap = mi_heap_new();
  mi_heap_guarded_set_sample_rate(heap, 1, 0);
  for (size_t size = 1; size < 2 * MiB; size += 1 + size / 3) ends_at_guard(heap, size);
  for (size_t alignment = 1; alignment <= MiB; alignment *= 2) {
    for (size_t size = 1; size < 200000; size = 3 * size + 1) is_aligned(heap, size, alignment);
  }

  // To the byte.
  mi_option_set(mi_option_guarded_precise, 1);
  char* p = mi_heap_malloc(heap, 13);
  CHECK(mi_usable_size(p) == 13 && faults(p + 13 + PADDING));
  mi_option_set(mi_option_guarded_precise, 0);
  mi_free(p);

  // Before.
  mi_option_set(mi_option_guarded_before, 1);
  p = mi_heap_malloc(heap, 13);
  CHECK(faults(p - 1) && !faults(p + 13));
  mi_option_set(mi_option_guarded_before, 0);
  mi_free(p);

  // By another thread.
  p = mi_heap_malloc(heap, 100);
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, frees, p) == 0 && pthread_join(thread, NULL) == 0);
  CHECK(faults(p));

  // Visitors see what the program has.
  void* blocks[] = {mi_heap_malloc(heap, 100), mi_heap_malloc(heap, 100000), NULL};
  CHECK(mi_heap_visit_blocks(heap, true, count_block, blocks));
  CHECK(blocks[0] == blocks && blocks[1] == blocks);

  // Sizes within bounds, and one of so many.
  mi_heap_guarded_set_size_bound(heap, 100, 200);
  p = mi_heap_malloc(heap, 50);
  CHECK(!faults(p + 64));
  p = mi_heap_malloc(heap, 192 - PADDING);
  CHECK(faults(p + 192));
  mi_heap_guarded_set_sample_rate(heap, 100, 0);
  size_t guarded = 0;
  for (size_t i = 0; i < 100000; i++) {
    p = mi_heap_malloc(heap, 192 - PADDING);
    guarded += (uintptr_t)p % 4096 == 4096 - 192 && faults(p + 192);
    mi_free(p);
  }
  CHECK(guarded > 800 && guarded < 1200);

  // The heap ends with its guarded blocks; the deleted one leaves them.
  p = mi_heap_malloc(heap, 192 - PADDING);
  mi_heap_guarded_set_sample_rate(heap, 1, 0);
  p = mi_heap_malloc(heap, 192 - PADDING);
  mi_heap_destroy(heap);
  CHECK(!mi_is_in_heap_region(p));
  heap = mi_heap_new();
  mi_heap_guarded_set_sample_rate(heap, 1, 0);
  p = mi_heap_malloc(heap, 192 - PADDING);
  mi_heap_delete(heap);
  CHECK(!faults(p) && faults(p + 192));
  mi_free(p);
  CHECK(faults(p));

  // More than can be guarded are blocks all the same.
  heap = mi_heap_new();
  mi_heap_guarded_set_sample_rate(heap, 1, 0);
  for (size_t i = 0; i < 40000; i++) {
    p = mi_heap_malloc(heap, 32);
    CHECK(p != NULL);
    memset(p, 7, 32);
  }
  mi_heap_destroy(heap);
  return 0;
}
