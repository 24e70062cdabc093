// The heaps of a sub-process are visited, its main heap among them.
#include "mi.h"

enum { HEAPS = 100 };
struct tour {
  size_t count, stop_at, known;
  mi_heap_t* main;
  bool ends;
};
static mi_heap_t* heaps[HEAPS];

static bool meet(mi_heap_t* heap, void* arg) {
  struct tour* tour = arg;
  CHECK(heap != NULL);
  for (size_t i = 0; i < HEAPS; i++) tour->known += heaps[i] == heap;
  tour->known += heap == tour->main;
  return ++tour->count != tour->stop_at;
}

static void* inhabit(void* subproc) {
  mi_subproc_add_current_thread(subproc);
  for (size_t i = 0; i < HEAPS; i++) CHECK((heaps[i] = mi_heap_new()) != NULL);
  struct tour tour = {.main = mi_heap_main()};
  CHECK(mi_subproc_visit_heaps(subproc, meet, &tour));
  CHECK(tour.count == HEAPS + 1 && tour.known == HEAPS + 1);
  return NULL;
}

int main(void) {
  mi_subproc_id_t subproc = mi_subproc_new();
  struct tour empty = {0}, all = {0}, some = {.stop_at = 3}, mine = {.main = mi_heap_main()};
  CHECK(mi_subproc_visit_heaps(subproc, meet, &empty) && empty.count <= 1);
  in_thread(inhabit, subproc);
  CHECK(mi_subproc_visit_heaps(subproc, meet, &all) && all.count == HEAPS + 1 && all.known == HEAPS);
  CHECK(!mi_subproc_visit_heaps(subproc, meet, &some) && some.count == 3);
  CHECK(mi_subproc_visit_heaps(NULL, meet, &mine) && mine.known == 1 && mine.count == 1);
  mi_heap_t* heap = mi_heap_new();
  CHECK(heap != NULL && mi_subproc_visit_heaps(mi_subproc_main(), meet, &mine) && mine.count == 3);
  mi_heap_delete(heap);
  mi_subproc_delete(subproc);
  return 0;
}
