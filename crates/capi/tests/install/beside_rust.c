/* A program with two static libraries in it that the Rust compiler made. */
#include <mimalloc.h>
#include <stdio.h>

char *rust_text(void);
void rust_text_free(char *text);

int main(void) {
  char *text = rust_text();
  if (!mi_is_in_heap_region(text)) return 1;
  puts(text);
  rust_text_free(text);
  return 0;
}
