// A replay with eight threads, some of which only allocate, only free, or have ended: at rest the statistics
// are exactly those of books that are kept beside it.
#include "stats.h"

enum { THREADS = 8, SLOTS = 4096, STEPS = 20000 };
enum role { ALLOCATES, FREES, WORKS, ALLOCATES_AND_ENDS, FREES_AND_ENDS, FORGETS };
static const enum role roles[THREADS] = {ALLOCATES, ALLOCATES, FREES, FREES_AND_ENDS,
                                         WORKS,     WORKS,     ALLOCATES_AND_ENDS, FORGETS};

// The books.
static int64_t made[MI_BIN_HUGE + 1], ended[MI_BIN_HUGE + 1];
static int64_t made_bytes[2], ended_bytes[2];  // with pages of many blocks, and of one

static void* slots[SLOTS];
static unsigned allocating = 3;  // threads whose blocks others free
static pthread_barrier_t ready, replayed, done;

static size_t bin_of(size_t size) {
  if (size > 64 * KiB) return MI_BIN_HUGE;
  size_t bin = 1;
  while (mi_stats_get_bin_size(bin) < size) bin++;
  return bin;
}

static void book(int64_t* counts, int64_t* bytes, const void* p) {
  size_t size = block_bytes(p), bin = bin_of(size);
  __atomic_fetch_add(&counts[bin], 1, __ATOMIC_RELAXED);
  __atomic_fetch_add(&bytes[bin == MI_BIN_HUGE], (int64_t)size, __ATOMIC_RELAXED);
}

static void* make(size_t random) {
  size_t size = random % 97 == 0 ? 100 * KiB + random % MiB : random % 11 == 0 ? random % (60 * KiB) : random % 1200;
  // The bytes of a block follow from its size only where none are lost to the alignment.
  if (PADDED && random % 3 == 2) size = (size + PADDING + 63) / 64 * 64 - PADDING;
  void* p = random % 3 == 0 ? mi_zalloc(size) : random % 3 == 1 ? mi_malloc(size) : mi_malloc_aligned(size, 64);
  CHECK(p != NULL);
  memset(p, 1, size < 64 ? size : 64);
  book(made, made_bytes, p);
  return p;
}

static void end(void* p) {
  if (p == NULL) return;
  book(ended, ended_bytes, p);
  mi_free(p);
}

// A block that moves is one more and one less.
static void* resize(void* p, size_t random) {
  size_t before = block_bytes(p);
  // Where blocks are padded, their sizes do not tell how much room they got to grow.
  if (before > 64 * KiB || PADDED) return p;
  book(ended, ended_bytes, p);
  void* q = mi_realloc(p, random % 3000);
  CHECK(q != NULL);
  book(made, made_bytes, q);
  if (q == p) {
    // It stayed: neither happened.
    size_t bin = bin_of(before);
    __atomic_fetch_sub(&made[bin], 1, __ATOMIC_RELAXED);
    __atomic_fetch_sub(&ended[bin], 1, __ATOMIC_RELAXED);
    __atomic_fetch_sub(&made_bytes[0], (int64_t)before, __ATOMIC_RELAXED);
    __atomic_fetch_sub(&ended_bytes[0], (int64_t)before, __ATOMIC_RELAXED);
  }
  return q;
}

