// Options by number; a number that is none reads as 0.
#include "check.h"

bool mi_option_is_enabled(int option);
void mi_option_enable(int option);
void mi_option_disable(int option);
void mi_option_set_enabled(int option, bool enable);
void mi_option_set_enabled_default(int option, bool enable);
long mi_option_get(int option);
long mi_option_get_clamp(int option, long min, long max);
size_t mi_option_get_size(int option);
void mi_option_set(int option, long value);
void mi_option_set_default(int option, long value);

enum { show_stats = 1, purge_delay = 15, os_tag = 18, arena_reserve = 23 };

int main(void) {
  CHECK(mi_option_get(os_tag) == 100);
  CHECK(mi_option_get(arena_reserve) == 1 << 20);
  CHECK(mi_option_get_size(arena_reserve) == (size_t)1 << 30);
  CHECK(!mi_option_is_enabled(show_stats));
  mi_option_set_default(purge_delay, 20);
  CHECK(mi_option_get(purge_delay) == 20);
  mi_option_set(purge_delay, 30);
  mi_option_set_default(purge_delay, 40);
  CHECK(mi_option_get(purge_delay) == 30);
  CHECK(mi_option_get_clamp(purge_delay, 0, 25) == 25);
  CHECK(mi_option_get_clamp(purge_delay, 35, 50) == 35);
  mi_option_set(purge_delay, -1);
  CHECK(mi_option_get(purge_delay) == -1 && mi_option_get_size(purge_delay) == 0);
  mi_option_enable(os_tag);
  CHECK(mi_option_get(os_tag) == 1 && mi_option_is_enabled(os_tag));
  mi_option_disable(os_tag);
  CHECK(!mi_option_is_enabled(os_tag));
  mi_option_set_enabled(os_tag, true);
  mi_option_set_enabled_default(os_tag, false);
  CHECK(mi_option_is_enabled(os_tag));

  int none[] = {-1, 10000, INT_MAX, INT_MIN};
  for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
    mi_option_set(none[i], 5);
    mi_option_enable(none[i]);
    CHECK(mi_option_get(none[i]) == 0 && mi_option_get_size(none[i]) == 0);
    CHECK(mi_option_get_clamp(none[i], 3, 5) == 0 && !mi_option_is_enabled(none[i]));
  }
  return 0;
}
