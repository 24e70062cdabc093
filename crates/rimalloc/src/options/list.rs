//! The options that have an effect.

use core::time::Duration;

use rimalloc_core::options::Opt;

use super::{Check, EagerCommit, Setting};

/// One function an option.
macro_rules! options {
    ($($(#[doc = $doc:literal])+ $name:ident: $type:ty = $opt:ident;)*) => { $(
        $(#[doc = $doc])+
        #[must_use]
        pub const fn $name() -> Setting<$type> {
            Setting::new(Opt::$opt)
        }
    )* };
}

options! {
    /// Print errors and warnings to standard error, or to the function that
    /// [`on_message`](crate::hooks::on_message) takes. Off by default.
    show_errors: bool = ShowErrors;
    /// Print the statistics when the process exits. Off by default.
    show_stats: bool = ShowStats;
    /// 1: print options, start and exit, and all errors and warnings; 2: also what is done. 0 by default.
    verbose: u32 = Verbose;
    /// Stop printing errors after this many; `None` never stops. 32 by default.
    max_errors: Option<u32> = MaxErrors;
    /// Stop printing warnings after this many; `None` never stops. 32 by default.
    max_warnings: Option<u32> = MaxWarnings;
    /// How long free memory waits for use before it goes back to the system; zero gives it back at once, `None` never.
    /// In milliseconds, rounded up; 10 ms by default. Arenas wait [`arena_purge_mult`] times as long.
    purge_delay: Option<Duration> = PurgeDelay;
    /// The factor of [`purge_delay`] for arenas; 0 gives back at once, `None` never. 10 by default.
    arena_purge_mult: Option<u32> = ArenaPurgeMult;
    /// Memory that goes back stops being counted as the process's at once; off, the system takes it when it needs some.
    /// On by default.
    purge_decommits: bool = PurgeDecommits;
    /// Bytes of address space that an arena takes on demand, rounded up to KiB; 0 makes no arenas. 1 GiB by default.
    arena_reserve: usize = ArenaReserve;
    /// When arenas that are made on demand become accessible. [`EagerCommit::IfOvercommitting`] by default.
    arena_eager_commit: EagerCommit = ArenaEagerCommit;
    /// Bytes of a block from which it has memory of its own outside arenas, rounded up to KiB. 2 GiB by default.
    arena_max_object_size: usize = ArenaMaxObjectSize;
    /// Take memory from arenas that were reserved before, and none from the system. Off by default.
    disallow_os_alloc: bool = DisallowOsAlloc;
    /// Take memory from the system for every page, past arenas. Off by default.
    disallow_arena_alloc: bool = DisallowArenaAlloc;
    /// Use large OS pages (2 MiB) for arenas where the system has some reserved. Off by default.
    allow_large_os_pages: bool = AllowLargeOsPages;
    /// Transparent huge pages: 0 forbids them for the whole process, 1 allows them, 2 also gives memory back in their
    /// size. 1 by default; 0 *at start*.
    allow_thp: u32 = AllowThp;
    /// Free memory goes back in units of so many bytes, rounded up to a power of two from 64 KiB to 4 MiB. 0, which is the
    /// least, by default.
    minimal_purge_size: usize = MinimalPurgeSize;
    /// A thread looks at all its pages once in so many allocations that leave the fast path; 16 is the least. 10 000 by
    /// default.
    generic_collect: u32 = GenericCollect;
    /// Full pages of a size class that a thread keeps before it leaves one to whoever frees into it; `None` keeps all.
    /// 0 by default.
    page_full_retain: Option<u32> = PageFullRetain;
    /// A thread that owns so many pages of a size class adopts none that it owned before; `None` is no limit, and the
    /// default.
    page_max_reclaim: Option<u32> = PageMaxReclaim;
    /// The same for pages that other threads owned before. 4 by default.
    page_cross_thread_max_reclaim: Option<u32> = PageCrossThreadMaxReclaim;
    /// Give all free memory back at once whenever a thread ends. Off by default.
    abandoned_page_purge: bool = AbandonedPagePurge;
    /// Bytes that are reserved as an arena *at start*, rounded up to KiB. 0 by default.
    reserve_os_memory: usize = ReserveOsMemory;
    /// Huge OS pages of 1 GiB that are reserved *at start*. 0 by default.
    reserve_huge_os_pages: u32 = ReserveHugeOsPages;
    /// The NUMA node of those; `None`, the default, spreads them over all nodes. *At start*.
    reserve_huge_os_pages_at: Option<u32> = ReserveHugeOsPagesAt;
    /// Take so many NUMA nodes for all there are; 0, the default, asks the system.
    use_numa_nodes: u32 = UseNumaNodes;
    /// Arenas that are made on demand belong to the NUMA node of the thread that needed one. Off by default.
    arena_is_numa_local: bool = ArenaIsNumaLocal;
    /// Look at each block that is freed or resized, of every heap, and report what is wrong: a block that is free already,
    /// no block at all, a layout that is not the block's own. [`Check::Off`] by default. See
    /// [`Heap::set_check`](crate::Heap::set_check) for one heap.
    check: Check = Check;
}
