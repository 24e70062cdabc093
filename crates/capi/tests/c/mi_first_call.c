// Any function may be the first of the process that reaches the library.
#include "mi.h"

#include <sys/wait.h>

static bool no_heap(mi_heap_t* heap, void* arg) {
  (void)arg;
  return heap != NULL;
}

int main(int count, char** arguments) {
  if (count == 1) {
    // The program runs itself: nobody has called the library there.
    for (char which = '0'; which <= '9'; which++) {
      char name[2] = {which, '\0'};
      pid_t child = fork();
      CHECK(child >= 0);
      if (child == 0) _exit(execl("/proc/self/exe", arguments[0], name, (char*)NULL));
      int status;
      CHECK(waitpid(child, &status, 0) == child && status == 0);
    }
    return 0;
  }
  mi_heap_t* heap = NULL;
  mi_subproc_id_t subproc = NULL;
  switch (arguments[1][0]) {
    case '0': heap = mi_heap_new(); break;
    case '1': subproc = mi_subproc_new(); break;
    case '2': heap = mi_heap_main(); break;
    case '3': mi_free(NULL); break;
    case '4': mi_collect(true); break;
    case '5': heap = mi_heap_get_default(); break;
    case '6': mi_thread_done(); break;
    case '7': CHECK(!mi_is_in_heap_region(&count)); break;
    case '8': CHECK(mi_subproc_visit_heaps(NULL, no_heap, NULL)); break;
    default: mi_subproc_add_current_thread(mi_subproc_new());
  }
  mi_free(filled(mi_heap_malloc(heap, 100), 1));
  mi_free(filled(mi_malloc(100), 1));
  if (subproc != NULL) mi_subproc_delete(subproc);
  return 0;
}
