// Loops of one operation each, for counting instructions: `loops <name> <turns>`.
#include "check.h"

void free_sized(void* p, size_t size);

// A reference that a preloaded program resolves at run time and the C library lacks.
static void (*sized)(void*, size_t);
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

// Half the turns allocate before the other half frees: pages fill and empty.
static void batches(long turns) {
  enum { BATCH = 100 };
  void* p[BATCH];
  for (long i = 0; i < turns; i += BATCH) {
    for (int k = 0; k < BATCH; k++) p[k] = malloc(64);
    for (int k = 0; k < BATCH; k++) free(p[k]);
  }
}

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  static const struct {
    const char* name;
    void (*run)(long);
  } loops[] = {{"malloc", pairs},     {"calloc", callocs}, {"realloc", reallocs},
               {"aligned", aligneds}, {"sized", sizeds},   {"batch", batches},
               {"heap", heaps}};
  sized = (void (*)(void*, size_t))dlsym(RTLD_DEFAULT, "free_sized");
  heap_new = (void* (*)(void))dlsym(RTLD_DEFAULT, "mi_heap_new");
  heap_malloc = (void* (*)(void*, size_t))dlsym(RTLD_DEFAULT, "mi_heap_malloc");
  if (sized == NULL || heap_new == NULL || heap_malloc == NULL) return 3;
  for (size_t i = 0; i < sizeof loops / sizeof *loops; i++) {
    if (strcmp(argv[1], loops[i].name) == 0) {
      loops[i].run(atol(argv[2]));
      return 0;
    }
  }
  return 4;
}
