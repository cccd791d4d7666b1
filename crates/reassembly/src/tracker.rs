//! From segments to connections.

use std::collections::VecDeque;
use std::hash::BuildHasher;
use std::net::IpAddr;

use crosscap_packet::{Endpoint, FrameRef, IcmpError, Segment, TcpFlags, TcpPacket, Timestamp};
use foldhash::quality::RandomState;
use hashbrown::HashTable;

use crate::connections::Counts;
use crate::flow::{COPY_WINDOW, Recent, Verdict};
use crate::store::{Entry, Store};
use crate::{
    Connection, Connections, Echoes, Flow, Judgement, Limits, SegmentClass, Sighting, limits,
};

/// Finds the connection of each segment and keeps all connections of one observation point.
///
/// Four-tuples are hashed with a random secret: who writes the capture cannot choose collisions. The secret does not
/// show in any result.
///
/// Connections that have ended, and those that have said nothing for the longest time where more than
/// [`MAX_TRACKED`](Self::MAX_TRACKED) are busy, are packed into some two hundred bytes until they go on. Nothing is lost
/// by it, so that results do not depend on what else was captured, up to [`Limits`].
#[derive(Debug, Default)]
pub struct Tracker {
    store: Store,
    recent: Recent,
    /// The number of the latest incarnation of each four-tuple.
    table: HashTable<Entry>,
    hasher: TupleHasher,
    /// Those that have ended lately: an acknowledgement or so may yet come.
    ended: VecDeque<u32>,
    /// The seat of the one that the last segment was of: most come in trains.
    latest: Option<u32>,
    limits: Limits,
    counts: Counts,
    /// Holes in all streams.
    holes: usize,
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
    /// Connections kept unpacked at a time, at most 2 KiB each unless bytes are missing: as many as caches hold.
    pub const MAX_TRACKED: usize = Store::SEATS;

    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty one that keeps no more than that.
    #[must_use]
    pub fn with_limits(limits: Limits) -> Self {
        let connections = limits.connections.max(8);
        Self { limits: Limits { connections, ..limits }, ..Self::default() }
    }

    /// The next file begins, the first one first, with so many frames in all files before it. Whoever reads several files as
    /// one capture says so, that copies are recognised across their borders.
    pub fn begin_file(&mut self, frames_before: u64) {
        self.recent.begin_file(frames_before);
    }

    /// Takes the next segment in capture order, in which frames ascend, and says whose it is and what it was.
    pub fn push(&mut self, frame: FrameRef, time: Timestamp, packet: &TcpPacket<'_>) -> Judgement {
        self.push_segment(packet.src, packet.dst, Sighting { time, frame, segment: packet.segment })
    }

    /// As [`push`](Self::push), for a segment from `src` to `dst` whose bytes are no longer at hand.
    pub fn push_segment(&mut self, src: Endpoint, dst: Endpoint, at: Sighting) -> Judgement {
        let known = self.latest.filter(|&latest| self.store.is_at(latest, src, dst));
        let known = known.or_else(|| self.find(src, dst));
        let seat = match known {
            Some(seat) if !begins_anew(&self.store.at(seat).1.connection, src, &at.segment) => seat,
            before => self.insert(before, originator(src, dst, at.segment.flags)),
        };
        self.latest = Some(seat);
        let (index, tracked) = self.store.at(seat);
        let direction = tracked.connection.direction_from(src);
        if at.segment.flags.contains(TcpFlags::SYN | TcpFlags::ACK) {
            self.counts.echoes.add(echo(tracked.connection.flow(direction), &at));
        }
        let (holes, forgotten) = tracked.connection.flow(direction).holes();
        let Verdict { class, certainty, new_bytes, .. } =
            tracked.push(direction, at, &mut self.recent);
        let flow = &mut tracked.connection.flows[direction as usize];
        self.holes = (self.holes + flow.holes().0).saturating_sub(holes);
        if flow.holes().0 > holes && self.holes > self.limits.holes {
            flow.forget_hole();
            self.holes -= 1;
        }
        self.counts.forgotten_holes += u64::from(flow.holes().1 > forgotten);
        let is_leaving = tracked.is_leaving();
        self.counts.copies += u64::from(class == SegmentClass::Copy);
        if is_leaving {
            self.leave(index);
        }
        // At most the payload of one segment.
        let new_bytes = u32::try_from(new_bytes).unwrap_or(u32::MAX);
        Judgement { connection: index as usize, direction, class, certainty, new_bytes }
    }

    /// Takes an ICMP error. It is noted with the connection whose segment it quotes; one about a segment that was not
    /// captured, or was translated on its way, belongs to none.
    pub fn push_icmp(&mut self, frame: FrameRef, time: Timestamp, error: &IcmpError) {
        if let Some(seat) = self.find(error.src, error.dst) {
            self.store.at(seat).1.connection.icmp_error(frame, time, error);
        }
    }

