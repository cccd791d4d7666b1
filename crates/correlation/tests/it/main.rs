//! Matching, against simulated connections of which the truth is known.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

// What was tracked at each point, and whose it is.
mod seen;
// What was found, against the truth.
mod judge;
// No wrong pair, and hardly one missed.
mod truth;
// What must not change the answer.
mod metamorphic;
// Bounds hold the true offset, whatever the network and the clocks do.
mod clocks;
// Single cases, made by hand.
mod cases;
// What would take long if it grew faster than the captures.
mod hostile;
