/* The interface of mimalloc 2.4.1, served by rimalloc; functions of 2.1.9 and 3.4.3 are here too.

   Valid from C99 and C++11 on. docs/c-api.md describes every function; here is one line for each.

   Rules that hold unless a line says otherwise: a size of 0 gives a block of its own; failure is NULL
   with errno ENOMEM; any thread may call any function and free any block; a heap of NULL means the
   main heap of the calling thread's sub-process; an alignment is a power of two; a zeroed block is
   zero to the end of its usable size. */
#ifndef MIMALLOC_H
#define MIMALLOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The version of the interface: major * 10000 + minor * 100 + patch. */
#define MI_MALLOC_VERSION 20401

/* What the compiler is told about the functions. */

#if defined(__cplusplus) && __cplusplus >= 201703L
#define MI_FN_NODISCARD [[nodiscard]]
#elif defined(__GNUC__)
#define MI_FN_NODISCARD __attribute__((warn_unused_result))
#else
#define MI_FN_NODISCARD
#endif

#if defined(__GNUC__)
#define MI_FN __attribute__((visibility("default")))
#define MI_FN_MALLOC __attribute__((malloc))
#define MI_FN_SIZE(size) __attribute__((alloc_size(size)))
#define MI_FN_SIZE2(count, size) __attribute__((alloc_size(count, size)))
#define MI_FN_ALIGN(alignment) __attribute__((alloc_align(alignment)))
#else
#define MI_FN
#define MI_FN_MALLOC
#define MI_FN_SIZE(size)
#define MI_FN_SIZE2(count, size)
#define MI_FN_ALIGN(alignment)
#endif

/* A function whose result must not be dropped. */
#define MI_FN_RESULT MI_FN_NODISCARD MI_FN

#if defined(__cplusplus) && __cplusplus >= 201103L
#define MI_FN_NOEXCEPT noexcept
#elif defined(__cplusplus)
#define MI_FN_NOEXCEPT throw()
#else
#define MI_FN_NOEXCEPT
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Types ---- */

/* The words, and the bytes, that the `_small` functions serve at most. */
#define MI_SMALL_WSIZE_MAX 128
#define MI_SMALL_SIZE_MAX (MI_SMALL_WSIZE_MAX * sizeof(void*))

/* A set of blocks that can be given up together. */
typedef struct mi_heap_s mi_heap_t;

/* One thread's part of a heap. */
typedef struct mi_theap_s mi_theap_t;

/* Names an arena; 0 is none. */
typedef int mi_arena_id_t;

/* Names a sub-process; NULL is the main one. */
typedef void* mi_subproc_id_t;

/* What a visitor is told of an area: a page and its blocks. Sizes are in bytes. */
typedef struct mi_heap_area_s {
  void* blocks;           /* where the blocks start */
  size_t reserved;        /* bytes for all blocks that fit */
  size_t committed;       /* bytes of the blocks that have been in use so far */
  size_t used;            /* number of blocks in use */
  size_t block_size;      /* usable size of a block */
  size_t full_block_size; /* distance from one block to the next */
  int heap_tag;           /* the tag of the heap, see mi_heap_new_ex */
} mi_heap_area_t;

/* Receives an area (with a NULL block) and then, if wanted, each of its blocks in use; false stops. */
typedef bool(mi_block_visit_fun)(const mi_heap_t* heap, const mi_heap_area_t* area, void* block,
                                 size_t block_size, void* arg);

/* Receives a heap; false stops. */
typedef bool(mi_heap_visit_fun)(mi_heap_t* heap, void* arg);

/* Frees blocks that the program has put off freeing; all of them with `force`. */
typedef void(mi_deferred_free_fun)(bool force, unsigned long long heartbeat, void* arg);

/* Receives text. */
typedef void(mi_output_fun)(const char* msg, void* arg);

/* Receives an error code: EAGAIN, EFAULT, ENOMEM, EOVERFLOW or EINVAL. */
typedef void(mi_error_fun)(int err, void* arg);

/* Commits or decommits a range of an arena. After a commit `*is_zero` says whether the range is zero;
   the result is whether the commit succeeded, or whether the range needs a commit to be used again. */
typedef bool(mi_commit_fun_t)(bool commit, void* start, size_t size, bool* is_zero, void* arg);

/* ---- Basic allocation ---- */

/* Allocates `size` bytes. */
MI_FN_RESULT void* mi_malloc(size_t size) MI_FN_NOEXCEPT MI_FN_MALLOC MI_FN_SIZE(1);

/* Allocates `count * size` bytes, zeroed. */
MI_FN_RESULT void* mi_calloc(size_t count, size_t size) MI_FN_NOEXCEPT MI_FN_MALLOC MI_FN_SIZE2(1, 2);

/* Resizes a block, which stays valid on failure. */
MI_FN_RESULT void* mi_realloc(void* p, size_t newsize) MI_FN_NOEXCEPT MI_FN_SIZE(2);

/* `p` when its block holds `newsize` bytes as it is, else NULL. */
MI_FN void* mi_expand(void* p, size_t newsize) MI_FN_NOEXCEPT MI_FN_SIZE(2);

/* Frees a block; NULL is ignored. */
MI_FN void mi_free(void* p) MI_FN_NOEXCEPT;

/* A copy of a string; NULL for NULL. */
MI_FN_RESULT char* mi_strdup(const char* s) MI_FN_NOEXCEPT MI_FN_MALLOC;

/* A copy of at most `n` bytes of a string; NULL for NULL. */
MI_FN_RESULT char* mi_strndup(const char* s, size_t n) MI_FN_NOEXCEPT MI_FN_MALLOC;

/* realpath(3); allocates the result when `resolved_name` is NULL. */
MI_FN_RESULT char* mi_realpath(const char* fname, char* resolved_name) MI_FN_NOEXCEPT;

/* Allocates `size` bytes, zeroed. */
MI_FN_RESULT void* mi_zalloc(size_t size) MI_FN_NOEXCEPT MI_FN_MALLOC MI_FN_SIZE(1);

/* Allocates `count * size` bytes. */
MI_FN_RESULT void* mi_mallocn(size_t count, size_t size) MI_FN_NOEXCEPT MI_FN_MALLOC MI_FN_SIZE2(1, 2);

/* Resizes a block to `count * size` bytes. */
MI_FN_RESULT void* mi_reallocn(void* p, size_t count, size_t size) MI_FN_NOEXCEPT MI_FN_SIZE2(2, 3);

