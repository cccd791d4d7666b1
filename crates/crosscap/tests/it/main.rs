//! The whole of crosscap against captures whose truth is known.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "helpers of tests")]

mod support;

// Every scenario of testdata/: the report against truth.json.
mod scenarios;
// Clocks, timers, places and translations of every scenario, likewise.
mod measurements;
// What lies between the points, likewise.
mod lab;
// Every packet that a report cites is what the report says it is.
mod evidence;
// The founding incident, number by number.
mod incident;
// The same packets told in another way: the same findings.
mod same_truth;
// Small captures, written packet by packet.
mod written;
// Fewer packets: never a bolder claim.
mod less_seen;
// Captures as people really give them.
mod inputs;
// Nothing new: no surer claim.
mod nothing_new;
// The JSON report has the fields that others rely on.
mod contract;
// The report for people tells what the JSON report knows.
mod text;
// What a capture file is.
mod info;
// Crates depend downwards only.
mod edges;
// testdata/README.md names what is there.
mod testdata_index;
// tshark counts the same packets and streams.
mod tshark_agrees;
// tshark puts the same streams together.
mod streams;
// Connections of other people's captures: counted as tshark counts them.
mod corpus;
// Why a sender sent again, as its kernel counts it.
mod retransmissions;
