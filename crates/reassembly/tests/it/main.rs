//! Streams and ledgers against naive models.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod model;
// The rules of streams, one by one.
mod rules;
// Any segments, against the model.
mod streams;
// Segments that nobody sends.
mod hostile;
// More than is kept.
mod limits;
// Packets recorded several times.
mod copies;
// Which bytes were seen how often, against a model.
mod ledgers;
