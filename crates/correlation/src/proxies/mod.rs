//! Connections that a proxy ends and goes on with as others: the bytes are all that the two have in common.
//!
//! A meeting is a pair of groups that may be the two sides of a proxy, by their addresses, when they began and how much was
//! sent. Only equal payload makes one connection of them, and only where neither has another partner with the same bytes:
//! requests and answers are often alike. Everything else is a candidate.

mod chain;
mod join;
mod meetings;

use std::net::IpAddr;

use hashbrown::{HashMap, HashSet};

use crate::Leg;

pub(crate) use join::join;
pub(crate) use meetings::meetings;

type Map<K, V> = HashMap<K, V, foldhash::quality::RandomState>;

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
    /// Where it is the only sign of their being one host that neither passed a router: the point, the address that the
    /// front ends at, and the one that the back comes from.
    hosts: Option<(usize, IpAddr, IpAddr)>,
}

/// The legs whose payload would tell: see [`crate::Matching::wants_payload`].
pub(crate) fn wanted(meetings: &[Meeting]) -> Vec<Leg> {
    let mut legs: Vec<Leg> = meetings.iter().filter(|m| m.alike).flat_map(|m| m.legs).collect();
    legs.sort_unstable();
    legs.dedup();
    legs
}

#[cfg(test)]
mod tests;
