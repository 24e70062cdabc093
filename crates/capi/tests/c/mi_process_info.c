// What the process uses, as the system says it too.
#include "mi.h"

#include <sys/resource.h>
#include <time.h>

enum { STEP = 64 };
static char* block;

static size_t milliseconds(struct timeval time) {
  return (size_t)time.tv_sec * 1000 + (size_t)time.tv_usec / 1000;
}

// Resident memory as the system counts it, page by page.
static size_t counted(void) {
  char line[256];
  size_t kib = 0;
  FILE* file = fopen("/proc/self/smaps_rollup", "r");
  CHECK(file != NULL);
  while (kib == 0 && fgets(line, sizeof line, file) != NULL) sscanf(line, "Rss: %zu kB", &kib);
  CHECK(kib > 0 && fclose(file) == 0);
  return kib * KiB;
}

static bool near(size_t a, size_t b) { return a < b + MiB && b < a + MiB; }

int main(void) {
  size_t elapsed, user, system, rss, peak_rss, commit, peak_commit, faults;
  struct rusage before, after;
  CHECK(getrusage(RUSAGE_SELF, &before) == 0);
  size_t before_rss = resident();
  mi_process_info(&elapsed, &user, &system, &rss, &peak_rss, &commit, &peak_commit, &faults);
  size_t after_rss = resident();
  CHECK(getrusage(RUSAGE_SELF, &after) == 0);
  CHECK(user >= milliseconds(before.ru_utime) && user <= milliseconds(after.ru_utime));
  CHECK(system >= milliseconds(before.ru_stime) && system <= milliseconds(after.ru_stime));
  CHECK(faults >= (size_t)before.ru_majflt && faults <= (size_t)after.ru_majflt);
  CHECK(peak_rss >= (size_t)before.ru_maxrss * KiB && peak_rss <= (size_t)after.ru_maxrss * KiB);
  CHECK(rss + MiB > before_rss && rss < after_rss + MiB);
  CHECK(commit > 0 && commit <= peak_commit);

  // Memory in use is seen to grow, the peak to stay.
  block = mi_malloc(STEP * MiB);
  CHECK(block != NULL);
  memset(block, 1, STEP * MiB);
  size_t full_rss, full_commit, last_rss, last_commit, last_peak, last_peak_commit;
  mi_process_info(NULL, NULL, NULL, &full_rss, NULL, &full_commit, NULL, NULL);
  CHECK(full_rss >= rss + STEP * MiB - MiB && near(full_rss, counted()) && full_commit >= commit);
  mi_free(block);
  mi_collect(true);
  mi_process_info(NULL, NULL, NULL, &last_rss, &last_peak, &last_commit, &last_peak_commit, NULL);
  CHECK(last_rss + STEP * MiB / 2 < full_rss && last_commit <= full_commit);
  CHECK(last_peak + MiB >= full_rss && last_peak_commit >= full_commit);

  // Time passes.
  struct timespec pause = {.tv_nsec = 20 * 1000 * 1000};
  size_t later;
  CHECK(nanosleep(&pause, NULL) == 0);
  mi_process_info(&later, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
  CHECK(later >= elapsed + 19);
  mi_process_info(NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);

  listen_to_messages();
  mi_process_info_print();
  CHECK(strstr(said, "elapsed") != NULL && strstr(said, "user") != NULL && strstr(said, "rss") != NULL);
  forget();
  mi_process_info_print_out(hear, NULL);
  CHECK(strstr(said, "elapsed") != NULL && strstr(said, "user") != NULL && strstr(said, "rss") != NULL);
  return 0;
}