/* Resizes a block, and frees it on failure. */
MI_FN_RESULT void* mi_reallocf(void* p, size_t newsize) MI_FN_NOEXCEPT MI_FN_SIZE(2);

/* The bytes usable at `p`; 0 for NULL. */
MI_FN_RESULT size_t mi_usable_size(const void* p) MI_FN_NOEXCEPT;

/* The usable size that a request of `size` bytes gets. */
MI_FN_RESULT size_t mi_good_size(size_t size) MI_FN_NOEXCEPT;

/* Allocates `size` bytes, at most MI_SMALL_SIZE_MAX. */
MI_FN_RESULT void* mi_malloc_small(size_t size) MI_FN_NOEXCEPT MI_FN_MALLOC MI_FN_SIZE(1);

/* Allocates `size` bytes, at most MI_SMALL_SIZE_MAX, zeroed. */
MI_FN_RESULT void* mi_zalloc_small(size_t size) MI_FN_NOEXCEPT MI_FN_MALLOC MI_FN_SIZE(1);

/* Frees a block of a `_small` function. */
MI_FN void mi_free_small(void* p) MI_FN_NOEXCEPT;

/* ---- Allocation that reports the size of the block ----
   `*block_size` is written on success only; the pointer may be NULL. */

/* mi_malloc with the size of the block. */
MI_FN_RESULT void* mi_umalloc(size_t size, size_t* block_size) MI_FN_NOEXCEPT MI_FN_MALLOC MI_FN_SIZE(1);
/* mi_calloc with the size of the block. */
MI_FN_RESULT void* mi_ucalloc(size_t count, size_t size, size_t* block_size)
    MI_FN_NOEXCEPT MI_FN_MALLOC MI_FN_SIZE2(1, 2);
/* mi_realloc with the sizes of the block before (0 for a NULL `p`) and after. */
MI_FN_RESULT void* mi_urealloc(void* p, size_t newsize, size_t* block_size_pre, size_t* block_size_post)
    MI_FN_NOEXCEPT MI_FN_SIZE(2);
/* mi_free with the size of the block. */
MI_FN void mi_ufree(void* p, size_t* block_size) MI_FN_NOEXCEPT;
/* mi_malloc_aligned with the size of the block. */
MI_FN_RESULT void* mi_umalloc_aligned(size_t size, size_t alignment, size_t* block_size)
    MI_FN_NOEXCEPT MI_FN_MALLOC MI_FN_SIZE(1) MI_FN_ALIGN(2);
/* mi_zalloc_aligned with the size of the block. */
MI_FN_RESULT void* mi_uzalloc_aligned(size_t size, size_t alignment, size_t* block_size)
    MI_FN_NOEXCEPT MI_FN_MALLOC MI_FN_SIZE(1) MI_FN_ALIGN(2);
/* mi_malloc_small with the size of the block. */
MI_FN_RESULT void* mi_umalloc_small(size_t size, size_t* block_size)
    MI_FN_NOEXCEPT MI_FN_MALLOC MI_FN_SIZE(1);
/* mi_zalloc_small with the size of the block. */
MI_FN_RESULT void* mi_uzalloc_small(size_t size, size_t* block_size)
    MI_FN_NOEXCEPT MI_FN_MALLOC MI_FN_SIZE(1);

/* ---- Aligned allocation ----
   An `_at` function aligns `p + offset` instead of `p`. */

/* Allocates `size` bytes at a multiple of `alignment`. */
MI_FN_RESULT void* mi_malloc_aligned(size_t size, size_t alignment)
    MI_FN_NOEXCEPT MI_FN_MALLOC MI_FN_SIZE(1) MI_FN_ALIGN(2);
/* Allocates `size` bytes, aligned at `offset`. */
MI_FN_RESULT void* mi_malloc_aligned_at(size_t size, size_t alignment, size_t offset)
    MI_FN_NOEXCEPT MI_FN_MALLOC MI_FN_SIZE(1);
/* Allocates `size` zeroed bytes at a multiple of `alignment`. */
MI_FN_RESULT void* mi_zalloc_aligned(size_t size, size_t alignment)
    MI_FN_NOEXCEPT MI_FN_MALLOC MI_FN_SIZE(1) MI_FN_ALIGN(2);
/* Allocates `size` zeroed bytes, aligned at `offset`. */
MI_FN_RESULT void* mi_zalloc_aligned_at(size_t size, size_t alignment, size_t offset)
    MI_FN_NOEXCEPT MI_FN_MALLOC MI_FN_SIZE(1);
/* Allocates `count * size` zeroed bytes at a multiple of `alignment`. */
MI_FN_RESULT void* mi_calloc_aligned(size_t count, size_t size, size_t alignment)
    MI_FN_NOEXCEPT MI_FN_MALLOC MI_FN_SIZE2(1, 2) MI_FN_ALIGN(3);
/* Allocates `count * size` zeroed bytes, aligned at `offset`. */
MI_FN_RESULT void* mi_calloc_aligned_at(size_t count, size_t size, size_t alignment, size_t offset)
    MI_FN_NOEXCEPT MI_FN_MALLOC MI_FN_SIZE2(1, 2);
/* Resizes a block and keeps or makes it aligned. */
MI_FN_RESULT void* mi_realloc_aligned(void* p, size_t newsize, size_t alignment)
    MI_FN_NOEXCEPT MI_FN_SIZE(2) MI_FN_ALIGN(3);
/* Resizes a block and keeps or makes it aligned at `offset`. */
MI_FN_RESULT void* mi_realloc_aligned_at(void* p, size_t newsize, size_t alignment, size_t offset)
    MI_FN_NOEXCEPT MI_FN_SIZE(2);

/* ---- Resizing of zeroed blocks ----
   The block was allocated zeroed; what it grows by is zero as well. */

/* Resizes a zeroed block. */
MI_FN_RESULT void* mi_rezalloc(void* p, size_t newsize) MI_FN_NOEXCEPT MI_FN_SIZE(2);
/* Resizes a zeroed block to `newcount * size` bytes. */
MI_FN_RESULT void* mi_recalloc(void* p, size_t newcount, size_t size) MI_FN_NOEXCEPT MI_FN_SIZE2(2, 3);
/* Resizes a zeroed block and keeps or makes it aligned. */
MI_FN_RESULT void* mi_rezalloc_aligned(void* p, size_t newsize, size_t alignment)
    MI_FN_NOEXCEPT MI_FN_SIZE(2) MI_FN_ALIGN(3);
