// Statistics as the programs read them: the structure, and the same figures out of the JSON and the table.
#pragma once
#include "mi.h"

#include <inttypes.h>
#include <mimalloc-stats.h>
#include <sched.h>

static inline mi_stats_t stats_now(void) {
  mi_stats_t_decl(stats);
  CHECK(mi_stats_get(&stats));
  return stats;
}

// No quantity is negative, or more than it ever was. (What was added may count from later on.)
static inline void is_sound(const mi_stat_count_t* count) {
  CHECK(count->current >= 0 && count->peak >= count->current && count->total >= 0);
}

static inline void are_sound(const mi_stats_t* stats) {
  const mi_stat_count_t* counts[] = {
      &stats->pages,         &stats->reserved,    &stats->committed,        &stats->page_committed,
      &stats->threads,       &stats->malloc_huge, &stats->malloc_requested, &stats->pages_abandoned,
      &stats->malloc_normal, &stats->segments};
  for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) is_sound(counts[i]);
  for (size_t i = 0; i <= MI_BIN_HUGE; i++) {
    is_sound(&stats->malloc_bins[i]);
    is_sound(&stats->page_bins[i]);
  }
}

// The number that follows in a text, which is moved behind it.
static inline int64_t next_number(const char** text) {
  while (**text != '\0' && **text != '-' && (**text < '0' || **text > '9')) ++*text;
  CHECK(**text != '\0');
  char* end;
  int64_t number = strtoll(*text, &end, 10);
  *text = end;
  return number;
}

// Where the value of a member of a JSON text starts.
static inline const char* member(const char* json, const char* name) {
  char key[64];
  snprintf(key, sizeof key, "\"%s\"", name);
  const char* at = strstr(json, key);
  CHECK(at != NULL);
  return at + strlen(key);
}

static inline mi_stat_count_t count_at(const char** text) {
  mi_stat_count_t count;
  const char* at = *text;
  count.total = next_number(&at);
  count.peak = next_number(&at);
  count.current = next_number(&at);
  *text = at;
  return count;
}

static inline bool same(const mi_stat_count_t* a, const mi_stat_count_t* b) {
  return a->total == b->total && a->peak == b->peak && a->current == b->current;
}

// The JSON text says what the structure says about blocks.
static inline void json_agrees(const char* json, const mi_stats_t* stats) {
  const char* at = member(json, "malloc_normal");
  mi_stat_count_t count = count_at(&at);
  CHECK(same(&count, &stats->malloc_normal));
  at = member(json, "malloc_huge");
  count = count_at(&at);
  CHECK(same(&count, &stats->malloc_huge));
  at = member(json, "malloc_normal_count");
  CHECK(next_number(&at) == stats->malloc_normal_count.total);
  at = member(json, "malloc_huge_count");
  CHECK(next_number(&at) == stats->malloc_huge_count.total);
  at = member(json, "malloc_bins");
  for (size_t bin = 0; bin <= MI_BIN_HUGE; bin++) {
    count = count_at(&at);
    CHECK(same(&count, &stats->malloc_bins[bin]));
    CHECK((size_t)next_number(&at) == mi_stats_get_bin_size(bin));
    next_number(&at);  // the size of a page
  }
}

// A cell of the table, rounded to one decimal, and the unit that it is rounded in.
static inline double cell(const char** text, double* unit) {
  const char* at = *text;
  while (*at == ' ') at++;
  char* end;
  double value = strtod(at, &end);
  CHECK(end != at);
  double base = strstr(end, "iB") == end + 2 ? 1024 : 1000;
  if (*end == ' ') end++;
  const char* units = " KMG";
  const char* found = *end == '\0' ? NULL : strchr(units, *end);
  *unit = 1;
  for (long i = found == NULL ? 0 : found - units; i > 0; i--) *unit *= base;
  while (*end != ' ' && *end != '\n' && *end != '\0') end++;
  *text = end;
  return value * *unit;
}

static inline void shows(const char** text, int64_t value) {
  double unit, shown = cell(text, &unit);
  double off = shown - (double)value, room = unit > 1 ? unit / 10 : 0.001;
  CHECK(off <= room && -off <= room);
}

// The row of that name shows the quantity, and after it how often something was added.
static inline void row_agrees(const char* table, const char* name, const mi_stat_count_t* count, int64_t times) {
  char key[32];
  snprintf(key, sizeof key, " %s:", name);
  const char* at = strstr(table, key);
  CHECK(at != NULL);
  at += strlen(key);
  shows(&at, count->peak);
  shows(&at, count->total);
  shows(&at, count->current);
  shows(&at, times);
}

static inline void table_agrees(const char* table, const mi_stats_t* stats) {
  row_agrees(table, "binned", &stats->malloc_normal, stats->malloc_normal_count.total);
  row_agrees(table, "huge", &stats->malloc_huge, stats->malloc_huge_count.total);
}
