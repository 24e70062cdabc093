//! Checks an allocator against a model of what it has handed out.
//!
//! An allocator takes part as a [`Subject`]. An [`Op`] is one call on it with its operands, drawn from a seed by
//! [`Op::draw`] or built by a property test. A [`Shadow`] applies operations, keeps a record of every live block and
//! reports the first [`Violation`] of the contract that its [`Rules`] spell out. [`exchange`](threads::exchange) runs
//! many shadows at once and lets them hand blocks to each other.
//!
//! Nothing here allocates from the subject behind the model's back, so the program's own global allocator is to be a
//! different one than the subject.

pub mod callgrind;
mod contract;
mod op;
mod pattern;
mod rng;
mod shadow;
mod subject;
mod system;
pub mod threads;

pub use contract::{Kind, Limits, Rules, Violation};
pub use op::{AllocEntry, FreeEntry, Mix, Op, Request, ResizeEntry, SMALL_MAX};
pub use rng::Rng;
pub use shadow::{Block, Failure, Shadow, run_seed};
pub use subject::Subject;
pub use system::System;

/// `count` multiplied by the environment variable `TESTKIT_SCALE`, for soak runs of the same tests.
#[must_use]
pub fn scaled(count: usize) -> usize {
    let scale = std::env::var("TESTKIT_SCALE").ok().and_then(|text| text.parse().ok());
    count.saturating_mul(scale.unwrap_or(1))
}
