/* Heaps, what they say about their blocks, and deferred frees. */
#include "say.h"

/* Too large, and not seen to be so by the compiler. */
static volatile size_t huge = SIZE_MAX / 2;

static void blocks(void) {
  puts("-- blocks of a heap");
  mi_heap_t *heap = mi_heap_new();
  char *p = mi_heap_malloc(heap, 100);
  memset(p, 1, 100);
  p = mi_heap_realloc(heap, p, 5000);
  SAY(all(p, 0, 100, 1));
  p = mi_heap_reallocn(heap, p, 10, 5);
  SAY(all(p, 0, 50, 1));
  p = mi_heap_reallocf(heap, p, 60);
  SAY(all(p, 0, 50, 1));
  SAY(mi_heap_reallocf(heap, p, huge) == NULL);
  SAY(mi_heap_mallocn(heap, huge, 3) == NULL);
  SAY(mi_heap_calloc(heap, huge, 3) == NULL);
  p = mi_heap_zalloc(heap, 100);
  SAY(all(p, 0, 100, 0));
  p = mi_heap_rezalloc(heap, p, 3000);
  SAY(all(p, 0, 3000, 0));
  p = mi_heap_recalloc(heap, p, 10, 1000);
  SAY(all(p, 0, 10000, 0));
  mi_free(p);
  p = mi_heap_calloc(heap, 10, 10);
  SAY(all(p, 0, 100, 0));
  SAY(mi_usable_size(mi_heap_malloc_small(heap, 64)));
  SAY(mi_usable_size(mi_heap_mallocn(heap, 8, 8)));
  SAY(aligned(mi_heap_alloc_new(heap, 10), 8) && aligned(mi_heap_alloc_new_n(heap, 10, 10), 8));
  puts(mi_heap_strdup(heap, "a text"));
  puts(mi_heap_strndup(heap, "a text", 3));
  puts(mi_heap_realpath(heap, "/usr/..", NULL));
  mi_heap_destroy(heap);
}

static void alignments(void) {
  puts("-- aligned blocks of a heap");
  mi_heap_t *heap = mi_heap_new();
  for (size_t alignment = 8; alignment <= 1 << 12; alignment *= 8) {
    printf("alignment %zu\n", alignment);
    char *p = mi_heap_malloc_aligned(heap, 100, alignment);
    SAY(aligned(p, alignment));
    memset(p, 3, 100);
    p = mi_heap_realloc_aligned(heap, p, 5000, alignment);
    SAY(aligned(p, alignment) && all(p, 0, 100, 3));
    p = mi_heap_zalloc_aligned(heap, 100, alignment);
    SAY(aligned(p, alignment) && all(p, 0, 100, 0));
    p = mi_heap_rezalloc_aligned(heap, p, 500, alignment);
    SAY(aligned(p, alignment) && all(p, 0, 500, 0));
    p = mi_heap_calloc_aligned(heap, 10, 10, alignment);
    SAY(aligned(p, alignment) && all(p, 0, 100, 0));
    p = mi_heap_malloc_aligned_at(heap, 100, alignment, 8);
    SAY(aligned(p + 8, alignment));
    p = mi_heap_zalloc_aligned_at(heap, 100, alignment, 24);
    SAY(aligned(p + 24, alignment) && all(p, 0, 100, 0));
    p = mi_heap_calloc_aligned_at(heap, 10, 10, alignment, 40);
    SAY(aligned(p + 40, alignment) && all(p, 0, 100, 0));
  }
  SAY(mi_heap_malloc_aligned(heap, 100, 3) == NULL);
  SAY(mi_heap_calloc_aligned(heap, huge, 3, 64) == NULL);
  mi_heap_destroy(heap);
}

