//! The C and C++ contracts: each program of `tests/c` checks one behaviour and is run with the
//! library preloaded, linked, and linked statically.

mod common;

use common::Link;

/// One test a program, named after it: the file's suffix and the ways of linking follow.
macro_rules! programs {
    ($($name:ident $suffix:literal $links:expr;)*) => {$(
        #[test]
        fn $name() {
            for &link in common::ways(&$links) {
                common::check(concat!(stringify!($name), $suffix), link);
            }
        }
    )*};
}

// Functions that the C library lacks cannot be named by a program that is not linked with us.
const LINKED: [Link; 3] = [Link::Shared, Link::Archive, Link::Static];

programs! {
    override_is_active ".c" Link::ALL;
    enomem ".c" Link::ALL;
    calloc ".c" Link::ALL;
    zero_size ".c" Link::ALL;
    alignment ".c" Link::ALL;
    posix_memalign ".c" Link::ALL;
    realloc ".c" Link::ALL;
    reallocarray ".c" LINKED;
    free_keeps_errno ".c" Link::ALL;
    usable_size ".c" LINKED;
    strings ".c" Link::ALL;
    libc_names ".c" Link::DYNAMIC;
    sized_free ".c" LINKED;
    glibc_extras ".c" Link::ALL;
    foreign ".c" Link::ALL;
    foreign_realloc ".c" Link::ALL;
    thread_exit ".c" Link::ALL;
    at_exit ".c" Link::ALL;
    fork ".c" Link::ALL;
    interposed_calls ".c" LINKED;
    no_cxx_runtime ".c" Link::DYNAMIC;
    new_in_c ".c" LINKED;

    mi_basic ".c" LINKED;
    mi_aligned ".c" LINKED;
    mi_zeroed ".c" LINKED;
    mi_posix ".c" LINKED;
    mi_block_size ".c" LINKED;
    mi_options ".c" LINKED;
    mi_options_threads ".c" LINKED;
    mi_report ".c" LINKED;
    mi_stats ".c" LINKED;
    mi_process_info ".c" LINKED;
    mi_reserve ".c" LINKED;
    mi_manage ".c" LINKED;
    mi_huge_pages ".c" LINKED;
    mi_show_arenas ".c" LINKED;
    mi_process_done ".c" LINKED;

    mi_heap_basic ".c" LINKED;
    mi_heap_null ".c" LINKED;
    mi_heap_resize ".c" LINKED;
    mi_heap_ends ".c" LINKED;
    mi_heap_default ".c" LINKED;
    mi_heap_ownership ".c" LINKED;
    mi_heap_threads ".c" LINKED;
    mi_heap_races ".c" LINKED;
    mi_heap_many ".c" LINKED;
    mi_heap_pool ".c" LINKED;
    mi_heap_collect ".c" LINKED;
    mi_heap_rounds ".c" LINKED;
    mi_heap_new ".cpp" LINKED;
    mi_guarded ".c" LINKED;
    mi_guarded_blocks ".c" LINKED;
    mi_heap_check ".c" LINKED;

    mi_heap_visit ".c" LINKED;
    mi_heap_visit_main ".c" LINKED;
    mi_heap_visit_ends ".c" LINKED;
    mi_abandoned_visit ".c" LINKED;
    mi_heap_tags ".c" LINKED;
    mi_under_utilized ".c" LINKED;

    mi_theap ".c" LINKED;

    mi_subproc ".c" LINKED;
    mi_subproc_ends ".c" LINKED;
    mi_subproc_threads ".c" LINKED;
    mi_subproc_visit ".c" LINKED;
    mi_first_call ".c" LINKED;

    mi_deferred_free ".c" LINKED;
    mi_deferred_same ".c" LINKED;
    mi_collect_reduce ".c" LINKED;

    mi_arena_reserve ".c" LINKED;
    mi_arena_use ".c" LINKED;
    mi_arena_heap ".c" LINKED;
    mi_arena_threads ".c" LINKED;
    mi_arena_manage ".c" LINKED;
    mi_arena_commit ".c" LINKED;

    mi_stats_get ".c" LINKED;
    mi_stats_bins ".c" LINKED;
    mi_stats_json ".c" LINKED;
    mi_stats_heaps ".c" LINKED;
    mi_stats_print ".c" LINKED;
    mi_stats_signs ".c" LINKED;
    mi_stats_oracle ".c" LINKED;

    bad_input_blocks ".c" LINKED;
    bad_input_libc ".c" LINKED;
    bad_input_process ".c" LINKED;
    bad_input_heaps ".c" LINKED;
    bad_input_visits ".c" LINKED;
    bad_input_theaps ".c" LINKED;
    bad_input_subprocs ".c" LINKED;
    bad_input_arenas ".c" LINKED;
    bad_input_stats ".c" LINKED;
    bad_input_new ".cpp" LINKED;

    bad_alloc ".cpp" Link::ALL;
    new_handler ".cpp" Link::ALL;
    mi_new ".cpp" LINKED;
    new_delete ".cpp" Link::ALL;
    containers ".cpp" Link::ALL;
    thread_local ".cpp" Link::ALL;
}

