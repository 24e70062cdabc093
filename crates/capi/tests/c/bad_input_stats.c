// Bad input to statistics and to what the process uses.
#include "bad_input.h"

#include <mimalloc-stats.h>

static mi_stats_t untouched, wrong;
static char text[100];

static bool spoke(void) {
  bool any = said[0] != '\0';
  forget();
  return any;
}

// Neither a structure of another version nor one of another size is written to.
#define REFUSES(function, call)                                                                \
  do {                                                                                         \
    for (int which = 0; which < 4; which++) {                                                  \
      wrong = mi_stats_init();                                                                 \
      if (which == 0) wrong.size = 0;                                                          \
      if (which == 1) wrong.size++;                                                            \
      if (which == 2) wrong.version = 0;                                                       \
      if (which == 3) wrong.version++;                                                         \
      untouched = wrong;                                                                       \
      ROW(function, "size or version", !(call) && memcmp(&wrong, &untouched, sizeof wrong) == 0, NOTHING); \
    }                                                                                          \
  } while (0)

static void structures(void) {
  ROW(mi_stats_get, "null", !mi_stats_get(NULL), NOTHING);
  REFUSES(mi_stats_get, mi_stats_get(&wrong));
  ROW(mi_heap_stats_get, "null", !mi_heap_stats_get(mi_heap_main(), NULL), NOTHING);
  REFUSES(mi_heap_stats_get, mi_heap_stats_get(NULL, &wrong));
  ROW(mi_subproc_stats_get, "null", !mi_subproc_stats_get(mi_subproc_main(), NULL), NOTHING);
  REFUSES(mi_subproc_stats_get, mi_subproc_stats_get(NULL, &wrong));
  ROW(mi_subproc_stats_get_exclusive, "null", !mi_subproc_stats_get_exclusive(mi_subproc_main(), NULL), NOTHING);
  REFUSES(mi_subproc_stats_get_exclusive, mi_subproc_stats_get_exclusive(NULL, &wrong));
  ROW(mi_stats_as_json, "null", mi_stats_as_json(NULL, sizeof text, text) == NULL, NOTHING);
  REFUSES(mi_stats_as_json, mi_stats_as_json(&wrong, sizeof text, text) != NULL);
  wrong = mi_stats_init();
  ROW(mi_stats_get, "no sub-process", mi_stats_get(&wrong), NOTHING);
  ROW(mi_heap_stats_get, "no heap", mi_heap_stats_get(NULL, &wrong), NOTHING);
  ROW(mi_subproc_stats_get, "no sub-process", mi_subproc_stats_get(NULL, &wrong), NOTHING);
  ROW(mi_subproc_stats_get_exclusive, "no sub-process", mi_subproc_stats_get_exclusive(NULL, &wrong), NOTHING);
  ROW(mi_heap_stats_merge_to_subproc, "null", (mi_heap_stats_merge_to_subproc(NULL), true), NOTHING);
  ROW(mi_stats_get_bin_size, "74", mi_stats_get_bin_size(74) == 0, NOTHING);
  ROW(mi_stats_get_bin_size, "SIZE_MAX", mi_stats_get_bin_size(largest) == 0, NOTHING);
}

// A buffer of one byte, none of a size, and one without size.
#define BUFFERS(function, call)                                                       \
  do {                                                                                \
    size_t size = 1;                                                                  \
    char* buffer = text;                                                              \
    memset(text, 0x55, sizeof text);                                                  \
    ROW(function, "buffer of 1 byte",                                                 \
        (call) == text && text[0] == '\0' && all_bytes(text + 1, 0x55, sizeof text - 1), NOTHING); \
    size = 0;                                                                         \
    SERVED(function, "empty buffer", (call));                                         \
    size = largest, buffer = NULL;                                                    \
    SERVED(function, "no buffer", (call));                                            \
  } while (0)

static void json(void) {
  mi_stats_t stats = mi_stats_init();
  BUFFERS(mi_stats_get_json, mi_stats_get_json(size, buffer));
  BUFFERS(mi_stats_as_json, mi_stats_as_json(&stats, size, buffer));
  BUFFERS(mi_heap_stats_get_json, mi_heap_stats_get_json(NULL, size, buffer));
  BUFFERS(mi_subproc_stats_get_json, mi_subproc_stats_get_json(NULL, size, buffer));
}

static void tables(void) {
  ROW(mi_heap_stats_print_out, "nulls", (mi_heap_stats_print_out(NULL, NULL, NULL), spoke()), NOTHING);
  ROW(mi_subproc_stats_print_out, "nulls", (mi_subproc_stats_print_out(NULL, NULL, NULL), spoke()), NOTHING);
  ROW(mi_subproc_heap_stats_print_out, "nulls", (mi_subproc_heap_stats_print_out(NULL, NULL, NULL), spoke()), NOTHING);
  ROW(mi_process_info_print, "nothing", (mi_process_info_print(), spoke()), NOTHING);
  ROW(mi_process_info_print_out, "nulls", (mi_process_info_print_out(NULL, NULL), spoke()), NOTHING);
  ROW(mi_process_info, "nulls", (mi_process_info(NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL), true), NOTHING);
}

int main(void) {
  open_table();
  structures();
  json();
  tables();
  return close_table();
}
