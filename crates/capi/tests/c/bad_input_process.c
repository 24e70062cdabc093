// Bad input to options, output and the beginnings and ends of threads and the process.
#include "bad_input.h"

// Whether something was said, which is then forgotten.
static bool spoke(void) {
  bool any = said[0] != '\0';
  forget();
  return any;
}

static void options(void) {
  int numbers[] = {-1, INT_MIN, INT_MAX, _mi_option_last, 10000};
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    mi_option_t none = (mi_option_t)numbers[i];
    ROW(mi_option_set, "no option", (mi_option_set(none, 5), mi_option_get(none) == 0), NOTHING);
    ROW(mi_option_set_default, "no option", (mi_option_set_default(none, 5), mi_option_get(none) == 0), NOTHING);
    ROW(mi_option_enable, "no option", (mi_option_enable(none), mi_option_get(none) == 0), NOTHING);
    ROW(mi_option_disable, "no option", (mi_option_disable(none), mi_option_get(none) == 0), NOTHING);
    ROW(mi_option_set_enabled, "no option",
        (mi_option_set_enabled(none, true), !mi_option_is_enabled(none)), NOTHING);
    ROW(mi_option_set_enabled_default, "no option",
        (mi_option_set_enabled_default(none, true), !mi_option_is_enabled(none)), NOTHING);
    ROW(mi_option_is_enabled, "no option", !mi_option_is_enabled(none), NOTHING);
    ROW(mi_option_get, "no option", mi_option_get(none) == 0, NOTHING);
    ROW(mi_option_get_size, "no option", mi_option_get_size(none) == 0, NOTHING);
    ROW(mi_option_get_clamp, "no option", mi_option_get_clamp(none, -1, 1) == 0, NOTHING);
  }
  mi_option_set(mi_option_os_tag, LONG_MIN);
  ROW(mi_option_get, "LONG_MIN", mi_option_get(mi_option_os_tag) == LONG_MIN, NOTHING);
  ROW(mi_option_get_size, "negative", mi_option_get_size(mi_option_os_tag) == 0, NOTHING);
  mi_option_set(mi_option_arena_reserve, LONG_MAX);
  ROW(mi_option_get_size, "KiB beyond bytes", mi_option_get_size(mi_option_arena_reserve) >= huge - 1, NOTHING);
  mi_option_set(mi_option_arena_reserve, 1 << 20);
}

static void output(void) {
  mi_output_fun* no_function = NULL;
  ROW(mi_stats_print, "null", (mi_stats_print(NULL), spoke()), NOTHING);
  ROW(mi_stats_print, "not a function", (mi_stats_print(in_data), spoke()), NOTHING);
  ROW(mi_stats_print_out, "no function", (mi_stats_print_out(no_function, in_data), spoke()), NOTHING);
  ROW(mi_stats_print_out, "a stream", (mi_stats_print_out((mi_output_fun*)(void*)stdout, NULL), spoke()), NOTHING);
  ROW(mi_thread_stats_print_out, "no function", (mi_thread_stats_print_out(no_function, in_data), spoke()), NOTHING);
  ROW(mi_options_print, "nothing", (mi_options_print(), spoke()), NOTHING);
  ROW(mi_options_print_out, "no function", (mi_options_print_out(no_function, in_data), spoke()), NOTHING);
  ROW(mi_register_output, "no function", (mi_register_output(NULL, in_data), true), NOTHING);
  ROW(mi_register_error, "no function", (mi_register_error(NULL, in_data), true), NOTHING);
  mi_register_output(hear, NULL);
  mi_register_error(note, NULL);
  ROW(mi_stats_reset, "twice", (mi_stats_reset(), mi_stats_reset(), true), NOTHING);
  ROW(mi_stats_merge, "twice", (mi_stats_merge(), mi_stats_merge(), true), NOTHING);
}

static void lives(void) {
  ROW(mi_version, "nothing", mi_version() == 20401, NOTHING);
  ROW(mi_is_redirected, "nothing", !mi_is_redirected(), NOTHING);
  ROW(mi_collect, "twice", (mi_collect(true), mi_collect(false), true), NOTHING);
  ROW(mi_collect_reduce, "0", (mi_collect_reduce(0), gone(mi_malloc(9))), NOTHING);
  ROW(mi_collect_reduce, "SIZE_MAX", (mi_collect_reduce(largest), gone(mi_malloc(9))), NOTHING);
  ROW(mi_register_deferred_free, "no function",
      (mi_register_deferred_free(NULL, in_data), mi_collect(true), gone(mi_malloc(MiB))), NOTHING);
  ROW(mi_thread_set_in_threadpool, "twice",
      (mi_thread_set_in_threadpool(), mi_thread_set_in_threadpool(), gone(mi_malloc(9))), NOTHING);
  ROW(mi_thread_init, "twice", (mi_thread_init(), mi_thread_init(), gone(mi_malloc(9))), NOTHING);
  ROW(mi_thread_done, "twice", (mi_thread_done(), mi_thread_done(), gone(mi_malloc(9))), NOTHING);
  ROW(mi_process_init, "twice", (mi_process_init(), mi_process_init(), gone(mi_malloc(9))), NOTHING);
  ROW(mi_process_done, "twice", (mi_process_done(), mi_process_done(), gone(mi_malloc(9))), NOTHING);
}

int main(void) {
  open_table();
  options();
  output();
  lives();
  return close_table();
}
