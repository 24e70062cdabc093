// The drawing of arenas: through the registered function, line by line, with what the flags ask for.
#include "check.h"
#include "mimalloc.h"

static char text[1 << 20];
static size_t length;
static bool lines_are_whole = true;

static void on_text(const char* line, void* arg) {
  CHECK(arg == text);
  size_t more = strlen(line);
  lines_are_whole = lines_are_whole && (more == 0 || line[more - 1] == '\n');
  CHECK(length + more < sizeof text);
  memcpy(text + length, line, more + 1);
  length += more;
}

// Whether the rows of the drawing have one of the letters.
static bool drawn(const char* letters) {
  const char* mark = " MiB  ";
  for (const char* at = strstr(text, mark); at != NULL; at = strstr(at, mark)) {
    at += strlen(mark);
    if (strpbrk(at, letters) != NULL && strpbrk(at, letters) < at + strcspn(at, "\n")) return true;
  }
  return false;
}

static void clear(void) {
  CHECK(length > 0 && strstr(text, "total arenas: ") != NULL);
  length = 0;
  text[0] = 0;
}

int main(void) {
  mi_option_set(mi_option_purge_delay, 100000);
  void* p = mi_malloc(100);
  mi_free(mi_malloc(3 << 20));
  mi_register_output(&on_text, text);
  length = 0;
  text[0] = 0;

  mi_arenas_print();
  CHECK(drawn("i") && drawn("P") && drawn("~") && drawn("."));
  clear();
  mi_debug_show_arenas();
  CHECK(drawn("i") && drawn("~"));
  clear();
  mi_debug_show_arenas(true);
  CHECK(drawn("i") && drawn("~"));
  clear();
  mi_debug_show_arenas(true, false, false);
  CHECK(drawn("i") && !drawn("~"));
  clear();
  mi_debug_show_arenas(false, false, true);
  CHECK(!drawn("iP-") && drawn("~"));
  clear();
  mi_debug_show_arenas(false, false, false);
  CHECK(!drawn("iP~_."));
  clear();
  void (*show)(void) = mi_debug_show_arenas;
  show();
  CHECK(drawn("i") && drawn("~"));
  clear();

  mi_register_output(NULL, NULL);
  CHECK(lines_are_whole);
  mi_free(p);
  return 0;
}