/* Resizes a zeroed block and keeps or makes it aligned at `offset`. */
MI_FN_RESULT void* mi_rezalloc_aligned_at(void* p, size_t newsize, size_t alignment, size_t offset)
    MI_FN_NOEXCEPT MI_FN_SIZE(2);
/* Resizes a zeroed block to `newcount * size` bytes and keeps or makes it aligned. */
MI_FN_RESULT void* mi_recalloc_aligned(void* p, size_t newcount, size_t size, size_t alignment)
    MI_FN_NOEXCEPT MI_FN_SIZE2(2, 3) MI_FN_ALIGN(4);
/* Resizes a zeroed block to `newcount * size` bytes and keeps or makes it aligned at `offset`. */
MI_FN_RESULT void* mi_recalloc_aligned_at(void* p, size_t newcount, size_t size, size_t alignment,
                                          size_t offset) MI_FN_NOEXCEPT MI_FN_SIZE2(2, 3);

/* ---- Heaps ---- */

/* Makes a heap. */
MI_FN_RESULT mi_heap_t* mi_heap_new(void);

/* Makes a heap with a tag (0 to 255) that allocates in one arena, or anywhere for 0. */
MI_FN_RESULT mi_heap_t* mi_heap_new_ex(int heap_tag, bool allow_destroy, mi_arena_id_t arena_id);

/* Makes a heap that allocates in one arena only. */
MI_FN_RESULT mi_heap_t* mi_heap_new_in_arena(mi_arena_id_t arena_id);

/* Ends a heap; its blocks stay valid and pass to the main heap. */
MI_FN void mi_heap_delete(mi_heap_t* heap);

/* Ends a heap and frees all its blocks. */
MI_FN void mi_heap_destroy(mi_heap_t* heap);

/* Makes a heap the one that the calling thread's plain allocations use; returns the one before. */
MI_FN mi_heap_t* mi_heap_set_default(mi_heap_t* heap);

/* The heap that the calling thread's plain allocations use. */
MI_FN mi_heap_t* mi_heap_get_default(void);

/* The heap that the calling thread's plain allocations used at first. */
MI_FN mi_heap_t* mi_heap_get_backing(void);

/* The main heap of the calling thread's sub-process. */
MI_FN_RESULT mi_heap_t* mi_heap_main(void);

/* Frees what the calling thread keeps of a heap for reuse; with `force` also back to the system. */
MI_FN void mi_heap_collect(mi_heap_t* heap, bool force) MI_FN_NOEXCEPT;

/* Prefers memory of a NUMA node for a heap; a negative node is no preference. */
MI_FN void mi_heap_set_numa_affinity(mi_heap_t* heap, int numa_node);

/* The heap whose page `p` points into; NULL if there is none. */
MI_FN_RESULT mi_heap_t* mi_heap_of(const void* p);

/* Whether `p` points into a page of the heap. */
MI_FN_RESULT bool mi_heap_contains(const mi_heap_t* heap, const void* p);

/* Whether `p` points into a page of any heap. */
MI_FN_RESULT bool mi_any_heap_contains(const void* p);

/* As mi_heap_contains, and false for a NULL heap. */
MI_FN bool mi_heap_contains_block(mi_heap_t* heap, const void* p);

/* As mi_heap_contains_block, and false if `p` is not aligned to the size of a pointer. */
MI_FN bool mi_heap_check_owned(mi_heap_t* heap, const void* p);

/* mi_heap_check_owned for the calling thread's default heap. */
MI_FN bool mi_check_owned(const void* p);

/* ---- Allocation in a heap ----
   Each does what the function without `heap_` does; mi_free frees the block. */

/* mi_malloc in a heap. */
MI_FN_RESULT void* mi_heap_malloc(mi_heap_t* heap, size_t size) MI_FN_NOEXCEPT MI_FN_MALLOC MI_FN_SIZE(2);
/* mi_zalloc in a heap. */
MI_FN_RESULT void* mi_heap_zalloc(mi_heap_t* heap, size_t size) MI_FN_NOEXCEPT MI_FN_MALLOC MI_FN_SIZE(2);
/* mi_calloc in a heap. */
MI_FN_RESULT void* mi_heap_calloc(mi_heap_t* heap, size_t count, size_t size)
    MI_FN_NOEXCEPT MI_FN_MALLOC MI_FN_SIZE2(2, 3);
/* mi_mallocn in a heap. */
MI_FN_RESULT void* mi_heap_mallocn(mi_heap_t* heap, size_t count, size_t size)
    MI_FN_NOEXCEPT MI_FN_MALLOC MI_FN_SIZE2(2, 3);
/* mi_malloc_small in a heap. */
MI_FN_RESULT void* mi_heap_malloc_small(mi_heap_t* heap, size_t size)
    MI_FN_NOEXCEPT MI_FN_MALLOC MI_FN_SIZE(2);
/* mi_zalloc_small in a heap. */
MI_FN_RESULT void* mi_heap_zalloc_small(mi_heap_t* heap, size_t size)
    MI_FN_NOEXCEPT MI_FN_MALLOC MI_FN_SIZE(2);
/* mi_realloc into a heap: a block of another heap moves. */
MI_FN_RESULT void* mi_heap_realloc(mi_heap_t* heap, void* p, size_t newsize) MI_FN_NOEXCEPT MI_FN_SIZE(3);
/* mi_reallocn into a heap. */
MI_FN_RESULT void* mi_heap_reallocn(mi_heap_t* heap, void* p, size_t count, size_t size)
    MI_FN_NOEXCEPT MI_FN_SIZE2(3, 4);
/* mi_reallocf into a heap. */
MI_FN_RESULT void* mi_heap_reallocf(mi_heap_t* heap, void* p, size_t newsize) MI_FN_NOEXCEPT MI_FN_SIZE(3);
/* mi_strdup in a heap. */
MI_FN_RESULT char* mi_heap_strdup(mi_heap_t* heap, const char* s) MI_FN_NOEXCEPT MI_FN_MALLOC;
/* mi_strndup in a heap. */
MI_FN_RESULT char* mi_heap_strndup(mi_heap_t* heap, const char* s, size_t n) MI_FN_NOEXCEPT MI_FN_MALLOC;
/* mi_realpath in a heap. */
MI_FN_RESULT char* mi_heap_realpath(mi_heap_t* heap, const char* fname, char* resolved_name) MI_FN_NOEXCEPT;
/* mi_malloc_aligned in a heap. */
MI_FN_RESULT void* mi_heap_malloc_aligned(mi_heap_t* heap, size_t size, size_t alignment)
    MI_FN_NOEXCEPT MI_FN_MALLOC MI_FN_SIZE(2) MI_FN_ALIGN(3);
