// Pointers that the library never gave out are nobody's: free ignores them, they have no size and
// cannot be resized. Asking about one never faults.
#include "check.h"
#include <malloc.h>
#include <sys/mman.h>

static char in_data[64] = "data";

static void nobodys(void* p) {
  CHECK(!is_ours(p));
  CHECK(malloc_usable_size(launder(p)) == 0);
  free(launder(p));
}

int main(void) {
  char on_stack[64] = "stack";
  char* unmapped = mmap(NULL, 1 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(unmapped != MAP_FAILED);
  CHECK(munmap(unmapped, 1 << 20) == 0);
  char* mapped = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(mapped != MAP_FAILED);

  nobodys(on_stack + 16);
  nobodys(in_data + 16);
  nobodys(unmapped + 4096);
  nobodys(mapped + 64);
  nobodys((void*)main);
  nobodys((void*)8);
  nobodys((void*)0x3990080);
  nobodys((void*)0x7fffffffffff0);     // above the user half
  nobodys((void*)0x8000000000000000);  // not canonical
  nobodys((void*)0xfffffffffffffff0);  // the kernel half

  CHECK(strcmp(on_stack, "stack") == 0 && strcmp(in_data, "data") == 0);
  free(malloc(100));
  return 0;
}
