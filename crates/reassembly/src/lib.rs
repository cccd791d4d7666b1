//! TCP connections as one observation point saw them.
//!
//! Sans-IO: the caller pushes decoded segments in capture order, with their frames and times; this crate opens no file,
//! reads no clock and starts no thread.
//!
//! - [`Tracker`] takes the segments and keeps one [`Connection`] for each use of a four-tuple.
//! - A [`Connection`] has two [`Flow`]s, from the originator and from the responder ([`Direction`]), and tells how the
//!   connection began and ended ([`ConnState`], [`Connection::history`]), how long it was silent ([`Silences`]) and how
//!   long an answer took ([`Wait`]).
//! - An [`Assembly`] takes the segments of one flow and makes a [`Stream`]: slices of the capture in order, the gaps
//!   between them ([`GapKind`]) and the contradictions ([`Conflict`]).
//! - A [`Ledger`] tells how often each byte of a flow was captured, and when; ledgers can be merged and compared.
//!
//! ```
//! use crosscap_packet::{Decoded, FrameRef, LinkType, Timestamp, decode};
//! use crosscap_reassembly::{ConnState, Tracker};
//!
//! let syn: &[u8] = &[
//!     0x45, 0, 0, 40, 0, 1, 0x40, 0, 64, 6, 0, 0, 10, 1, 0, 2, 10, 96, 0, 10, // IPv4
//!     0x9d, 0xe6, 0, 80, 0, 0, 0, 7, 0, 0, 0, 0, 0x50, 0x02, 0xff, 0xff, 0, 0, 0, 0, // TCP
//! ];
//! let Decoded::Tcp(packet) = decode(LinkType::RAW, syn, 40) else { panic!("not TCP") };
//! let mut tracker = Tracker::new();
//! tracker.push(FrameRef::new(0, 1), Timestamp(0), &packet);
//! let connections = tracker.finish();
//! let first = connections.get(0).expect("one");
//! assert_eq!(first.conn_state(), ConnState::S0);
//! assert_eq!(first.orig.to_string(), "10.1.0.2:40422");
//! ```
//!
//! Who is the originator: the sender of the first SYN without ACK, else the receiver of the first SYN-ACK. Where no
//! handshake was captured, the end whose port is not in the ephemeral range (below 32768, where the other's is not) is
//! the responder; else the first sender is the originator.
//!
//! Limits: payload is counted, not kept; a [`Stream`] refers to it.

#![forbid(unsafe_code)]

mod class;
mod connection;
mod connections;
mod coverage;
mod flow;
mod history;
mod ledger;
mod limits;
mod pack;
mod reset;
mod silence;
mod state;
mod store;
mod stream;
mod tracked;
mod tracker;

pub use class::{Cause, Certainty, Judgement, SegmentClass};
pub use connection::{Connection, Direction, IcmpErrors, Wait};
pub use connections::{Connections, Echoes, IntoConnections};
pub use flow::{Causes, Flow, Rtt, Sighting, ZeroWindows};
pub use ledger::{Coverage, Difference, Ledger, LedgerBuilder};
pub use limits::Limits;
pub use reset::{Reset, ResetForm};
pub use silence::{Moment, Pause, Phase, Silence, Silences};
pub use state::ConnState;
pub use stream::{
    Aside, AsideKind, Assembly, Chunk, Conflict, Extent, GapError, GapKind, LeftOut, OnGap,
    OverlapPolicy, Payload, Stream, StreamReader,
};
pub use tracker::{Tracker, TupleHasher};
