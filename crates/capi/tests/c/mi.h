// What the test programs of the mi_ functions share.
#pragma once
#include "check.h"

#include <mimalloc.h>
#include <pthread.h>
#include <sys/mman.h>

#define KiB ((size_t)1 << 10)
#define MiB ((size_t)1 << 20)

// Bytes of a block, what no program may use of it included, whose size is as it was asked for.
static inline size_t block_bytes(const void* p) { return mi_good_size(mi_usable_size(p)); }

// What the library said since the last look, and the errors it raised.
static char said[1 << 16];
static int raised[64];
static size_t raises;
static pthread_mutex_t saying = PTHREAD_MUTEX_INITIALIZER;

static inline void hear(const char* text, void* arg) {
  (void)arg;
  CHECK(pthread_mutex_lock(&saying) == 0);
  strncat(said, text, sizeof said - strlen(said) - 1);
  CHECK(pthread_mutex_unlock(&saying) == 0);
}

static inline void note(int code, void* arg) {
  (void)arg;
  CHECK(pthread_mutex_lock(&saying) == 0);
  if (raises < sizeof raised / sizeof *raised) raised[raises++] = code;
  CHECK(pthread_mutex_unlock(&saying) == 0);
}

static inline void forget(void) {
  said[0] = '\0';
  raises = 0;
}

// From here on all messages are shown, to the program.
static inline void listen_to_messages(void) {
  mi_option_enable(mi_option_show_errors);
  mi_option_set(mi_option_max_errors, -1);
  mi_option_set(mi_option_max_warnings, -1);
  mi_register_output(hear, NULL);
  mi_register_error(note, NULL);
  forget();
}

// Whether exactly one error was raised since the last look, and it is this one.
static inline bool raised_only(int code) {
  bool only = raises == 1 && raised[0] == code;
  forget();
  return only;
}

// Whether one line was said since the last look, and no error raised.
static inline bool warned(void) {
  const char* end = strchr(said, '\n');
  bool once = end != NULL && end[1] == '\0' && raises == 0 && strstr(said, "warning") != NULL;
  forget();
  return once;
}

static inline bool quiet(void) {
  bool nothing = said[0] == '\0' && raises == 0;
  forget();
  return nothing;
}

// Runs a function in a thread of its own, to its end.
static inline void* in_thread(void* (*run)(void*), void* arg) {
  pthread_t thread;
  void* result;
  CHECK(pthread_create(&thread, NULL, run, arg) == 0);
  CHECK(pthread_join(thread, &result) == 0);
  return result;
}

// Bytes of the process by a column of /proc/self/statm: 0 is address space, 1 is resident memory.
static inline size_t statm(int column) {
  size_t pages[2] = {0, 0};
  FILE* file = fopen("/proc/self/statm", "r");
  CHECK(file != NULL && fscanf(file, "%zu %zu", &pages[0], &pages[1]) == 2);
  CHECK(fclose(file) == 0);
  return pages[column] * (size_t)sysconf(_SC_PAGESIZE);
}

static inline size_t address_space(void) { return statm(0); }
static inline size_t resident(void) { return statm(1); }

// Fresh memory that the library does not know, aligned to 2 MiB.
static inline char* region(size_t size, int protection) {
  size_t room = size + 2 * MiB;
  char* p = (char*)mmap(NULL, room, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  CHECK(p != MAP_FAILED);
  char* start = p + (2 * MiB - (uintptr_t)p % (2 * MiB)) % (2 * MiB);
  if (start > p) CHECK(munmap(p, (size_t)(start - p)) == 0);
  CHECK(munmap(start + size, room - (size_t)(start - p) - size) == 0);
  return start;
}

// The block, filled to its usable end.
static inline void* filled(void* p, int value) {
  CHECK(p != NULL);
  memset(p, value, mi_usable_size(p));
  return p;
}

static inline bool holds(const void* p, int value) {
  return p != NULL && all_bytes(p, value, mi_usable_size(p));
}
