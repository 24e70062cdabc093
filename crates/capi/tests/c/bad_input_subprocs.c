// Bad input to the functions of sub-processes. Without a sub-process the main one is meant.
#include "bad_input.h"

static void* ended;

static void* inhabit(void* subproc) {
  mi_subproc_add_current_thread(subproc);
  ROW(mi_subproc_current, "nothing", mi_subproc_current() == subproc, NOTHING);
  ROW(mi_subproc_add_current_thread, "another",
      (mi_subproc_add_current_thread(ended), mi_subproc_current() == subproc), WARNING);
  ROW(mi_subproc_delete, "one's own", (mi_subproc_delete(subproc), mi_subproc_current() == subproc), WARNING);
  ROW(mi_subproc_destroy, "one's own", (mi_subproc_destroy(subproc), mi_subproc_current() == subproc), WARNING);
  SERVED(mi_subproc_add_current_thread, "another", mi_malloc(100));
  return NULL;
}

static void* stays(void* arg) {
  (void)arg;
  ROW(mi_subproc_add_current_thread, "null",
      (mi_subproc_add_current_thread(NULL), mi_subproc_current() == mi_subproc_main()), NOTHING);
  ROW(mi_subproc_add_current_thread, "the main one",
      (mi_subproc_add_current_thread(mi_subproc_main()), mi_subproc_current() == mi_subproc_main()), NOTHING);
  return NULL;
}

int main(void) {
  open_table();
  void* block = mi_malloc(100);
  ROW(mi_subproc_main, "nothing", mi_subproc_main() != NULL, NOTHING);
  ROW(mi_subproc_current, "nothing", mi_subproc_current() == mi_subproc_main(), NOTHING);
  ROW(mi_subproc_new, "nothing", (ended = mi_subproc_new()) != NULL, NOTHING);
  ROW(mi_subproc_delete, "null", (mi_subproc_delete(NULL), mi_any_heap_contains(block)), NOTHING);
  ROW(mi_subproc_destroy, "null", (mi_subproc_destroy(NULL), mi_any_heap_contains(block)), NOTHING);
  ROW(mi_subproc_delete, "the main one", (mi_subproc_delete(mi_subproc_main()), mi_any_heap_contains(block)), NOTHING);
  ROW(mi_subproc_destroy, "the main one", (mi_subproc_destroy(mi_subproc_main()), mi_any_heap_contains(block)), NOTHING);
  void* subproc = mi_subproc_new();
  in_thread(inhabit, subproc);
  in_thread(stays, NULL);
  ROW(mi_subproc_delete, "empty", (mi_subproc_delete(ended), true), NOTHING);
  ROW(mi_subproc_delete, "left by its threads", (mi_subproc_delete(subproc), true), NOTHING);
  SERVED(mi_subproc_delete, "left by its threads", mi_malloc(100));
  return close_table();
}
