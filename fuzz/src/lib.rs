//! What the fuzz targets assert, and where they start from.
//!
//! - [`capture`]: what must hold of a capture file, however damaged;
//! - [`model`]: the same formats read naively, to compare with;
//! - [`datagram`]: fragments, and what they are together;
//! - [`segments`]: segments, and what they are together;
//! - [`seeds`]: small inputs that are worth mutating.
//!
//! All Rust code of a target together gets [`MEMORY`] bytes; a request beyond that aborts, which libFuzzer reports.

use std::alloc::System;
use std::panic;

use cap::Cap;

pub mod capture;
pub mod datagram;
pub mod model;
pub mod seeds;
pub mod segments;

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, MEMORY);

/// To be called first: writes the seeds that `make` gives, where they are asked for, and lets a panic have more memory:
/// telling its lines takes some.
pub fn start(make: fn() -> Vec<Vec<u8>>) {
    let hook = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        let _ = ALLOCATOR.set_limit(usize::MAX);
        hook(info);
    }));
    seeds::write(make);
}

/// Bytes that are allocated now.
pub fn allocated() -> usize {
    ALLOCATOR.allocated()
}

/// Bytes that all allocations together may have: an input is at most 64 KiB.
pub const MEMORY: usize = 16 << 20;
