//! From segments to connections.

use std::collections::VecDeque;
use std::hash::BuildHasher;
use std::net::IpAddr;

use crosscap_packet::{Endpoint, FrameRef, IcmpError, Segment, TcpFlags, TcpPacket, Timestamp};
use foldhash::quality::RandomState;
use hashbrown::HashTable;

use crate::connections::Slot;
use crate::flow::Verdict;
use crate::tracked::Tracked;
use crate::{Connection, Connections, Judgement, SegmentClass, Sighting};

/// Finds the connection of each segment and keeps all connections of one observation point.
///
/// Four-tuples are hashed with a random secret: who writes the capture cannot choose collisions. The secret does not
/// show in any result.
///
/// Connections that say nothing for a second, and those that have said nothing for the longest time where more than
/// [`MAX_TRACKED`](Self::MAX_TRACKED) are busy, are packed into a few hundred bytes until they go on. Nothing is lost by
/// it, so that results do not depend on what else was captured.
#[derive(Debug, Default)]
pub struct Tracker {
    slots: Vec<Slot>,
    /// Index of the latest incarnation of each four-tuple.
    table: HashTable<u32>,
    hasher: TupleHasher,
    /// The connections that are not packed, and some that were.
    tracked: VecDeque<u32>,
    /// Whose the last segment was: most come in trains.
    latest: Option<u32>,
    pushed: u64,
    copies: u64,
}

/// Hashes the two ends of a connection, alike for both directions, with a random secret.
#[derive(Clone, Debug, Default)]
pub struct TupleHasher(RandomState);

impl TupleHasher {
    /// The same for `a` to `b` and `b` to `a`.
    #[must_use]
    pub fn hash(&self, a: Endpoint, b: Endpoint) -> u64 {
        // Numbers are sooner compared and hashed than enums.
        let number = |addr: IpAddr, port: u16| match addr {
            IpAddr::V4(addr) => (0, u64::from(addr.to_bits()) << 16 | u64::from(port)),
            IpAddr::V6(addr) => (addr.to_bits(), u64::from(port)),
        };
        match (number(a.addr, a.port), number(b.addr, b.port)) {
            ((0, a), (0, b)) => self.0.hash_one(u128::from(a.min(b)) << 64 | u128::from(a.max(b))),
            (a, b) => self.0.hash_one((a.min(b), a.max(b))),
        }
    }
}

impl Tracker {
    /// Connections kept unpacked at a time, at most 2 KiB each unless bytes are missing.
    pub const MAX_TRACKED: usize = 32_768;

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
        let known = self.latest.filter(|&latest| self.is_between(latest, src, dst));
        let known = known.or_else(|| self.find(src, dst));
        let index = match known {
            Some(i) if !begins_anew(&self.wake(i).connection, src, &at.segment) => i,
            before => self.insert(before, originator(src, dst, at.segment.flags)),
        };
        self.latest = Some(index);
        let tracked = self.slots[index as usize].tracked();
        let direction = tracked.connection.direction_from(src);
        let Verdict { class, certainty, new_bytes, .. } = tracked.push(direction, at);
        self.pushed += 1;
        self.copies += u64::from(class == SegmentClass::Copy);
        if self.pushed.is_multiple_of(PACKETS_A_LOOK) || known != Some(index) {
            self.pack_idle(at.time);
        }
        // At most the payload of one segment.
        let new_bytes = u32::try_from(new_bytes).unwrap_or(u32::MAX);
        Judgement { connection: index as usize, direction, class, certainty, new_bytes }
    }

    /// Takes an ICMP error. It is noted with the connection whose segment it quotes; one about a segment that was not
    /// captured, or was translated on its way, belongs to none.
    pub fn push_icmp(&mut self, frame: FrameRef, time: Timestamp, error: &IcmpError) {
        if let Some(index) = self.find(error.src, error.dst) {
            self.wake(index).connection.icmp_error(frame, time, error);
        }
    }

    /// All connections, in order of their first packets.
    #[must_use]
    pub fn finish(self) -> Connections {
        Connections::new(self.slots, self.copies)
    }

    fn find(&self, src: Endpoint, dst: Endpoint) -> Option<u32> {
        let hash = self.hasher.hash(src, dst);
        self.table.find(hash, |&index| self.is_between(index, src, dst)).copied()
    }

    fn is_between(&self, index: u32, a: Endpoint, b: Endpoint) -> bool {
        let ends = self.slots[index as usize].ends();
        ends == (a, b) || ends == (b, a)
    }

    fn wake(&mut self, index: u32) -> &mut Tracked {
        let slot = &mut self.slots[index as usize];
        if matches!(slot, Slot::Packed(_)) {
            self.tracked.push_back(index);
        }
        slot.tracked()
    }

    fn insert(&mut self, before: Option<u32>, (orig, resp): (Endpoint, Endpoint)) -> u32 {
        // Four billion connections would need more memory than there is; the last index is then shared.
        let index = u32::try_from(self.slots.len()).unwrap_or(u32::MAX - 1);
        let incarnation =
            before.map_or(1, |b| self.wake(b).connection.incarnation.saturating_add(1));
        self.slots.push(Slot::Tracked(Box::new(Tracked::new(orig, resp, incarnation))));
        self.tracked.push_back(index);
        let (hasher, slots) = (&self.hasher, &self.slots);
        let rehash = |&i: &u32| {
            let (orig, resp) = slots[i as usize].ends();
            hasher.hash(orig, resp)
        };
        let hash = hasher.hash(orig, resp);
        match before.and_then(|before| self.table.find_mut(hash, |&i| i == before)) {
            Some(slot) => *slot = index,
            None => _ = self.table.insert_unique(hash, index, rehash),
        }
        index
    }

    /// Looks at the two connections that were looked at the longest time ago.
    fn pack_idle(&mut self, now: Timestamp) {
        for _ in 0..2 {
            let Some(index) = self.tracked.pop_front() else { return };
            let idle = if self.tracked.len() < Self::MAX_TRACKED { IDLE } else { i64::MIN };
            if !self.slots[index as usize].pack(now, idle) {
                self.tracked.push_back(index);
            }
        }
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

/// Originator and responder, as the first captured segment of a connection tells them.
fn originator(src: Endpoint, dst: Endpoint, flags: TcpFlags) -> (Endpoint, Endpoint) {
    let ephemeral = |e: Endpoint| e.port >= FIRST_EPHEMERAL_PORT;
    let from_responder = if flags.contains(TcpFlags::SYN) {
        flags.contains(TcpFlags::ACK)
    } else {
        !ephemeral(src) && ephemeral(dst)
    };
    if from_responder { (dst, src) } else { (src, dst) }
}

/// Start of Linux's default ephemeral range.
const FIRST_EPHEMERAL_PORT: u16 = 32_768;

/// Nanoseconds without a packet after which a connection is packed.
const IDLE: i64 = 1_000_000_000;

/// Packets after which connections are looked at even where no new ones come.
const PACKETS_A_LOOK: u64 = 8;

#[cfg(test)]
mod class_tests;
#[cfg(test)]
mod tests;