static void lives(void) {
  puts("-- the lives of heaps");
  mi_heap_t *first = mi_heap_get_default();
  SAY(first == mi_heap_get_backing());
  mi_heap_t *heap = mi_heap_new();
  SAY(mi_heap_set_default(heap) == first);
  SAY(mi_heap_get_default() == heap);
  char *named = mi_malloc(100), *plain = malloc(100);
  SAY(mi_heap_contains_block(heap, named) && mi_heap_contains_block(heap, plain));
  SAY(mi_heap_contains_block(first, named));
  SAY(mi_heap_set_default(first) == heap);
  memset(named, 5, 100);
  mi_heap_delete(heap);
  SAY(all(named, 0, 100, 5));
  named = mi_realloc(named, 1000);
  SAY(all(named, 0, 100, 5));
  mi_free(named);
  free(plain);
  size_t right = 0;
  for (int round = 0; round < 1000; round++) {
    heap = mi_heap_new();
    for (size_t size = 1; size < 100000; size *= 10) right += (size_t)(mi_heap_malloc(heap, size) != NULL);
    mi_heap_destroy(heap);
  }
  SAY(right);
}

static void ownership(void) {
  puts("-- whose a block is");
  mi_heap_t *heap = mi_heap_new();
  char *theirs = mi_heap_malloc(heap, 100), *ours = mi_malloc(100);
  SAY(mi_heap_contains_block(heap, theirs));
  SAY(mi_heap_contains_block(heap, ours));
  SAY(mi_heap_check_owned(heap, theirs));
  SAY(mi_heap_check_owned(heap, ours));
  SAY(mi_heap_check_owned(heap, &heap));
  SAY(mi_heap_check_owned(heap, theirs + 1));
  SAY(mi_check_owned(ours));
  SAY(mi_check_owned(&heap));
  SAY(mi_is_in_heap_region(theirs) && mi_is_in_heap_region(ours));
  mi_free(ours);
  mi_heap_destroy(heap);
}

struct seen {
  size_t areas, blocks, used, bytes, limit;
};

static bool visit(const mi_heap_t *heap, const mi_heap_area_t *area, void *block, size_t size, void *arg) {
  (void)heap;
  struct seen *seen = arg;
  if (block == NULL) {
    seen->areas++;
    seen->used += area->used;
    return true;
  }
  seen->blocks++;
  seen->bytes += size;
  return seen->blocks != seen->limit;
}

static void visits(void) {
  puts("-- visits");
  mi_heap_t *heap = mi_heap_new();
  char *kept[300];
  for (size_t n = 0; n < 300; n++) kept[n] = mi_heap_malloc(heap, 16 + n / 100 * 1000);
  for (size_t n = 0; n < 300; n += 3) mi_free(kept[n]);
  struct seen seen = {0};
  SAY(mi_heap_visit_blocks(heap, true, visit, &seen));
  SAY(seen.blocks);
  SAY(seen.used);
  SAY(seen.areas >= 3);
  SAY(seen.bytes >= 67 * 16 + 66 * 1016 + 67 * 2016);
  seen = (struct seen){0};
  SAY(mi_heap_visit_blocks(heap, false, visit, &seen));
  SAY(seen.blocks);
  SAY(seen.used);
  seen = (struct seen){.limit = 10};
  SAY(mi_heap_visit_blocks(heap, true, visit, &seen));
  SAY(seen.blocks);
  mi_heap_destroy(heap);
}

struct beats {
  unsigned long long last;
  size_t calls, forced;
  int grows, active, nested;
};

static void deferred(bool force, unsigned long long heartbeat, void *arg) {
  struct beats *beats = arg;
  beats->nested |= beats->active;
  beats->active = 1;
  beats->grows &= heartbeat > beats->last;
  beats->last = heartbeat;
  beats->calls++;
  beats->forced += force;
  mi_free(mi_malloc(100000));
  mi_collect(true);
  beats->active = 0;
}

static void heartbeats(void) {
  puts("-- deferred frees");
  struct beats beats = {.grows = 1};
  mi_register_deferred_free(deferred, &beats);
  mi_collect(true);
  SAY(beats.calls >= 1 && beats.forced == beats.calls);
  void **blocks = mi_calloc(100000, sizeof *blocks);
  for (size_t n = 0; n < 100000; n++) blocks[n] = mi_malloc(500);
  SAY(beats.calls > beats.forced);
  SAY(beats.grows);
  SAY(beats.nested);
  mi_register_deferred_free(NULL, NULL);
  size_t calls = beats.calls;
  for (size_t n = 0; n < 100000; n++) mi_free(blocks[n]);
  mi_free(blocks);
  mi_collect(true);
  SAY(beats.calls == calls);
}

int main(void) {
  blocks();
  alignments();
  lives();
  ownership();
  visits();
  heartbeats();
  return 0;
}
