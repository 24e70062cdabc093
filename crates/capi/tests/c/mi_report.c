// Statistics, options and errors go to the functions that the program gives.
#include "mi.h"

static char text[1 << 16];
static int last_error;

// An output function may allocate.
static void append(const char* part, void* arg) {
  CHECK(arg == text);
  char* copy = strdup(part);
  CHECK(copy != NULL && strlen(text) + strlen(copy) < sizeof text);
  strcat(text, copy);
  free(copy);
}

static void keep(int code, void* arg) { *(int*)arg = code; }

static void printed(const char* what) {
  CHECK(strstr(text, what) != NULL);
  text[0] = '\0';
}

int main(void) {
  void* p = mi_malloc(100);
  mi_stats_print_out(append, text);
  printed("committed");
  mi_thread_stats_print_out(append, text);
  printed("binned");
  mi_options_print_out(append, text);
  printed("purge_delay");

  mi_register_output(append, text);
  text[0] = '\0';
  mi_stats_print(NULL);
  printed("committed");
  mi_stats_print_out((mi_output_fun*)(void*)stderr, NULL);
  printed("committed");
  mi_options_print();
  printed("purge_delay");
  mi_stats_merge();
  mi_stats_reset();

  mi_register_error(keep, &last_error);
  CHECK(mi_malloc(huge) == NULL);
  CHECK(last_error != 0);
  mi_register_error(NULL, NULL);
  mi_register_output(NULL, NULL);
  mi_free(p);
  return 0;
}
