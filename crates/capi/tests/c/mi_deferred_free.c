// The deferred-free function: when it is called, with what, and what it may do.
#include "mi.h"

enum { LARGE = 100 * 1024 };  // never served from a list at hand
struct calls {
  size_t count, forced;
  unsigned long long heartbeat;  // the last one
  int depth;
};
static __thread struct calls mine;
static void* kept[64];

static void deferred(bool force, unsigned long long heartbeat, void* arg) {
  CHECK(arg == kept);
  CHECK(mine.depth++ == 0);
  CHECK(mine.count == 0 || heartbeat == mine.heartbeat + 1);
  mine.heartbeat = heartbeat;
  mine.count++;
  mine.forced += force;
  // It frees what was put off, and allocates enough to be called again if that were possible.
  for (size_t i = 0; i < 64; i++) mi_free(kept[i]), kept[i] = NULL;
  for (size_t i = 0; i < 100; i++) mi_free(mi_malloc(LARGE));
  mi_collect(force);
  mine.depth--;
}

static void counting(bool force, unsigned long long heartbeat, void* arg) {
  (void)arg;
  mine.heartbeat = heartbeat;
  mine.count++;
  mine.forced += force;
}

static void slow_allocations(size_t count) {
  for (size_t i = 0; i < count; i++) mi_free(mi_malloc(LARGE));
}

static void* in_another_thread(void* arg) {
  (void)arg;
  slow_allocations(160);
  CHECK(mine.count == 10 && mine.heartbeat == 10);
  return NULL;
}

int main(void) {
  mi_register_deferred_free(deferred, kept);
  slow_allocations(32);
  CHECK(mine.count >= 1);

  // Every sixteenth slow allocation, whatever is freed or not.
  mi_register_deferred_free(counting, NULL);
  slow_allocations(16);
  mine.count = 0;
  slow_allocations(1600);
  CHECK(mine.count == 100 && mine.forced == 0);
  for (size_t i = 0; i < 64; i++) CHECK((kept[i] = mi_malloc(LARGE)) != NULL);
  CHECK(mine.count == 104);
  // Another thread has a heartbeat of its own; to make it may be a slow allocation of this one.
  unsigned long long before = mine.heartbeat;
  in_thread(in_another_thread, NULL);
  CHECK(mine.count <= 105 && mine.heartbeat - before == mine.count - 104);

  // At each collect, with its force.
  before = mine.heartbeat;
  mine = (struct calls){0};
  mi_collect(false);
  CHECK(mine.count == 1 && mine.forced == 0 && mine.heartbeat == before + 1);
  mi_collect(true);
  CHECK(mine.count == 2 && mine.forced == 1 && mine.heartbeat == before + 2);
  mi_heap_collect(mi_heap_main(), true);
  CHECK(mine.count == 3 && mine.forced == 2);

  // When memory runs out.
  CHECK(mi_malloc(PTRDIFF_MAX / 2) == NULL && mine.forced >= 3);

  mi_register_deferred_free(deferred, kept);
  mi_collect(true);
  CHECK(kept[0] == NULL && kept[63] == NULL);
  mi_register_deferred_free(NULL, NULL);
  size_t count = mine.count;
  slow_allocations(100);
  mi_collect(true);
  CHECK(mine.count == count);
  return 0;
}