/* mi_malloc_aligned_at in a heap. */
MI_FN_RESULT void* mi_heap_malloc_aligned_at(mi_heap_t* heap, size_t size, size_t alignment, size_t offset)
    MI_FN_NOEXCEPT MI_FN_MALLOC MI_FN_SIZE(2);
/* mi_zalloc_aligned in a heap. */
MI_FN_RESULT void* mi_heap_zalloc_aligned(mi_heap_t* heap, size_t size, size_t alignment)
    MI_FN_NOEXCEPT MI_FN_MALLOC MI_FN_SIZE(2) MI_FN_ALIGN(3);
/* mi_zalloc_aligned_at in a heap. */
MI_FN_RESULT void* mi_heap_zalloc_aligned_at(mi_heap_t* heap, size_t size, size_t alignment, size_t offset)
    MI_FN_NOEXCEPT MI_FN_MALLOC MI_FN_SIZE(2);
/* mi_calloc_aligned in a heap. */
MI_FN_RESULT void* mi_heap_calloc_aligned(mi_heap_t* heap, size_t count, size_t size, size_t alignment)
    MI_FN_NOEXCEPT MI_FN_MALLOC MI_FN_SIZE2(2, 3) MI_FN_ALIGN(4);
/* mi_calloc_aligned_at in a heap. */
MI_FN_RESULT void* mi_heap_calloc_aligned_at(mi_heap_t* heap, size_t count, size_t size, size_t alignment,
                                             size_t offset) MI_FN_NOEXCEPT MI_FN_MALLOC MI_FN_SIZE2(2, 3);
/* mi_realloc_aligned into a heap. */
MI_FN_RESULT void* mi_heap_realloc_aligned(mi_heap_t* heap, void* p, size_t newsize, size_t alignment)
    MI_FN_NOEXCEPT MI_FN_SIZE(3) MI_FN_ALIGN(4);
/* mi_realloc_aligned_at into a heap. */
MI_FN_RESULT void* mi_heap_realloc_aligned_at(mi_heap_t* heap, void* p, size_t newsize, size_t alignment,
                                              size_t offset) MI_FN_NOEXCEPT MI_FN_SIZE(3);
/* mi_rezalloc into a heap. */
MI_FN_RESULT void* mi_heap_rezalloc(mi_heap_t* heap, void* p, size_t newsize) MI_FN_NOEXCEPT MI_FN_SIZE(3);
/* mi_recalloc into a heap. */
MI_FN_RESULT void* mi_heap_recalloc(mi_heap_t* heap, void* p, size_t newcount, size_t size)
    MI_FN_NOEXCEPT MI_FN_SIZE2(3, 4);
/* mi_rezalloc_aligned into a heap. */
MI_FN_RESULT void* mi_heap_rezalloc_aligned(mi_heap_t* heap, void* p, size_t newsize, size_t alignment)
    MI_FN_NOEXCEPT MI_FN_SIZE(3) MI_FN_ALIGN(4);
/* mi_rezalloc_aligned_at into a heap. */
MI_FN_RESULT void* mi_heap_rezalloc_aligned_at(mi_heap_t* heap, void* p, size_t newsize, size_t alignment,
                                               size_t offset) MI_FN_NOEXCEPT MI_FN_SIZE(3);
/* mi_recalloc_aligned into a heap. */
MI_FN_RESULT void* mi_heap_recalloc_aligned(mi_heap_t* heap, void* p, size_t newcount, size_t size,
                                            size_t alignment)
    MI_FN_NOEXCEPT MI_FN_SIZE2(3, 4) MI_FN_ALIGN(5);
/* mi_recalloc_aligned_at into a heap. */
MI_FN_RESULT void* mi_heap_recalloc_aligned_at(mi_heap_t* heap, void* p, size_t newcount, size_t size,
                                               size_t alignment, size_t offset)
    MI_FN_NOEXCEPT MI_FN_SIZE2(3, 4);

/* ---- Theaps: the calling thread's parts of heaps ----
   A theap is used by its thread only, while its heap lives; NULL is the thread's default one. */

/* The calling thread's part of a heap. */
MI_FN mi_theap_t* mi_heap_theap(mi_heap_t* heap);
/* The theap that the calling thread's plain allocations use. */
MI_FN mi_theap_t* mi_theap_get_default(void);
/* Makes a theap the one that plain allocations use; returns the one before. */
MI_FN mi_theap_t* mi_theap_set_default(mi_theap_t* theap);
/* Frees what the theap keeps for reuse; with `force` also back to the system. NULL is ignored. */
MI_FN void mi_theap_collect(mi_theap_t* theap, bool force) MI_FN_NOEXCEPT;
/* mi_malloc in a theap. */
MI_FN_RESULT void* mi_theap_malloc(mi_theap_t* theap, size_t size)
    MI_FN_NOEXCEPT MI_FN_MALLOC MI_FN_SIZE(2);
/* mi_zalloc in a theap. */
MI_FN_RESULT void* mi_theap_zalloc(mi_theap_t* theap, size_t size)
    MI_FN_NOEXCEPT MI_FN_MALLOC MI_FN_SIZE(2);
/* mi_calloc in a theap. */
MI_FN_RESULT void* mi_theap_calloc(mi_theap_t* theap, size_t count, size_t size)
    MI_FN_NOEXCEPT MI_FN_MALLOC MI_FN_SIZE2(2, 3);
/* mi_malloc_small in a theap. */
MI_FN_RESULT void* mi_theap_malloc_small(mi_theap_t* theap, size_t size)
    MI_FN_NOEXCEPT MI_FN_MALLOC MI_FN_SIZE(2);
/* mi_zalloc_small in a theap. */
MI_FN_RESULT void* mi_theap_zalloc_small(mi_theap_t* theap, size_t size)
    MI_FN_NOEXCEPT MI_FN_MALLOC MI_FN_SIZE(2);
/* mi_malloc_aligned in a theap. */
MI_FN_RESULT void* mi_theap_malloc_aligned(mi_theap_t* theap, size_t size, size_t alignment)
    MI_FN_NOEXCEPT MI_FN_MALLOC MI_FN_SIZE(2) MI_FN_ALIGN(3);
