// The arenas are drawn for the registered output, with flags or without.
#include "mi.h"

static size_t drawn(void) {
  size_t size = strlen(said);
  CHECK(size > 0 && strstr(said, "arena") != NULL && said[size - 1] == '\n');
  forget();
  return size;
}

int main(void) {
  void* p = mi_malloc(10 * MiB);
  CHECK(p != NULL);
  listen_to_messages();
  mi_arenas_print();
  drawn();
  mi_debug_show_arenas();
  drawn();
  mi_debug_show_arenas(true);
  drawn();
  mi_debug_show_arenas(true, true, true);
  drawn();
  mi_debug_show_arenas(false, false, false);
  forget();

  // One more arena is a longer drawing.
  mi_arenas_print();
  size_t before = drawn();
  CHECK(mi_reserve_os_memory(64 * MiB, false, false) == 0);
  forget();
  mi_arenas_print();
  CHECK(drawn() > before);
  mi_free(p);
  return 0;
}
