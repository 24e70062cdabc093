// The table of bad input: a row is a call that cannot succeed, or just can, and what it gives.
#pragma once
#include "mi.h"

#include <signal.h>

static const char* volatile row = "before the first row";
static int failed_rows;

// A row that crashes or hangs is named.
static inline void on_signal(int number) {
  dprintf(STDERR_FILENO, "%s: signal %d\n", row, number);
  _exit(1);
}

static inline void open_table(void) {
  int fatal[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGALRM};
  for (size_t i = 0; i < sizeof fatal / sizeof *fatal; i++) signal(fatal[i], on_signal);
  alarm(100);
  listen_to_messages();
}

static inline void open_row(const char* name) {
  row = name;
  forget();
  errno = 0;
}

enum { NOTHING = 0, WARNING = -1 };

// An error is raised once and says one line; a warning is a line alone.
static inline void close_row(bool as_expected, int reaction) {
  char line[200] = "";
  strncpy(line, said, sizeof line - 1);
  size_t count = raises;
  int code = count > 0 ? raised[0] : 0;
  const char* end = strchr(said, '\n');
  bool one_line = end != NULL && end[1] == '\0';
  bool reacted = reaction == NOTHING   ? quiet()
                 : reaction == WARNING ? warned()
                                       : raised_only(reaction) && one_line;
  if (as_expected && reacted) return;
  failed_rows++;
  fprintf(stderr, "%s: %s, %zu errors (first %d), said \"%s\"\n", row,
          as_expected ? "as expected" : "not as expected", count, code, line);
}

#define ROW(function, input, expected, reaction) \
  do {                                           \
    (void)&function;                             \
    open_row(#function ": " input);              \
    bool as_expected = (expected);               \
    close_row(as_expected, reaction);            \
  } while (0)

// The call gives null, and errno and the error callback say why.
#define REFUSED(function, input, call, number, reaction) \
  ROW(function, input, (call) == NULL && errno == (number), reaction)

// The call gives a block, and frees it.
#define SERVED(function, input, call) ROW(function, input, gone(call), NOTHING)

static inline bool gone(void* p) {
  bool served = p != NULL && (PADDED || mi_usable_size(p) > 0);
  mi_free(p);
  return served;
}

// Addresses that are nobody's: the stack, data, code, what was unmapped, low, above the user half, not
// canonical, the kernel half.
enum { FOREIGN = 8 };
static char in_data[64] = "data";

static inline void* foreign(size_t i) {
  static char* unmapped;
  if (unmapped == NULL) {
    unmapped = (char*)mmap(NULL, 1 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(unmapped != MAP_FAILED && munmap(unmapped, 1 << 20) == 0);
  }
  uintptr_t addresses[FOREIGN] = {(uintptr_t)__builtin_frame_address(0), (uintptr_t)in_data + 16,
                                  (uintptr_t)foreign, (uintptr_t)unmapped + 4096, 0x3990080,
                                  0x7fffffffffff0, 0x8000000000000000, UINTPTR_MAX - 15};
  return launder((void*)addresses[i]);
}

// A row for each foreign address, as `p`.
#define FOREIGN_ROWS(function, expected, reaction)                       \
  for (size_t foreign_row = 0; foreign_row < FOREIGN; foreign_row++) {   \
    void* p = foreign(foreign_row);                                      \
    ROW(function, "foreign pointer", expected, reaction);                \
  }

static inline int close_table(void) {
  CHECK(all_bytes(in_data + 4, 0, 60) && strcmp(in_data, "data") == 0);
  return failed_rows != 0;
}