/* mi_realloc into a theap. */
MI_FN_RESULT void* mi_theap_realloc(mi_theap_t* theap, void* p, size_t newsize)
    MI_FN_NOEXCEPT MI_FN_SIZE(3);

/* ---- Visiting ----
   True if nothing stopped the visit. A visitor may free the block that it is shown; the result is exact
   when no other thread uses the heap meanwhile. */

/* Visits the areas of a heap in all threads and, if wanted, their blocks in use. */
MI_FN bool mi_heap_visit_blocks(const mi_heap_t* heap, bool visit_blocks, mi_block_visit_fun* visitor,
                                void* arg);

/* As mi_heap_visit_blocks, only the areas that belong to no thread. */
MI_FN bool mi_heap_visit_abandoned_blocks(mi_heap_t* heap, bool visit_blocks, mi_block_visit_fun* visitor,
                                          void* arg);

/* As mi_heap_visit_blocks, only the areas that belong to the calling thread. */
MI_FN bool mi_theap_visit_blocks(const mi_theap_t* theap, bool visit_blocks, mi_block_visit_fun* visitor,
                                 void* arg);

/* Visits the areas of a sub-process that belong to no thread; only those with a tag unless it is -1. */
MI_FN bool mi_abandoned_visit_blocks(mi_subproc_id_t subproc_id, int heap_tag, bool visit_blocks,
                                     mi_block_visit_fun* visitor, void* arg);

/* Whether `p` points into a page of ours; any value may be asked about. */
MI_FN_RESULT bool mi_is_in_heap_region(const void* p) MI_FN_NOEXCEPT;

/* Whether at most `perc_threshold` percent of the page of `p` are in use, so that moving the block
   elsewhere helps to free the page. */
MI_FN bool mi_unsafe_heap_page_is_under_utilized(mi_heap_t* heap, void* p, size_t perc_threshold)
    MI_FN_NOEXCEPT;

/* ---- Arenas and memory of the system ----
   The int functions return 0 or an errno value; `*arena_id` is 0 on failure and may be NULL. */

/* Reserves memory for later use. */
MI_FN int mi_reserve_os_memory(size_t size, bool commit, bool allow_large) MI_FN_NOEXCEPT;
/* Reserves an arena; in an exclusive one only heaps made for it allocate. */
MI_FN int mi_reserve_os_memory_ex(size_t size, bool commit, bool allow_large, bool exclusive,
                                  mi_arena_id_t* arena_id) MI_FN_NOEXCEPT;
/* Allocates from memory that the program has; it is never given back to the system. */
MI_FN bool mi_manage_os_memory(void* start, size_t size, bool is_committed, bool is_pinned, bool is_zero,
                               int numa_node) MI_FN_NOEXCEPT;
/* Makes an arena of memory that the program has. */
MI_FN bool mi_manage_os_memory_ex(void* start, size_t size, bool is_committed, bool is_pinned, bool is_zero,
                                  int numa_node, bool exclusive, mi_arena_id_t* arena_id) MI_FN_NOEXCEPT;
/* Makes an arena of memory that the program has and commits by its own function. */
MI_FN bool mi_manage_memory(void* start, size_t size, bool is_committed, bool is_pinned, bool is_zero,
                            int numa_node, bool exclusive, mi_commit_fun_t* commit_fun, void* commit_fun_arg,
                            mi_arena_id_t* arena_id) MI_FN_NOEXCEPT;
/* Reserves pages of 1 GiB, spread over NUMA nodes (0: all there are), within a time (0: no limit). */
MI_FN int mi_reserve_huge_os_pages_interleave(size_t pages, size_t numa_nodes, size_t timeout_msecs)
    MI_FN_NOEXCEPT;
/* Reserves pages of 1 GiB at a NUMA node (-1: any) within a time (0: no limit). */
MI_FN int mi_reserve_huge_os_pages_at(size_t pages, int numa_node, size_t timeout_msecs) MI_FN_NOEXCEPT;
/* Reserves pages of 1 GiB as one arena. */
MI_FN int mi_reserve_huge_os_pages_at_ex(size_t pages, int numa_node, size_t timeout_msecs, bool exclusive,
                                         mi_arena_id_t* arena_id) MI_FN_NOEXCEPT;
/* mi_reserve_huge_os_pages_interleave by its first name. */
MI_FN int mi_reserve_huge_os_pages(size_t pages, double max_secs, size_t* pages_reserved) MI_FN_NOEXCEPT;
/* The start and the size of an arena; NULL and 0 if there is none of that number. */
MI_FN void* mi_arena_area(mi_arena_id_t arena_id, size_t* size);
/* Whether `p` points into the arena. */
MI_FN bool mi_arena_contains(mi_arena_id_t arena_id, const void* p);
/* The least alignment of an arena in bytes. */
MI_FN size_t mi_arena_min_alignment(void);
/* The least size of an arena in bytes. */
MI_FN size_t mi_arena_min_size(void);
/* Draws all arenas. In a source file it takes no flag, one or three that choose what: see below. */
MI_FN void mi_debug_show_arenas(void) MI_FN_NOEXCEPT;
/* Draws of all arenas what the flags ask for. */
MI_FN void rimalloc_show_arenas(bool show_inuse, bool show_abandoned, bool show_purge) MI_FN_NOEXCEPT;
/* Draws all arenas. */
MI_FN void mi_arenas_print(void) MI_FN_NOEXCEPT;

/* ---- Sub-processes ---- */

/* The sub-process that threads belong to at first. */
MI_FN mi_subproc_id_t mi_subproc_main(void);
/* The sub-process of the calling thread. */
MI_FN mi_subproc_id_t mi_subproc_current(void);
/* Makes a sub-process without threads. */
MI_FN mi_subproc_id_t mi_subproc_new(void);
/* Ends a sub-process whose threads have ended, and frees its memory. */
MI_FN void mi_subproc_delete(mi_subproc_id_t subproc);
/* mi_subproc_delete by its name in 3.x. */
MI_FN void mi_subproc_destroy(mi_subproc_id_t subproc);
/* Moves the calling thread, which has not allocated yet, to a sub-process. */
MI_FN void mi_subproc_add_current_thread(mi_subproc_id_t subproc);
/* Visits the heaps of a sub-process; the visitor may end the heap that it is shown. */
MI_FN bool mi_subproc_visit_heaps(mi_subproc_id_t subproc, mi_heap_visit_fun* visitor, void* arg);

