// Statistics: who gets them, and in which form.
#include "stats.h"

static char text[1 << 16];

static void append(const char* part, void* arg) {
  CHECK(arg == text);
  CHECK(strlen(text) + strlen(part) < sizeof text);
  strcat(text, part);
}

static void structures(void) {
  CHECK(sizeof(mi_stats_t) == 4168);
  CHECK(!mi_stats_get(NULL));
  mi_stats_t stats = {.size = sizeof stats - 1, .version = 4};
  CHECK(!mi_stats_get(&stats) && stats.committed.total == 0);
  stats = (mi_stats_t){.size = sizeof stats, .version = 5};
  CHECK(!mi_stats_get(&stats) && stats.committed.total == 0);
  CHECK(mi_stats_as_json(&stats, 0, NULL) == NULL);
  CHECK(mi_stats_as_json(NULL, 0, NULL) == NULL);
  stats = stats_now();
  CHECK(stats.size == sizeof stats && stats.version == 4);
  CHECK(stats.committed.current > 0 && stats.committed.peak >= stats.committed.current);
  CHECK(stats.committed.total >= stats.committed.peak && stats.reserved.current > 0);
  CHECK(stats.pages.current > 0 && stats.threads.current == 1 && stats.threads.total == 1);
}

static void buffers(void) {
  mi_stats_t stats = stats_now();
  char* whole = mi_stats_as_json(&stats, 0, NULL);
  CHECK(whole != NULL && is_ours(whole));
  size_t length = strlen(whole);
  CHECK(length > 4096 && whole[length - 1] == '\n' && whole[length - 2] == '}');

  static char buffer[1 << 16];
  memset(buffer, 'x', sizeof buffer);
  CHECK(mi_stats_as_json(&stats, sizeof buffer, buffer) == buffer);
  CHECK(strncmp(buffer, whole, 40) == 0 && strlen(buffer) < sizeof buffer);
  CHECK(all_bytes(buffer + strlen(buffer) + 64, 'x', 4096));

  // Only what is needed is touched, whatever the program says about the size.
  CHECK(mi_stats_as_json(&stats, largest, buffer) == buffer);

  for (size_t size = 1; size < 300; size++) {
    memset(buffer, 'x', sizeof buffer);
    CHECK(mi_stats_get_json(size, buffer) == buffer);
    CHECK(strlen(buffer) == size - 1 && buffer[size] == 'x');
    CHECK(strncmp(buffer, whole, size < 41 ? size - 1 : 40) == 0);
  }
  char* other = mi_stats_get_json(0, buffer);
  CHECK(other != NULL && other != buffer);
  mi_free(other);
  other = mi_stats_get_json(sizeof buffer, NULL);
  CHECK(other != NULL);
  mi_free(other);
  mi_free(whole);
}

static void bins(void) {
  CHECK(mi_stats_get_bin_size(1) == 8 && mi_stats_get_bin_size(8) == 64);
  CHECK(mi_stats_get_bin_size(9) == 80 && mi_stats_get_bin_size(60) == 524288);
  CHECK(mi_stats_get_bin_size(MI_BIN_HUGE) == 524296);
  CHECK(mi_stats_get_bin_size(74) == 0 && mi_stats_get_bin_size(largest) == 0);
  for (size_t bin = 2; bin <= MI_BIN_HUGE; bin++) {
    CHECK(bin == MI_BIN_HUGE || mi_stats_get_bin_size(bin) > mi_stats_get_bin_size(bin - 1));
  }
}

static void printed(const char* what) {
  CHECK(strstr(text, what) != NULL);
  text[0] = '\0';
}

static void tables(void) {
  mi_stats_print_out(append, text);
  CHECK(strstr(text, "heap stats:") == text);
  printed("peak commit: ");
  mi_process_info_print_out(append, text);
  CHECK(strstr(text, "heap stats:") == NULL && strstr(text, "elapsed: ") != NULL);
  printed("peak commit: ");
  mi_register_output(append, text);
  text[0] = '\0';
  mi_process_info_print();
  printed("faults: ");
  mi_register_output(NULL, NULL);
}

int main(void) {
  mi_free(mi_malloc(100));
  structures();
  buffers();
  bins();
  tables();
  return 0;
}
