// Loops of one operation each, for counting instructions: `loops <name> <turns>`.
#include <pthread.h>

#include "check.h"

enum { BATCH = 100, REMOTE = 1000 };

// References that a preloaded program resolves at run time and the C library lacks.
static void (*sized)(void*, size_t);
static void (*aligned_sized)(void*, size_t, size_t);
static void* (*heap_new)(void);
static void* (*heap_malloc)(void*, size_t);

static void pairs(long turns) {
  for (long i = 0; i < turns; i++) free(launder(malloc(64)));
}

static void callocs(long turns) {
  for (long i = 0; i < turns; i++) free(launder(calloc(4, 16)));
}

// Grows and shrinks across a size class, which moves the block each time.
static void reallocs(long turns) {
  void* p = malloc(64);
  for (long i = 0; i < turns; i++) p = realloc(p, i % 2 == 0 ? 256 : 64);
  free(p);
}

static void aligneds(long turns) {
  for (long i = 0; i < turns; i++) free(launder(aligned_alloc(64, 64)));
}

static void sizeds(long turns) {
  for (long i = 0; i < turns; i++) sized(launder(malloc(64)), 64);
}

// Heaps that take turns, as they do in a program that has one for each request.
static void heaps(long turns) {
  enum { HEAPS = 4 };
  void* heap[HEAPS];
  for (int k = 0; k < HEAPS; k++) heap[k] = heap_new();
  for (long i = 0; i < turns; i++) free(launder(heap_malloc(heap[i % HEAPS], 64)));
}

static void aligned_sizeds(long turns) {
  for (long i = 0; i < turns; i++) aligned_sized(launder(aligned_alloc(64, 64)), 64, 64);
}

// Half the turns allocate before the other half frees: pages fill and empty.
static void batches(long turns) {
  void* p[BATCH];
  for (long i = 0; i < turns; i += BATCH) {
    for (int k = 0; k < BATCH; k++) p[k] = malloc(64);
    for (int k = 0; k < BATCH; k++) free(p[k]);
  }
}

static void* free_all(void* blocks) {
  for (int k = 0; k < REMOTE; k++) free(((void**)blocks)[k]);
  return NULL;
}

// Every block is freed by another thread than the one that allocated it.
static void remotes(long turns) {
  void* p[REMOTE];
  for (long i = 0; i < turns; i += REMOTE) {
    for (int k = 0; k < REMOTE; k++) p[k] = malloc(64);
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, free_all, p) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
  }
}

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  static const struct {
    const char* name;
    void (*run)(long);
  } loops[] = {
      {"pair", pairs},       {"batch", batches}, {"calloc", callocs},
      {"realloc", reallocs}, {"sized", sizeds},  {"aligned-sized", aligned_sizeds},
      {"aligned", aligneds}, {"remote", remotes}, {"heap", heaps},
  };
  sized = (void (*)(void*, size_t))dlsym(RTLD_DEFAULT, "free_sized");
  aligned_sized = (void (*)(void*, size_t, size_t))dlsym(RTLD_DEFAULT, "free_aligned_sized");
  heap_new = (void* (*)(void))dlsym(RTLD_DEFAULT, "mi_heap_new");
  heap_malloc = (void* (*)(void*, size_t))dlsym(RTLD_DEFAULT, "mi_heap_malloc");
  if (sized == NULL || aligned_sized == NULL || heap_new == NULL || heap_malloc == NULL) return 3;
  for (size_t i = 0; i < sizeof loops / sizeof *loops; i++) {
    if (strcmp(argv[1], loops[i].name) == 0) {
      loops[i].run(atol(argv[2]));
      return 0;
    }
  }
  return 4;
}
