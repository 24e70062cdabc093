// Several threads set options at a time: each ends with a value that one of them set, and bounds stay in order.
#include "mi.h"

enum { THREADS = 6, STEPS = 20000 };

static void* set(void* arg) {
  long me = (long)(intptr_t)arg;
  for (long step = 0; step < STEPS; step++) {
    mi_option_set(mi_option_purge_delay, 100 + me);
    mi_option_set(mi_option_guarded_min, step % 1000 + me);
    mi_option_set(mi_option_guarded_max, (step * 7) % 1000 + me);
    mi_option_set_default(mi_option_os_tag, 50);
    mi_option_set_enabled(mi_option_show_stats, step % 2 == 0);
    long delay = mi_option_get(mi_option_purge_delay), tag = mi_option_get(mi_option_os_tag);
    CHECK(delay >= 100 && delay < 100 + THREADS && (tag == 50 || tag == 100));
    CHECK(mi_option_get_clamp(mi_option_purge_delay, 0, 10) == 10);
  }
  return NULL;
}

int main(void) {
  pthread_t threads[THREADS];
  for (size_t i = 0; i < THREADS; i++) {
    CHECK(pthread_create(&threads[i], NULL, set, (void*)(uintptr_t)i) == 0);
  }
  for (size_t i = 0; i < THREADS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
  mi_option_disable(mi_option_show_stats);
  CHECK(mi_option_get(mi_option_os_tag) == 50);

  // Each bound pushes the other.
  mi_option_set(mi_option_guarded_min, 10);
  mi_option_set(mi_option_guarded_max, 20);
  CHECK(mi_option_get(mi_option_guarded_min) == 10 && mi_option_get(mi_option_guarded_max) == 20);
  mi_option_set(mi_option_guarded_min, 30);
  CHECK(mi_option_get(mi_option_guarded_min) == 30 && mi_option_get(mi_option_guarded_max) >= 30);
  mi_option_set(mi_option_guarded_max, 5);
  CHECK(mi_option_get(mi_option_guarded_max) == 5 && mi_option_get(mi_option_guarded_min) <= 5);
  return 0;
}
