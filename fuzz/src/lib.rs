//! What the fuzz targets assert, and where they start from.
//!
//! - [`capture`]: what must hold of a capture file, however damaged;
//! - [`model`]: the same formats read naively, to compare with;
//! - [`seeds`]: small inputs that are worth mutating.
//!
//! All Rust code of a target together gets [`MEMORY`] bytes; a request beyond that aborts, which libFuzzer reports.

use std::alloc::System;

use cap::Cap;

pub mod capture;
pub mod model;
pub mod seeds;

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, MEMORY);

/// Bytes that all allocations together may have: an input is at most 64 KiB.
pub const MEMORY: usize = 16 << 20;
