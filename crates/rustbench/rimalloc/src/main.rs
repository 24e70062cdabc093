//! The workloads on rimalloc, and a request by what it has for them.

use std::process::ExitCode;

use allocator_api2::alloc::Allocator;
use bumpalo::Bump;
use rimalloc::{Heap, Rimalloc, Scope};
use rustbench_workloads::{Request, Turn, Workload};

#[global_allocator]
static GLOBAL: Rimalloc = Rimalloc;

const REQUESTS: &[Workload] = &[
    Workload {
        name: "request-heap",
        about: "the same in a heap of its own",
        prepare: |_percent| {
            turn(|request| request.one_by_one(&Heap::new().expect("memory for a heap")))
        },
    },
    Workload {
        name: "request-scope-collections",
        about: "the same in a scope, by the trait that collections use; its end frees all blocks",
        prepare: |_percent| {
            turn(|request| {
                let scope = Scope::new().expect("memory for a scope");
                request.fill(|layout| Some((&scope).allocate(layout).ok()?.cast()))
            })
        },
    },
    Workload {
        name: "request-scope",
        about: "the same placed in a scope, whose end frees all",
        prepare: |_percent| {
            turn(|request| {
                let scope = Scope::new().expect("memory for a scope");
                request.fill(|layout| scope.alloc_layout(layout).ok())
            })
        },
    },
    Workload {
        name: "request-bump",
        about: "the same in an arena of bumpalo, whose end frees all",
        prepare: |_percent| {
            turn(|request| {
                let bump = Bump::new();
                request.fill(|layout| bump.try_alloc_layout(layout).ok())
            })
        },
    },
    Workload {
        name: "request-bump-reset",
        about: "the same in an arena of bumpalo that is kept and reset",
        prepare: |_percent| {
            let mut bump = Bump::new();
            turn(move |request| {
                bump.reset();
                request.fill(|layout| bump.try_alloc_layout(layout).ok())
            })
        },
    },
];

fn turn(mut handle: impl FnMut(&Request) -> u64 + 'static) -> Turn {
    let request = Request::default();
    Box::new(move || handle(&request))
}

fn main() -> ExitCode {
    rustbench_workloads::main(None, REQUESTS)
}