/* ---- The process, its threads, and functions of the program ---- */

/* MI_MALLOC_VERSION of the library. */
MI_FN int mi_version(void) MI_FN_NOEXCEPT;

/* Whether a Windows module redirects malloc: false. */
MI_FN_RESULT bool mi_is_redirected(void) MI_FN_NOEXCEPT;

/* Frees what the calling thread keeps for reuse; with `force` also back to the system. */
MI_FN void mi_collect(bool force) MI_FN_NOEXCEPT;

/* mi_collect(true), then gives up pages until the thread owns about so many bytes. */
MI_FN void mi_collect_reduce(size_t target_thread_owned) MI_FN_NOEXCEPT;

/* Starts the allocator, which starts by itself. */
MI_FN void mi_process_init(void) MI_FN_NOEXCEPT;

/* Ends the allocator, which ends by itself; allocation goes on working. */
MI_FN void mi_process_done(void) MI_FN_NOEXCEPT;

/* Prepares the calling thread, as its first allocation does. */
MI_FN void mi_thread_init(void) MI_FN_NOEXCEPT;

/* Gives up what the calling thread owns, as its end does. */
MI_FN void mi_thread_done(void) MI_FN_NOEXCEPT;

/* Tells that the calling thread belongs to a pool and runs tasks of many kinds. */
MI_FN void mi_thread_set_in_threadpool(void) MI_FN_NOEXCEPT;

/* Sets the function that frees what the program has put off; NULL for none. */
MI_FN void mi_register_deferred_free(mi_deferred_free_fun* deferred_free, void* arg) MI_FN_NOEXCEPT;

/* Sets the function that receives all text; NULL for standard error. */
MI_FN void mi_register_output(mi_output_fun* out, void* arg) MI_FN_NOEXCEPT;

/* Sets the function that is told of errors; NULL for the default. */
MI_FN void mi_register_error(mi_error_fun* errfun, void* arg);

/* Time in milliseconds, memory in bytes and major page faults of the process; each may be NULL. */
MI_FN void mi_process_info(size_t* elapsed_msecs, size_t* user_msecs, size_t* system_msecs,
                           size_t* current_rss, size_t* peak_rss, size_t* current_commit,
                           size_t* peak_commit, size_t* page_faults) MI_FN_NOEXCEPT;

/* Prints the time, memory and page faults of the process. */
MI_FN void mi_process_info_print(void) MI_FN_NOEXCEPT;

/* mi_process_info_print to a function. */
MI_FN void mi_process_info_print_out(mi_output_fun* out, void* arg) MI_FN_NOEXCEPT;

/* ---- Statistics as text; mimalloc-stats.h has the figures ----
   A NULL `out` stands for the registered output function. */

/* Prints the statistics; `out` is ignored. */
MI_FN void mi_stats_print(void* out) MI_FN_NOEXCEPT;
/* Prints the statistics to a function. */
MI_FN void mi_stats_print_out(mi_output_fun* out, void* arg) MI_FN_NOEXCEPT;
/* Prints the calling thread's statistics. */
MI_FN void mi_thread_stats_print_out(mi_output_fun* out, void* arg) MI_FN_NOEXCEPT;
/* Prints the statistics of a heap. */
MI_FN void mi_heap_stats_print_out(mi_heap_t* heap, mi_output_fun* out, void* arg) MI_FN_NOEXCEPT;
/* Prints the statistics of a sub-process. */
MI_FN void mi_subproc_stats_print_out(mi_subproc_id_t subproc_id, mi_output_fun* out, void* arg)
    MI_FN_NOEXCEPT;
/* Prints the statistics of each heap of a sub-process, then its own. */
MI_FN void mi_subproc_heap_stats_print_out(mi_subproc_id_t subproc_id, mi_output_fun* out, void* arg)
    MI_FN_NOEXCEPT;
/* Starts the statistics anew. */
MI_FN void mi_stats_reset(void) MI_FN_NOEXCEPT;
/* Adds the calling thread's statistics to those of the process. */
MI_FN void mi_stats_merge(void) MI_FN_NOEXCEPT;
/* Adds a heap's statistics to those of its sub-process and starts the heap's anew. */
MI_FN void mi_heap_stats_merge_to_subproc(mi_heap_t* heap);

/* ---- Options ----
   docs/options.md has their meaning. Values are those of 2.4.1; options of 3.x come after them. */

typedef enum mi_option_e {
  mi_option_show_errors = 0,
  mi_option_show_stats = 1,
  mi_option_verbose = 2,
  mi_option_eager_commit = 3,
  mi_option_arena_eager_commit = 4,
  mi_option_purge_decommits = 5,
  mi_option_allow_large_os_pages = 6,
  mi_option_reserve_huge_os_pages = 7,
  mi_option_reserve_huge_os_pages_at = 8,
  mi_option_reserve_os_memory = 9,
  mi_option_deprecated_segment_cache = 10,
  mi_option_deprecated_page_reset = 11,
  mi_option_abandoned_page_purge = 12,
  mi_option_deprecated_segment_reset = 13,
  mi_option_eager_commit_delay = 14,
  mi_option_purge_delay = 15,
  mi_option_use_numa_nodes = 16,
  mi_option_disallow_os_alloc = 17,
  mi_option_os_tag = 18,
  mi_option_max_errors = 19,
  mi_option_max_warnings = 20,
  mi_option_max_segment_reclaim = 21,
  mi_option_destroy_on_exit = 22,
  mi_option_arena_reserve = 23,
  mi_option_arena_purge_mult = 24,
  mi_option_purge_extend_delay = 25,
  mi_option_abandoned_reclaim_on_free = 26,
  mi_option_disallow_arena_alloc = 27,
  mi_option_retry_on_oom = 28,
  mi_option_visit_abandoned = 29,
  mi_option_guarded_min = 30,
  mi_option_guarded_max = 31,
  mi_option_guarded_precise = 32,
  mi_option_guarded_sample_rate = 33,
  mi_option_guarded_sample_seed = 34,
  mi_option_target_segments_per_thread = 35,
  mi_option_generic_collect = 36,
  mi_option_allow_thp = 37,
  mi_option_page_reclaim_on_free = 38,
  mi_option_page_full_retain = 39,
  mi_option_page_max_candidates = 40,
  mi_option_max_vabits = 41,
  mi_option_pagemap_commit = 42,
  mi_option_page_commit_on_demand = 43,
  mi_option_page_max_reclaim = 44,
  mi_option_page_cross_thread_max_reclaim = 45,
  mi_option_minimal_purge_size = 46,
  mi_option_arena_max_object_size = 47,
  mi_option_arena_is_numa_local = 48,
  mi_option_check = 49,
  mi_option_guarded_before = 50,
  mi_option_guarded_report = 51,
  _mi_option_last = 52,

  /* Names that options had before. */
  mi_option_eager_region_commit = mi_option_arena_eager_commit,
  mi_option_reset_decommits = mi_option_purge_decommits,
  mi_option_large_os_pages = mi_option_allow_large_os_pages,
  mi_option_abandoned_page_reset = mi_option_abandoned_page_purge,
  mi_option_reset_delay = mi_option_purge_delay,
  mi_option_limit_os_alloc = mi_option_disallow_os_alloc,

  /* Names that 3.x gives to options without effect there. */
  mi_option_deprecated_eager_commit = mi_option_eager_commit,
  mi_option_deprecated_abandoned_page_purge = mi_option_abandoned_page_purge,
  mi_option_deprecated_eager_commit_delay = mi_option_eager_commit_delay,
  mi_option_deprecated_max_segment_reclaim = mi_option_max_segment_reclaim,
  mi_option_deprecated_purge_extend_delay = mi_option_purge_extend_delay
} mi_option_t;

