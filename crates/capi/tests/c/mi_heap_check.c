// Blocks of one heap are looked at when they are freed, and those of another are not.
#include "mi.h"
#include "rimalloc.h"

enum { SIZE = 48, MANY = 20000 };

static int told[200];

static void count(int code, void* arg) {
  (void)arg;
  told[code]++;
}

// How many errors of a code there were since the last call, and none of another.
static int taken(int code) {
  int times = told[code];
  told[code] = 0;
  for (size_t i = 0; i < sizeof told / sizeof *told; i++) CHECK(told[i] == 0);
  return times;
}

static void* block_of(mi_heap_t* heap) {
  void* p = mi_heap_malloc(heap, SIZE);
  CHECK(p != NULL);
  return p;
}

static void is_looked_at(mi_heap_t* heap) {
  void* neighbour = block_of(heap);
  void* p = block_of(heap);
  mi_free((char*)launder(p) + 16);
  CHECK(taken(EINVAL) == 1);
  mi_free(launder(p));
  CHECK(taken(EINVAL) == 0);
  mi_free(launder(p));
  CHECK(taken(EAGAIN) == 1);
  mi_free_size_aligned(launder(neighbour), 4 * SIZE, 8);
  CHECK(taken(EINVAL) == 1);
}

static void* looks(void* heap) {
  is_looked_at(heap);
  return NULL;
}

int main(void) {
  mi_register_error(count, NULL);
  mi_heap_t* checked = mi_heap_new();
  mi_heap_t* other = mi_heap_new();
  // Allocated before, in the page that the thread has at hand and in full ones that it has not.
  static void* early[MANY];
  for (size_t i = 0; i < MANY; i++) early[i] = block_of(checked);
  mi_heap_set_check(checked, true);
  is_looked_at(checked);
  mi_free(launder(early[MANY - 1]));
  CHECK(taken(EAGAIN) == 0);
  mi_free(launder(early[MANY - 1]));
  CHECK(taken(EAGAIN) == 1);
  // Full pages are looked at from when the thread has them again.
  for (size_t i = 0; i < MANY; i += 2) mi_free(launder(early[i]));
  for (size_t i = 0; i < MANY; i += 2) early[i] = block_of(checked);
  for (size_t i = 0; i < MANY; i += 2) mi_free(launder(early[i]));
  CHECK(taken(EAGAIN) == 0);
  for (size_t i = 0; i < MANY; i += 2) mi_free(launder(early[i]));
  CHECK(taken(EAGAIN) == MANY / 2);
  void* p = block_of(other);
  mi_free_size(launder(p), 4 * SIZE);
  CHECK(taken(EINVAL) == CHECKED_SIZES);
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, looks, checked) == 0);
  CHECK(pthread_join(thread, NULL) == 0);
  // What the other heap allocates from now on.
  mi_heap_set_check(other, true);
  is_looked_at(other);
  mi_heap_set_check(other, false);
  p = block_of(other);
  mi_free_size(launder(p), 4 * SIZE);
  CHECK(taken(EINVAL) == CHECKED_SIZES);
  // What a heap leaves behind is looked at as what has it then.
  block_of(checked);
  mi_heap_delete(checked);
  for (size_t i = 0; i < MANY; i++) mi_free_size(mi_malloc(SIZE), 4 * SIZE);
  CHECK(taken(EINVAL) == CHECKED_SIZES * MANY);
  mi_heap_delete(other);
  mi_heap_t* next = mi_heap_new();
  p = block_of(next);
  mi_free_size(launder(p), 4 * SIZE);
  CHECK(taken(EINVAL) == CHECKED_SIZES);
  mi_heap_set_check(NULL, true);
  is_looked_at(mi_heap_main());
  return 0;
}
