// Prints the statistics of one moment as a structure, one member a line, then as JSON.
#include "stats.h"

static void count(const char* name, count_t value) {
  printf("%s %lld %lld %lld\n", name, (long long)value.total, (long long)value.peak,
         (long long)value.current);
}

#define PRINT_COUNT(name) count(#name, stats.name);
#define PRINT_COUNTER(name) printf("%s %lld\n", #name, (long long)stats.name);

int main(void) {
  static void* blocks[3000];
  for (size_t i = 0; i < 3000; i++) CHECK((blocks[i] = mi_malloc(i * 37)) != NULL);
  for (size_t i = 0; i < 3000; i += 2) mi_free(blocks[i]);
  mi_stats_t stats = stats_now();
  MEMBERS(PRINT_COUNT, PRINT_COUNTER)
  for (size_t bin = 0; bin < BINS; bin++) {
    char name[64];
    snprintf(name, sizeof name, "malloc_bins/%zu", bin);
    count(name, stats.malloc_bins[bin]);
    snprintf(name, sizeof name, "page_bins/%zu", bin);
    count(name, stats.page_bins[bin]);
  }
  char* json = mi_stats_as_json(&stats, 0, NULL);
  printf("json\n%s", json);
  mi_free(json);
  return 0;
}