// Leaves a block where others find it, and waits for them while there is no place.
static void pass(void* p, size_t slot) {
  void* none = NULL;
  while (!__atomic_compare_exchange_n(&slots[slot], &none, p, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) {
    none = NULL;
    slot = (slot + 1) % SLOTS;
    if (slot % 64 == 0) sched_yield();
  }
}

static void replay(enum role role, size_t random) {
  void* own[64] = {NULL};
  for (size_t step = 0; step < STEPS; step++) {
    random = random * 6364136223846793005u + 1442695040888963407u;
    size_t slot = (random >> 40) % SLOTS, mine = (random >> 30) % 64;
    switch (role) {
      case ALLOCATES:
      case ALLOCATES_AND_ENDS:
        pass(make(random >> 20), slot);
        break;
      case FREES:
      case FREES_AND_ENDS:
        end(__atomic_exchange_n(&slots[slot], NULL, __ATOMIC_ACQ_REL));
        if (step + 1 == STEPS && __atomic_load_n(&allocating, __ATOMIC_ACQUIRE) != 0) step = 0, sched_yield();
        break;
      case WORKS:
      case FORGETS:
        if (own[mine] != NULL && random % 4 == 0) own[mine] = resize(own[mine], random >> 20);
        else end(own[mine]), own[mine] = random % 5 == 1 ? NULL : make(random >> 20);
        if (step % 1000 == 0) mi_collect(step % 5000 == 0);
    }
  }
  if (role == ALLOCATES || role == ALLOCATES_AND_ENDS) __atomic_fetch_sub(&allocating, 1, __ATOMIC_ACQ_REL);
  if (role == WORKS) {
    for (size_t i = 0; i < 64; i++) end(own[i]);
  }
}

static bool ends(enum role role) { return role == ALLOCATES_AND_ENDS || role == FREES_AND_ENDS; }

static void* run(void* arg) {
  size_t me = (size_t)(uintptr_t)arg;
  pthread_barrier_wait(&ready);
  replay(roles[me], 1000 * me + 7);
  if (ends(roles[me])) return NULL;
  pthread_barrier_wait(&replayed);
  pthread_barrier_wait(&done);
  return NULL;
}

static void agrees(const mi_stat_count_t* before, const mi_stat_count_t* after, int64_t added, int64_t taken) {
  CHECK(after->total - before->total == added);
  CHECK(after->current - before->current == added - taken);
  CHECK(after->total >= after->peak && after->peak >= after->current && after->current >= 0);
}

static void compare(const mi_stats_t* before, const mi_stats_t* after) {
  int64_t normal = 0;
  for (size_t bin = 0; bin <= MI_BIN_HUGE; bin++) {
    agrees(&before->malloc_bins[bin], &after->malloc_bins[bin], made[bin], ended[bin]);
    if (bin != MI_BIN_HUGE) normal += made[bin];
  }
  agrees(&before->malloc_normal, &after->malloc_normal, made_bytes[0], ended_bytes[0]);
  agrees(&before->malloc_huge, &after->malloc_huge, made_bytes[1], ended_bytes[1]);
  CHECK(after->malloc_normal_count.total - before->malloc_normal_count.total == normal);
  CHECK(after->malloc_huge_count.total - before->malloc_huge_count.total == made[MI_BIN_HUGE]);
  are_sound(after);
}

int main(void) {
  static char json[64 << 10];
  pthread_t threads[THREADS];
  pthread_attr_t small;
  pthread_barrier_t* barriers[] = {&ready, &replayed, &done};
  unsigned counts[] = {THREADS + 1, THREADS + 1 - 2, THREADS + 1 - 2};
  for (size_t i = 0; i < 3; i++) CHECK(pthread_barrier_init(barriers[i], NULL, counts[i]) == 0);
  // Stacks that the C library keeps, with what it allocates for a thread: it frees nothing meanwhile.
  CHECK(pthread_attr_init(&small) == 0 && pthread_attr_setstacksize(&small, 256 * KiB) == 0);
  for (size_t i = 0; i < THREADS; i++) {
    CHECK(pthread_create(&threads[i], &small, run, (void*)(uintptr_t)i) == 0);
  }
  // Allocations of the C library for the first use of something are over.
  listen_to_messages();
  mi_stats_print_out(hear, NULL);

  mi_stats_t before = stats_now();
  pthread_barrier_wait(&ready);
  for (size_t i = 0; i < THREADS; i++) {
    if (ends(roles[i])) CHECK(pthread_join(threads[i], NULL) == 0);
  }
  pthread_barrier_wait(&replayed);
  mi_stats_t after = stats_now();
  compare(&before, &after);
  CHECK(mi_stats_get_json(sizeof json, json) == json);
  json_agrees(json, &after);
  forget();
  mi_stats_print_out(hear, NULL);
  table_agrees(said, &after);

  // Looking changes nothing, and neither does collecting.
  mi_collect(true);
  after = stats_now();
  compare(&before, &after);
  pthread_barrier_wait(&done);
  for (size_t i = 0; i < THREADS; i++) {
    if (!ends(roles[i])) CHECK(pthread_join(threads[i], NULL) == 0);
  }
  for (size_t i = 0; i < SLOTS; i++) end(slots[i]);
  after = stats_now();
  compare(&before, &after);
  return 0;
}
