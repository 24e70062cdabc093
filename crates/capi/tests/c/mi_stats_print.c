// The tables of the process, a thread, a heap and a sub-process go to the function that the program gives.
#include "stats.h"

static void is_table(void) {
  CHECK(strstr(said, "peak") != NULL && strstr(said, "total") != NULL && strstr(said, "current") != NULL);
  CHECK(said[strlen(said) - 1] == '\n');
}

static void shows_process(void) {
  is_table();
  const char* rows[] = {"binned", "huge", "reserved", "committed", "pages", "threads", "elapsed", "process"};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) CHECK(strstr(said, rows[i]) != NULL);
  mi_stats_t stats = stats_now();
  table_agrees(said, &stats);
  forget();
}

static void shows_blocks(void) {
  is_table();
  CHECK(strstr(said, "binned") != NULL && strstr(said, "huge") != NULL);
  forget();
}

int main(void) {
  mi_output_fun* standard = (mi_output_fun*)(void*)stdout;
  void* p = mi_malloc(1000);
  void* q = mi_malloc(MiB);
  listen_to_messages();
  mi_stats_print(NULL);
  forget();
  mi_stats_print(NULL);
  shows_process();
  mi_stats_print(said);  // what it is given is ignored
  shows_process();
  mi_stats_print_out(NULL, NULL);
  shows_process();
  mi_stats_print_out(standard, NULL);
  shows_process();
  mi_register_output(NULL, NULL);
  mi_stats_print_out(hear, NULL);
  shows_process();
  mi_register_output(hear, NULL);
  forget();

  mi_thread_stats_print_out(hear, NULL);
  shows_blocks();
  mi_heap_t* heap = mi_heap_new();
  CHECK(mi_heap_malloc(heap, 100) != NULL);
  mi_heap_stats_print_out(heap, hear, NULL);
  shows_blocks();
  mi_heap_stats_print_out(NULL, NULL, NULL);
  shows_blocks();
  mi_subproc_stats_print_out(mi_subproc_main(), hear, NULL);
  shows_blocks();
  mi_subproc_stats_print_out(NULL, NULL, NULL);
  shows_blocks();
  mi_subproc_heap_stats_print_out(mi_subproc_main(), hear, NULL);
  shows_blocks();
  mi_subproc_heap_stats_print_out(NULL, standard, NULL);
  shows_blocks();
  mi_heap_destroy(heap);
  mi_free(p);
  mi_free(q);
  return 0;
}