    /// All connections, in order of their first packets.
    #[must_use]
    pub fn finish(mut self) -> Connections {
        for &index in &self.ended {
            self.store.pack(index);
        }
        self.counts.evicted = self.store.evicted() as u64;
        Connections::new(self.store, self.counts)
    }

    /// Half the hash of a four-tuple.
    fn tag(&self, a: Endpoint, b: Endpoint) -> u32 {
        self.hasher.hash(a, b) as u32
    }

    /// The seat of the latest connection between two ends.
    fn find(&mut self, a: Endpoint, b: Endpoint) -> Option<u32> {
        let tag = self.tag(a, b);
        self.store.find(tag, a, b).or_else(|| {
            let is_it = |e: &Entry| e.tag == tag && self.store.is_between(e.place, a, b);
            let number = self.table.find(Entry::hash(tag), is_it)?.place;
            self.store.wake(number, tag)
        })
    }

    /// A new connection; its seat. `before` is that of the one before it.
    fn insert(&mut self, before: Option<u32>, (orig, resp): (Endpoint, Endpoint)) -> u32 {
        let tag = self.tag(orig, resp);
        let hash = Entry::hash(tag);
        let last = before.map(|before| {
            let (number, tracked) = self.store.at(before);
            (number, tracked.connection.incarnation)
        });
        let incarnation = last.map_or(1, |(_, last)| last.saturating_add(1));
        let seat = self.store.push(orig, resp, incarnation, tag, before);
        let (number, _) = self.store.at(seat);
        match last.and_then(|(last, _)| self.table.find_mut(hash, |e| e.place == last)) {
            Some(entry) => entry.place = number,
            None => {
                let rehash = |e: &Entry| Entry::hash(e.tag);
                self.table.insert_unique(hash, Entry { place: number, tag }, rehash);
            }
        }
        if self.store.kept() > self.limits.connections {
            self.evict(number);
        }
        seat
    }

    /// Makes room for others than the newest.
    fn evict(&mut self, newest: u32) {
        let (table, hasher, holes) = (&mut self.table, &self.hasher, &mut self.holes);
        limits::evict(&mut self.store, self.limits.connections, newest, |number, [a, b], lost| {
            let hash = Entry::hash(hasher.hash(a, b) as u32);
            if let Ok(entry) = table.find_entry(hash, |e| e.place == number) {
                entry.remove();
            }
            *holes = holes.saturating_sub(lost);
        });
        self.latest = None;
    }

    /// Notes that a connection has ended, and packs the one that did so long enough ago.
    fn leave(&mut self, index: u32) {
        self.ended.push_back(index);
        if self.ended.len() > LEAVING
            && let Some(index) = self.ended.pop_front()
        {
            self.store.pack(index);
            // It may be the one whose seat is free now.
            self.latest = None;
        }
    }
}

/// Whether a SYN-ACK is the first one of its end once more, as another place or another clock captured it: sent again it
/// would have another IP identification or timestamp.
fn echo(flow: &Flow, at: &Sighting) -> Echoes {
    let Some(first) = flow.first.filter(|first| first.segment.is_copy_of(&at.segment)) else {
        return Echoes::default();
    };
    let apart = at.time.since(first.time).saturating_abs();
    let elsewhere = apart > COPY_WINDOW || first.frame.file() != at.frame.file();
    if at.segment.is_identified() && elsewhere {
        Echoes { count: 1, apart: [apart; 2] }
    } else {
        Echoes::default()
    }
}

/// Whether a segment on a used four-tuple opens a new connection: a SYN whose sequence number is not the one its sender
/// began with, or the answer to such a SYN. The same one is a SYN sent again.
fn begins_anew(connection: &Connection, src: Endpoint, segment: &Segment) -> bool {
    if !segment.flags.contains(TcpFlags::SYN) {
        return false;
    }
    let direction = connection.direction_from(src);
    let flow = connection.flow(direction);
    if segment.flags.contains(TcpFlags::ACK) {
        let is_syn = |first: &&Sighting| first.segment.flags.contains(TcpFlags::SYN);
        // What it acknowledged before; else what the other end began with.
        let answered = flow.first.as_ref().filter(is_syn).map(|first| first.segment.ack);
        let peer = connection.flow(direction.reverse());
        let asked = peer.isn.map(|isn| isn + 1).or(answered);
        // Whoever answers one SYN twice may choose another number (RFC 4987 §3.6).
        let others = TcpFlags::FIN | TcpFlags::RST | TcpFlags::PSH | TcpFlags::URG;
        // With those it is damaged.
        return !segment.flags.intersects(others)
            && flow.isn.is_some_and(|isn| isn != segment.seq)
            && asked.is_some_and(|asked| asked != segment.ack);
    }
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

/// Connections that end before one that has ended is packed.
const LEAVING: usize = 1_024;

#[cfg(test)]
mod class_tests;
#[cfg(test)]
mod tests;
