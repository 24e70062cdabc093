// Ends in the middle of everything: the C library flushes its streams after the library's own end, and a thread
// goes on allocating. What is written at the end has to arrive.
#include "check.h"
#include <pthread.h>

static void* work(void* arg) {
  for (;;) {
    char* block = malloc(1000);
    memset(block, 1, 1000);
    free(block);
  }
  return arg;
}

static void last_words(void) {
  char* words = malloc(100);
  strcpy(words, " and the handler's");
  fputs(words, stdout);
  free(words);
}

int main(int argc, char** argv) {
  CHECK(argc == 2);
  CHECK(atexit(last_words) == 0);
  FILE* file = fopen(argv[1], "w");
  CHECK(file != NULL);
  fputs("the file's", file);
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, work, NULL) == 0);
  fputs("the program's", stdout);
  return 0;
}
