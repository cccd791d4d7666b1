//! Connections that a proxy ends and goes on with as others: the bytes are all that the two have in common.
//!
//! A meeting is a pair of groups that may be the two sides of a proxy, by their addresses, when they began and how much was
//! sent. Equal payload makes one connection of them, if it says enough and nothing else is equal: requests and answers are
//! often alike. So does a header by which the proxy names the connection that it goes on with. Everything else is a
//! candidate.

mod chain;
mod header;
mod join;
mod meetings;
mod named;

use std::net::IpAddr;

use hashbrown::{HashMap, HashSet};

use crate::{Leg, StreamDigest};

pub(crate) use header::ProxyHeader;
pub(crate) use join::join;
pub(crate) use meetings::{Met, meetings};

type Map<K, V> = HashMap<K, V, foldhash::quality::RandomState>;

/// What originator and responder of some legs sent.
type Digests<'a> = Map<Leg, &'a [StreamDigest; 2]>;

type Set<T> = HashSet<T, foldhash::quality::RandomState>;

/// Two groups that may be the client's and the server's side of a proxy.
#[derive(Clone, Debug)]
pub(crate) struct Meeting {
    front: usize,
    back: usize,
    /// One leg of each whose payload can be compared.
    legs: [Leg; 2],
    /// From the beginning of the one to that of the other by the clocks that saw them, nanoseconds.
    apart: i64,
    /// Whether one clock saw both.
    one_clock: bool,
    /// As many bytes both ways.
    alike: bool,
    /// Whether payload would tell more: also where the one carried more, as with a proxy's header.
    asks: bool,
    /// Where it is the only sign of their being one host that neither passed a router: the point, the address that the
    /// front ends at, and the one that the back comes from.
    hosts: Option<(usize, IpAddr, IpAddr)>,
}

#[cfg(test)]
mod tests;
