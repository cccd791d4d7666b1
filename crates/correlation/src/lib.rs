//! The same TCP connection at several observation points.
//!
//! [`correlate`] takes the connections of every [`Point`] and answers, for all of them together:
//!
//! - which legs are one connection: a [`Path`], its [`Leg`]s in order from client to server, with the [`Tier`] of the
//!   match and how many such matches chance would produce;
//! - which legs without a handshake continue a connection from an address that NAT should have hidden (*stray* legs);
//! - how far the clocks of the points are apart: a [`Clock`] gives certified bounds, never a bare guess;
//! - what NAT did: [`NatMapping`]s, and from them [`NatService`]s with their backends;
//! - which point is nearer the clients: [`Role`].
//!
//! [`Between`] compares the packets of neighbouring legs: lost, duplicated, reordered, changed, injected.
//!
//! A [`Ladder`] then lays the packets of one path side by side.
//!
//! ```
//! use crosscap_correlation::{Point, correlate};
//! use crosscap_reassembly::Connections;
//!
//! let correlation = correlate(vec![Point::new("client", Connections::default()), Point::new("pod", Connections::default())]);
//! assert!(correlation.paths.is_empty());
//! assert!(correlation.clocks[1].is_none(), "no packet was seen at both points");
//! ```
//!
//! Limits: proxies are seen through where they pass bytes on as they are and both sides' handshakes were captured, or name the
//! connection with the PROXY protocol; of others, candidates are told.

#![forbid(unsafe_code)]

mod between;
mod clock;
mod copies;
mod correlate;
mod keys;
mod ladder;
mod matching;
mod merged;
mod modular;
mod nat;
mod order;
mod path;
mod payload;
mod places;
mod point;
mod proxies;
mod resolution;
mod selection;
mod stray;

pub use between::{
    Between, Delay, Hop, NeverSeen, Passage, PayloadDigest, SynOffer, Tally, Trace, needs_traces,
};
pub use clock::{Bounds, Break, Clock, ClockPiece, Contradiction, OneSided, Remark, Side};
pub use correlate::{Correlation, Matching, correlate};
pub use ladder::{Ladder, LegSighting, Row};
pub use merged::Merged;
pub use nat::{
    NatBackend, NatKind, NatMapping, NatPlace, NatService, NatSources, NatStray, NatTimes,
    OverTime, PortsKept,
};
pub use order::Role;
pub use path::{Candidate, Leg, Match, Path, Tier};
pub use payload::{StreamDigest, StreamDigester};
pub use places::SamePlace;
pub use point::Point;
pub use selection::Selection;

#[cfg(test)]
mod tests;