/// Threads that allocate from one heap while another destroys it, watched by the sanitizers. Those bring an
/// allocator of their own, which cannot be linked beside the archive's.
#[test]
fn sanitizers_find_nothing_in_a_heap_that_threads_share() {
    for sanitizer in ["-fsanitize=thread", "-fsanitize=address"] {
        let flags = [sanitizer, "-DROUNDS=1000"];
        let path = common::compile_with("mi_heap_rounds.c", Link::Shared, &flags);
        let output = common::run(&mut common::program(&path, Link::Shared));
        assert_eq!(common::text(&output.stderr), "", "{sanitizer}");
        common::discard(&path);
    }
}

#[test]
fn malloc_stats_writes_to_standard_error() {
    let report = common::stderr_of("malloc_stats.c", Link::Preload, &[]);
    assert!(report.lines().count() > 3, "{report:?}");
}

#[test]
fn failing_new_in_c_says_why_it_aborts() {
    let report = common::stderr_of("new_aborts_in_c.c", Link::Shared, &[]);
    assert_eq!(report, "mimalloc: error: out of memory in 'new'\n");
}

#[test]
fn foreign_free_is_silent_by_default() {
    assert_eq!(common::stderr_of("free_foreign.c", Link::Preload, &[]), "");
}

#[test]
fn foreign_free_is_reported_on_request() {
    let variables = [("MIMALLOC_SHOW_ERRORS", "1")];
    let report = common::stderr_of("free_foreign.c", Link::Preload, &variables);
    assert_eq!(report.lines().count(), 1, "{report:?}");
    assert!(report.contains("0x3990080"), "{report:?}");
}

#[test]
fn memory_is_reserved_at_the_start() {
    let variables = [("MIMALLOC_RESERVE_OS_MEMORY", "64M"), ("MIMALLOC_DISALLOW_OS_ALLOC", "1")];
    for link in LINKED {
        assert_eq!(common::stderr_of("reserved_at_start.c", link, &variables), "");
    }
}

#[test]
fn malformed_option_is_reported() {
    let variables = [("MIMALLOC_SHOW_ERRORS", "1"), ("MIMALLOC_PURGE_DELAY", "soon")];
    let report = common::stderr_of("nothing.c", Link::Preload, &variables);
    assert_eq!(report.lines().count(), 1, "{report:?}");
    assert!(report.contains("purge_delay") && report.contains("invalid"), "{report:?}");
}

#[test]
fn well_formed_options_are_silent() {
    let variables = [("MIMALLOC_SHOW_ERRORS", "1"), ("MIMALLOC_PURGE_DELAY", "5")];
    assert_eq!(common::stderr_of("nothing.c", Link::Preload, &variables), "");
}

#[test]
fn a_program_can_reserve_the_end_of_the_library_to_itself() {
    let prints = |name, link, value| {
        let variables = [("MIMALLOC_SHOW_STATS", "1"), ("MIMALLOC_DESTROY_ON_EXIT", value)];
        !common::stderr_of(name, link, &variables).is_empty()
    };
    assert!(prints("nothing.c", Link::Preload, "1"));
    assert!(!prints("nothing.c", Link::Preload, "2"));
    assert!(prints("mi_process_done.c", Link::Shared, "2"));
}

#[test]
fn live_blocks_serve_the_c_library_until_the_end() {
    for link in Link::ALL {
        let path = common::compile("exit_busy.c", link);
        let file = path.with_extension("txt");
        for value in ["0", "1", "2"] {
            let mut program = common::program(&path, link);
            let output = common::run(program.arg(&file).env("MIMALLOC_DESTROY_ON_EXIT", value));
            assert_eq!(common::text(&output.stdout), "the program's and the handler's");
            let written = std::fs::read_to_string(&file).expect("the program has written it");
            assert_eq!(written, "the file's");
        }
        common::discard(&file);
        common::discard(&path);
    }
}

/// The loader sees the program's functions only if they are exported.
#[test]
fn a_program_keeps_the_malloc_it_defines() {
    let path = common::compile_with("own_malloc.c", Link::Preload, &["-rdynamic"]);
    let output = common::run(&mut common::program(&path, Link::Preload));
    assert_eq!(common::text(&output.stderr), "");
    let mut told = common::program(&path, Link::Preload);
    let told = common::run(told.env("MIMALLOC_VERBOSE", "1"));
    assert!(common::text(&told.stderr).contains("has a malloc of its own"));
    common::discard(&path);
}

/// dlopen of a C++ library brings the C++ runtime in after the allocator.
#[test]
fn cxx_library_is_loaded_and_unloaded() {
    let plugin = common::compile_plugin("plugin.cpp");
    for link in [Link::Preload, Link::Shared] {
        let path = common::compile("dlopen.c", link);
        common::run(common::program(&path, link).arg(&plugin));
        common::discard(&path);
    }
    common::discard(&plugin);
}

#[test]
fn library_is_loaded_late() {
    let path = common::compile("late_load.c", Link::Preload);
    // The program runs on the C library's allocator until it loads ours itself.
    let mut command = common::program(&path, Link::Archive);
    common::run(command.arg(common::shared_library()));
    common::discard(&path);
}
