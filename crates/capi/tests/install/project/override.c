/* A source that is moved over by the header that renames the plain names. */
#include <mimalloc-override.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(void) {
  char *text = malloc(10);
  int *numbers = calloc(10, sizeof(int));
  if (text == NULL || numbers == NULL || !mi_is_in_heap_region(text) || !mi_is_in_heap_region(numbers)) return 1;
  free(numbers);
  strcpy(text, "renamed");
  text = realloc(text, 100);
  puts(text);
  free(text);
  return 0;
}
