// A program with a malloc of its own keeps it, and what the library adds to the family fits.
#include "check.h"

static char pool[1 << 20] __attribute__((aligned(16)));
static size_t used;

void* malloc(size_t size) {
  size_t start = used + 16;
  if (size > sizeof pool - start) return NULL;
  used = start + (size + 15) / 16 * 16;
  memcpy(pool + start - sizeof size, &size, sizeof size);
  return pool + start;
}

void free(void* p) { (void)p; }

void* calloc(size_t count, size_t size) { return malloc(count * size); }

void* realloc(void* p, size_t size) {
  void* q = malloc(size);
  size_t old = 0;
  if (p != NULL) memcpy(&old, (char*)p - sizeof old, sizeof old);
  if (q != NULL && p != NULL) memcpy(q, p, old < size ? old : size);
  return q;
}

static bool pooled(const void* p) { return (const char*)p >= pool && (const char*)p < pool + used; }

int main(void) {
  CHECK(dlsym(RTLD_DEFAULT, "malloc") == (void*)malloc);
  CHECK(dlsym(RTLD_DEFAULT, "mi_malloc") != NULL);
  char* text = strdup("some text");
  CHECK(pooled(text) && strcmp(text, "some text") == 0);
  char* some = strndup("some text", 4);
  CHECK(pooled(some) && strcmp(some, "some") == 0);
  char* more = reallocarray(text, 10, 10);
  CHECK(pooled(more) && strcmp(more, "some text") == 0);
  CHECK(reallocarray(more, huge, 4) == NULL && errno == ENOMEM);
  void* own = ((void* (*)(size_t))dlsym(RTLD_DEFAULT, "mi_malloc"))(100);
  CHECK(own != NULL && !pooled(own));
  return 0;
}
