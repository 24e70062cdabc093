// strdup(3), strndup(3).
#include "check.h"

int main(void) {
  char text[] = "a text to copy";
  char* p = strdup(text);
  CHECK(p != NULL && p != text && strcmp(p, text) == 0);
  free(p);
  p = strdup("");
  CHECK(p != NULL && *p == '\0');
  free(p);
  p = strndup(text, 6);
  CHECK(p != NULL && strcmp(p, "a text") == 0);
  free(p);
  p = strndup(text, largest);
  CHECK(p != NULL && strcmp(p, text) == 0);
  free(p);
  p = strndup(text, 0);
  CHECK(p != NULL && *p == '\0');
  free(p);
  char unterminated[3] = {'a', 'b', 'c'};
  p = strndup(unterminated, 3);
  CHECK(p != NULL && strcmp(p, "abc") == 0);
  free(p);
  return 0;
}
