//! What the benchmarks share: large captures, made once and always the same, and the CPU time they cost.

mod captures;
mod cpu;
mod frame;
mod random;
mod short;
mod steady;

pub use captures::{Capture, Format, Traffic, capture};
pub use cpu::{cpu_seconds, process_cpu_seconds, thread_cpu_seconds};