/* Whether the value is not 0. */
MI_FN_RESULT bool mi_option_is_enabled(mi_option_t option);
/* Sets the value to 1. */
MI_FN void mi_option_enable(mi_option_t option);
/* Sets the value to 0. */
MI_FN void mi_option_disable(mi_option_t option);
/* Sets the value to 0 or 1. */
MI_FN void mi_option_set_enabled(mi_option_t option, bool enable);
/* Sets the value to 0 or 1, unless the environment or the program has set it. */
MI_FN void mi_option_set_enabled_default(mi_option_t option, bool enable);
/* The value; memory sizes are in KiB. */
MI_FN_RESULT long mi_option_get(mi_option_t option);
/* The value, brought into a range. */
MI_FN_RESULT long mi_option_get_clamp(mi_option_t option, long min, long max);
/* The value of a memory size in bytes. */
MI_FN_RESULT size_t mi_option_get_size(mi_option_t option);
/* Sets the value. */
MI_FN void mi_option_set(mi_option_t option, long value);
/* Sets the value, unless the environment or the program has set it. */
MI_FN void mi_option_set_default(mi_option_t option, long value);
/* Prints all options. */
MI_FN void mi_options_print(void) MI_FN_NOEXCEPT;
/* Prints all options to a function. */
MI_FN void mi_options_print_out(mi_output_fun* out, void* arg) MI_FN_NOEXCEPT;
/* Guards one of `sample_rate` blocks of a heap; 0 guards none. A `seed` of 0 is a random start. */
MI_FN void mi_heap_guarded_set_sample_rate(mi_heap_t* heap, size_t sample_rate, size_t seed);
/* Guards only blocks of a heap within a range of sizes in bytes. */
MI_FN void mi_heap_guarded_set_size_bound(mi_heap_t* heap, size_t min, size_t max);
/* mi_heap_guarded_set_sample_rate for a theap. */
MI_FN void mi_theap_guarded_set_sample_rate(mi_theap_t* theap, size_t sample_rate, size_t seed);
/* mi_heap_guarded_set_size_bound for a theap. */
MI_FN void mi_theap_guarded_set_size_bound(mi_theap_t* theap, size_t min, size_t max);

/* ---- Functions of POSIX and of C libraries ---- */

/* Frees a block; ignores a pointer that is not ours. */
MI_FN void mi_cfree(void* p) MI_FN_NOEXCEPT;
/* mi_expand with errno ENOMEM on failure. */
MI_FN void* mi__expand(void* p, size_t newsize) MI_FN_NOEXCEPT;
/* mi_usable_size, also 0 for a pointer that is not ours. */
MI_FN_RESULT size_t mi_malloc_size(const void* p) MI_FN_NOEXCEPT;
/* mi_usable_size, also 0 for a pointer that is not ours. */
MI_FN_RESULT size_t mi_malloc_usable_size(const void* p) MI_FN_NOEXCEPT;
/* mi_good_size. */
MI_FN_RESULT size_t mi_malloc_good_size(size_t size) MI_FN_NOEXCEPT;
/* posix_memalign(3): 0, EINVAL or ENOMEM. */
MI_FN int mi_posix_memalign(void** p, size_t alignment, size_t size) MI_FN_NOEXCEPT;
/* memalign(3). */
MI_FN_RESULT void* mi_memalign(size_t alignment, size_t size)
    MI_FN_NOEXCEPT MI_FN_MALLOC MI_FN_SIZE(2) MI_FN_ALIGN(1);
/* valloc(3): aligned to an OS page. */
MI_FN_RESULT void* mi_valloc(size_t size) MI_FN_NOEXCEPT MI_FN_MALLOC MI_FN_SIZE(1);
/* pvalloc(3): aligned to an OS page, the size a multiple of it. */
MI_FN_RESULT void* mi_pvalloc(size_t size) MI_FN_NOEXCEPT MI_FN_MALLOC MI_FN_SIZE(1);
/* aligned_alloc(3); the size need not be a multiple of the alignment. */
MI_FN_RESULT void* mi_aligned_alloc(size_t alignment, size_t size)
    MI_FN_NOEXCEPT MI_FN_MALLOC MI_FN_SIZE(2) MI_FN_ALIGN(1);
/* reallocarray(3), with errno EOVERFLOW when the product overflows. */
MI_FN_RESULT void* mi_reallocarray(void* p, size_t count, size_t size) MI_FN_NOEXCEPT MI_FN_SIZE2(2, 3);
/* reallocarr(3) of NetBSD: resizes the block that the pointer at `p` points to; 0 or an errno value. */
MI_FN_RESULT int mi_reallocarr(void* p, size_t count, size_t size) MI_FN_NOEXCEPT;
/* mi_recalloc_aligned by its Microsoft name. */
MI_FN_RESULT void* mi_aligned_recalloc(void* p, size_t newcount, size_t size, size_t alignment)
    MI_FN_NOEXCEPT;
/* mi_recalloc_aligned_at by its Microsoft name. */
MI_FN_RESULT void* mi_aligned_offset_recalloc(void* p, size_t newcount, size_t size, size_t alignment,
                                              size_t offset) MI_FN_NOEXCEPT;
