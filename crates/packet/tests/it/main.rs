//! What the decoder makes of frames: of every link type and tunnel, of hostile ones, and of those of other people.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "helpers of tests")]

mod corpus;
mod hostile;
mod tshark;
