//! From segments to connections.

use std::hash::BuildHasher;
use std::net::IpAddr;

use crosscap_packet::{Endpoint, FrameRef, IcmpError, Segment, TcpFlags, TcpPacket, Timestamp};
use foldhash::quality::RandomState;
use hashbrown::HashTable;

use crate::flow::Verdict;
use crate::{Connection, Direction, Judgement, Sighting};

/// Finds the connection of each segment and keeps all connections of one observation point.
///
/// Four-tuples are hashed with a random secret: who writes the capture cannot choose collisions. The secret does not
/// show in any result.
#[derive(Debug, Default)]
pub struct Tracker {
    connections: Vec<Connection>,
    /// Index of the latest incarnation of each four-tuple.
    table: HashTable<u32>,
    hasher: RandomState,
}

impl Tracker {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next segment in capture order and says whose it is and what it was.
    pub fn push(&mut self, frame: FrameRef, time: Timestamp, packet: &TcpPacket<'_>) -> Judgement {
        self.push_segment(packet.src, packet.dst, Sighting { time, frame, segment: packet.segment })
    }

    /// As [`push`](Self::push), for a segment from `src` to `dst` whose bytes are no longer at hand.
    pub fn push_segment(&mut self, src: Endpoint, dst: Endpoint, at: Sighting) -> Judgement {
        let hash = hash(&self.hasher, src, dst);
        let found = self.find(hash, src, dst);
        let index = match found {
            Some(i) if !begins_anew(&self.connections[i as usize], src, &at.segment) => i,
            _ => {
                let (orig, resp) = match originator(src, dst, at.segment.flags) {
                    Direction::Orig => (src, dst),
                    Direction::Resp => (dst, src),
                };
                self.insert(hash, found, orig, resp)
            }
        };
        let connection = &mut self.connections[index as usize];
        let direction = connection.direction_from(src);
        let Verdict { class, certainty, new_bytes, .. } = connection.push(direction, at);
        // At most the payload of one segment.
        let new_bytes = u32::try_from(new_bytes).unwrap_or(u32::MAX);
        Judgement { connection: index as usize, direction, class, certainty, new_bytes }
    }

    /// Takes an ICMP error. It is noted with the connection whose segment it quotes; one about a segment that was not
    /// captured, or was translated on its way, belongs to none.
    pub fn push_icmp(&mut self, frame: FrameRef, time: Timestamp, error: &IcmpError) {
        let hash = hash(&self.hasher, error.src, error.dst);
        if let Some(index) = self.find(hash, error.src, error.dst) {
            self.connections[index as usize].icmp_error(frame, time, error);
        }
    }

    fn find(&self, hash: u64, src: Endpoint, dst: Endpoint) -> Option<u32> {
        let same_tuple = |&index: &u32| {
            let c = &self.connections[index as usize];
            (c.orig, c.resp) == (src, dst) || (c.resp, c.orig) == (src, dst)
        };
        self.table.find(hash, same_tuple).copied()
    }

    /// All connections, in order of their first packets.
    #[must_use]
    pub fn finish(mut self) -> Vec<Connection> {
        self.connections.iter_mut().for_each(Connection::finish);
        self.connections
    }

    fn insert(&mut self, hash: u64, before: Option<u32>, orig: Endpoint, resp: Endpoint) -> u32 {
        // Four billion connections would need more memory than there is; the last index is then shared.
        let index = u32::try_from(self.connections.len()).unwrap_or(u32::MAX - 1);
        let incarnation =
            before.map_or(1, |b| self.connections[b as usize].incarnation.saturating_add(1));
        self.connections.push(Connection::new(orig, resp, incarnation));
        let hasher = &self.hasher;
        let connections = &self.connections;
        let rehash = |&i: &u32| {
            let c: &Connection = &connections[i as usize];
            self::hash(hasher, c.orig, c.resp)
        };
        match before {
            Some(before) => {
                if let Some(slot) = self.table.find_mut(hash, |&i| i == before) {
                    *slot = index;
                }
            }
            None => {
                self.table.insert_unique(hash, index, rehash);
            }
        }
        index
    }
}

/// The same for both directions. IPv4 ends make two words instead of two enums.
fn hash(hasher: &RandomState, a: Endpoint, b: Endpoint) -> u64 {
    let (low, high) = if a <= b { (a, b) } else { (b, a) };
    let ports = u32::from(low.port) << 16 | u32::from(high.port);
    match (low.addr, high.addr) {
        (IpAddr::V4(low), IpAddr::V4(high)) => {
            hasher.hash_one((u64::from(low.to_bits()) << 32 | u64::from(high.to_bits()), ports))
        }
        (low, high) => hasher.hash_one((low, high, ports)),
    }
}

/// Whether a segment on a used four-tuple opens a new connection: a SYN whose sequence number is not the one its sender
/// began with. The same one is a SYN sent again.
fn begins_anew(connection: &Connection, src: Endpoint, segment: &Segment) -> bool {
    if !segment.flags.contains(TcpFlags::SYN) || segment.flags.contains(TcpFlags::ACK) {
        return false;
    }
    let flow = connection.flow(connection.direction_from(src));
    match (flow.isn, flow.first) {
        (Some(isn), _) => isn != segment.seq,
        // Midstream so far: the SYN itself, captured late, has the number below the first byte.
        (None, Some(first)) => first.segment.seq != segment.seq + 1,
        // Nothing from this end yet: a simultaneous open, unless the other end is past its own handshake.
        (None, None) => connection.flow(connection.direction_from(src).reverse()).isn.is_none(),
    }
}

/// The role of the sender of a connection's first captured segment.
fn originator(src: Endpoint, dst: Endpoint, flags: TcpFlags) -> Direction {
    if flags.contains(TcpFlags::SYN) {
        return if flags.contains(TcpFlags::ACK) { Direction::Resp } else { Direction::Orig };
    }
    let ephemeral = |e: Endpoint| e.port >= FIRST_EPHEMERAL_PORT;
    if !ephemeral(src) && ephemeral(dst) { Direction::Resp } else { Direction::Orig }
}

/// Start of Linux's default ephemeral range.
const FIRST_EPHEMERAL_PORT: u16 = 32_768;

#[cfg(test)]
mod tests;