/* Frees a block allocated with `size`. */
MI_FN void mi_free_size(void* p, size_t size) MI_FN_NOEXCEPT;
/* Frees a block allocated with `size` and `alignment`. */
MI_FN void mi_free_size_aligned(void* p, size_t size, size_t alignment) MI_FN_NOEXCEPT;
/* Frees a block allocated with `alignment`. */
MI_FN void mi_free_aligned(void* p, size_t alignment) MI_FN_NOEXCEPT;
/* A copy of the value of an environment variable, NULL if there is none: 0, EINVAL or ENOMEM. */
MI_FN int mi_dupenv_s(char** buf, size_t* size, const char* name) MI_FN_NOEXCEPT;
/* mi_dupenv_s for wide strings, which the environment does not have here: EINVAL. */
MI_FN int mi_wdupenv_s(wchar_t** buf, size_t* size, const wchar_t* name) MI_FN_NOEXCEPT;
/* A copy of a wide string; NULL for NULL. */
MI_FN_RESULT wchar_t* mi_wcsdup(const wchar_t* s) MI_FN_NOEXCEPT MI_FN_MALLOC;
/* A copy of a multi-byte string; NULL for NULL. */
MI_FN_RESULT unsigned char* mi_mbsdup(const unsigned char* s) MI_FN_NOEXCEPT MI_FN_MALLOC;

/* ---- operator new ----
   Failure calls the new-handler and then throws std::bad_alloc, or aborts without a C++ runtime. */

/* new. */
MI_FN_RESULT void* mi_new(size_t size) MI_FN_MALLOC MI_FN_SIZE(1);
/* Aligned new. */
MI_FN_RESULT void* mi_new_aligned(size_t size, size_t alignment) MI_FN_MALLOC MI_FN_SIZE(1) MI_FN_ALIGN(2);
/* new (std::nothrow). */
MI_FN_RESULT void* mi_new_nothrow(size_t size) MI_FN_NOEXCEPT MI_FN_MALLOC MI_FN_SIZE(1);
/* Aligned new (std::nothrow). */
MI_FN_RESULT void* mi_new_aligned_nothrow(size_t size, size_t alignment)
    MI_FN_NOEXCEPT MI_FN_MALLOC MI_FN_SIZE(1) MI_FN_ALIGN(2);
/* new of `count * size` bytes. */
MI_FN_RESULT void* mi_new_n(size_t count, size_t size) MI_FN_MALLOC MI_FN_SIZE2(1, 2);
/* mi_realloc that fails like new. */
MI_FN_RESULT void* mi_new_realloc(void* p, size_t newsize) MI_FN_SIZE(2);
/* mi_reallocn that fails like new. */
MI_FN_RESULT void* mi_new_reallocn(void* p, size_t newcount, size_t size) MI_FN_SIZE2(2, 3);
/* mi_new in a heap. */
MI_FN_RESULT void* mi_heap_alloc_new(mi_heap_t* heap, size_t size) MI_FN_MALLOC MI_FN_SIZE(2);
/* mi_new_n in a heap. */
MI_FN_RESULT void* mi_heap_alloc_new_n(mi_heap_t* heap, size_t count, size_t size)
    MI_FN_MALLOC MI_FN_SIZE2(2, 3);
/* mi_heap_alloc_new; with `nothrow` the result is NULL where that throws. */
MI_FN_RESULT void* mi_heap_try_new(mi_heap_t* heap, size_t size, bool nothrow) MI_FN_MALLOC MI_FN_SIZE(2);

#ifdef __cplusplus
}
#endif

/* ---- Typed allocation: `tp` is a type, the result is `tp*` ---- */

#define mi_malloc_tp(tp) ((tp*)mi_malloc(sizeof(tp)))
#define mi_zalloc_tp(tp) ((tp*)mi_zalloc(sizeof(tp)))
#define mi_calloc_tp(tp, n) ((tp*)mi_calloc((n), sizeof(tp)))
#define mi_mallocn_tp(tp, n) ((tp*)mi_mallocn((n), sizeof(tp)))
#define mi_reallocn_tp(p, tp, n) ((tp*)mi_reallocn((p), (n), sizeof(tp)))
#define mi_recalloc_tp(p, tp, n) ((tp*)mi_recalloc((p), (n), sizeof(tp)))

#define mi_heap_malloc_tp(hp, tp) ((tp*)mi_heap_malloc((hp), sizeof(tp)))
#define mi_heap_zalloc_tp(hp, tp) ((tp*)mi_heap_zalloc((hp), sizeof(tp)))
#define mi_heap_calloc_tp(hp, tp, n) ((tp*)mi_heap_calloc((hp), (n), sizeof(tp)))
#define mi_heap_mallocn_tp(hp, tp, n) ((tp*)mi_heap_mallocn((hp), (n), sizeof(tp)))
#define mi_heap_reallocn_tp(hp, p, tp, n) ((tp*)mi_heap_reallocn((hp), (p), (n), sizeof(tp)))
#define mi_heap_recalloc_tp(hp, p, tp, n) ((tp*)mi_heap_recalloc((hp), (p), (n), sizeof(tp)))

/* ---- mi_debug_show_arenas with flags ----
   Earlier versions take one flag or three: what is in use, what is abandoned, and what is going to be
   purged. A missing flag is true. The function itself draws everything, because a program that was
   compiled for a version without flags would pass arbitrary ones. The name alone is the function. */

#ifdef __cplusplus
inline void mi_debug_show_arenas(bool show_inuse, bool show_abandoned, bool show_purge) MI_FN_NOEXCEPT {
  rimalloc_show_arenas(show_inuse, show_abandoned, show_purge);
}
inline void mi_debug_show_arenas(bool show_inuse) MI_FN_NOEXCEPT {
  rimalloc_show_arenas(show_inuse, true, true);
}
#else
static inline void rimalloc_show_arenas_of(const bool* flags, size_t count) {
  rimalloc_show_arenas(count < 2 || flags[1], count < 3 || flags[2], count < 4 || flags[3]);
}
#define mi_debug_show_arenas(...) \
  rimalloc_show_arenas_of((bool[4]){true, __VA_ARGS__}, sizeof((bool[]){true, __VA_ARGS__}) / sizeof(bool))
#endif

#ifdef __cplusplus
#include "mimalloc-stl.h"
#endif

#endif /* MIMALLOC_H */
