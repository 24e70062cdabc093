// What a process uses is what the system says about it.
#include "stats.h"
#include <sys/resource.h>
#include <time.h>

static size_t milliseconds(struct timeval time) {
  return (size_t)time.tv_sec * 1000 + (size_t)time.tv_usec / 1000;
}

// A number of KiB in one of the system's files about this process, in bytes.
static size_t told(const char* file, const char* name) {
  FILE* stream = fopen(file, "r");
  CHECK(stream != NULL);
  char line[512];
  size_t kib = SIZE_MAX;
  while (fgets(line, sizeof line, stream) != NULL) {
    if (strncmp(line, name, strlen(name)) == 0) kib = strtoul(line + strlen(name), NULL, 10);
  }
  fclose(stream);
  CHECK(kib != SIZE_MAX);
  return kib << 10;
}

// The system counts in batches: a MiB more or less is the same.
static bool near(size_t a, size_t b) { return (a > b ? a - b : b - a) <= 1 << 20; }

static void spend(void) {
  struct rusage usage;
  clock_t start = clock();
  do getrusage(RUSAGE_SELF, &usage);
  while (clock() - start < CLOCKS_PER_SEC / 20);
}

int main(void) {
  enum { SIZE = 48 << 20 };
  char* block = mi_malloc(SIZE);
  memset(block, 1, SIZE);
  spend();

  struct rusage before, after;
  size_t elapsed, user, system, rss, peak_rss, commit, peak_commit, faults;
  getrusage(RUSAGE_SELF, &before);
  mi_process_info(&elapsed, &user, &system, &rss, &peak_rss, &commit, &peak_commit, &faults);
  getrusage(RUSAGE_SELF, &after);
  CHECK(user >= milliseconds(before.ru_utime) && user <= milliseconds(after.ru_utime));
  CHECK(system >= milliseconds(before.ru_stime) && system <= milliseconds(after.ru_stime));
  CHECK(user + system > 0 && elapsed > 0);
  CHECK(faults >= (size_t)before.ru_majflt && faults <= (size_t)after.ru_majflt);
  CHECK(peak_rss >= (size_t)before.ru_maxrss << 10 && peak_rss <= (size_t)after.ru_maxrss << 10);
  CHECK(rss > SIZE && near(rss, told("/proc/self/smaps_rollup", "Rss:")));
  CHECK(near(rss, told("/proc/self/status", "VmRSS:")));
  CHECK(commit > SIZE && commit <= peak_commit);

  mi_free(block);
  size_t now, most;
  mi_process_info(NULL, NULL, NULL, NULL, &most, NULL, &now, NULL);
  CHECK(most >= peak_rss && now >= peak_commit);
  mi_process_info(NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
  size_t later = 0;
  mi_process_info(&later, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
  CHECK(later >= elapsed);
  return 0;
}
