// Options: set, by default or for good, and read in all ways.
#include "mi.h"

// Programs carry the numbers in their code.
_Static_assert(mi_option_show_stats == 1 && mi_option_purge_delay == 15, "the numbers of 2.x");
_Static_assert(mi_option_os_tag == 18 && mi_option_arena_reserve == 23, "the numbers of 2.x");
_Static_assert(mi_option_abandoned_reclaim_on_free == 26 && mi_option_allow_thp == 37, "the numbers of 2.x");

int main(void) {
  CHECK(mi_option_get(mi_option_os_tag) == 100);
  CHECK(mi_option_get(mi_option_arena_reserve) == 1 << 20);
  CHECK(mi_option_get_size(mi_option_arena_reserve) == (size_t)1 << 30);
  CHECK(!mi_option_is_enabled(mi_option_show_stats));
  mi_option_set_default(mi_option_purge_delay, 20);
  CHECK(mi_option_get(mi_option_purge_delay) == 20);
  mi_option_set(mi_option_purge_delay, 30);
  mi_option_set_default(mi_option_purge_delay, 40);
  CHECK(mi_option_get(mi_option_purge_delay) == 30);
  CHECK(mi_option_get_clamp(mi_option_purge_delay, 0, 25) == 25);
  CHECK(mi_option_get_clamp(mi_option_purge_delay, 35, 50) == 35);
  mi_option_set(mi_option_purge_delay, -1);
  CHECK(mi_option_get(mi_option_purge_delay) == -1 && mi_option_get_size(mi_option_purge_delay) == 0);
  mi_option_enable(mi_option_os_tag);
  CHECK(mi_option_get(mi_option_os_tag) == 1 && mi_option_is_enabled(mi_option_os_tag));
  mi_option_disable(mi_option_os_tag);
  CHECK(!mi_option_is_enabled(mi_option_os_tag));
  mi_option_set_enabled(mi_option_os_tag, true);
  mi_option_set_enabled_default(mi_option_os_tag, false);
  CHECK(mi_option_is_enabled(mi_option_os_tag));
  return 0;
}
