// The statistics as JSON: whole or cut off, in the program's buffer or in a block.
#include "stats.h"

// Braces and brackets close what they opened, strings end, and there is one value.
static bool is_whole(const char* json) {
  char open[16];
  size_t depth = 0;
  bool quoted = false;
  const char* at = json;
  for (; *at != '\0'; at++) {
    if (*at == '"') quoted = !quoted;
    if (quoted) continue;
    if (*at == '{' || *at == '[') {
      CHECK(depth < sizeof open);
      open[depth++] = *at == '{' ? '}' : ']';
    } else if (*at == '}' || *at == ']') {
      if (depth == 0 || open[--depth] != *at) return false;
      if (depth == 0) break;
    }
  }
  return *at != '\0' && at[1 + strspn(at + 1, " \n")] == '\0';
}

static const char* const names[] = {
    "stat_version", "mimalloc_version", "process", "elapsed_msecs", "user_msecs", "system_msecs", "page_faults",
    "rss_current", "rss_peak", "commit_current", "commit_peak", "pages", "reserved", "committed", "reset", "purged",
    "page_committed", "pages_abandoned", "threads", "malloc_normal", "malloc_huge", "malloc_requested", "mmap_calls",
    "commit_calls", "reset_calls", "purge_calls", "arena_count", "malloc_normal_count", "malloc_huge_count",
    "malloc_guarded_count", "arena_rollback_count", "arena_purges", "pages_extended", "pages_retire",
    "page_searches", "page_searches_count", "segments", "segments_abandoned", "segments_cache", "_segments_reserved",
    "pages_reclaim_on_alloc", "pages_reclaim_on_free", "pages_reabandon_full", "pages_unabandon_busy_wait",
    "malloc_bins", "page_bins"};

static void has_all(const char* json) {
  CHECK(is_whole(json));
  const char* last = json;
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    const char* at = member(json, names[i]);
    CHECK(at > last);  // in this order
    last = at;
  }
  const char* at = member(json, "stat_version");
  CHECK(next_number(&at) == MI_STAT_VERSION);
  at = member(json, "mimalloc_version");
  CHECK(next_number(&at) == MI_MALLOC_VERSION);
}

int main(void) {
  static char room[64 << 10], part[64 << 10];
  void* p = mi_malloc(1000);
  CHECK(mi_stats_get_json(sizeof room, room) == room);
  has_all(room);
  mi_stats_t stats = stats_now();
  json_agrees(room, &stats);

  // Without a buffer it is a block.
  char* block = mi_stats_get_json(0, NULL);
  CHECK(block != NULL && mi_is_in_heap_region(block));
  has_all(block);
  mi_free(block);
  block = mi_stats_get_json(0, room);
  CHECK(block != NULL && block != room);
  mi_free(block);
  block = mi_stats_get_json(sizeof room, NULL);
  has_all(block);
  mi_free(block);

  // What a buffer does not hold is cut off, and nothing is written behind it.
  stats = stats_now();
  CHECK(mi_stats_as_json(&stats, sizeof room, room) == room);
  has_all(room);
  json_agrees(room, &stats);
  size_t length = strlen(room);
  for (size_t size = 1; size < length + 3; size += size / 3 + 1) {
    memset(part, 0x55, sizeof part);
    CHECK(mi_stats_as_json(&stats, size, part) == part);
    CHECK(strlen(part) < size && all_bytes(part + size, 0x55, sizeof part - size));
    CHECK(strlen(part) + 1 == size || size > length);
  }
  block = mi_stats_as_json(&stats, 0, NULL);
  has_all(block);
  mi_free(block);

  // Heaps and sub-processes have theirs.
  mi_heap_t* heap = mi_heap_new();
  CHECK(mi_heap_stats_get_json(heap, sizeof room, room) == room);
  has_all(room);
  CHECK(mi_subproc_stats_get_json(mi_subproc_main(), sizeof room, room) == room);
  has_all(room);
  mi_heap_delete(heap);
  mi_free(p);
  return 0;
}
