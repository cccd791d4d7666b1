//! Packets that the capture recorded twice.

use std::fmt;
use std::hash::BuildHasher;

use crosscap_packet::{Segment, Timestamp};
use foldhash::fast::FixedState;

use crate::Sighting;
use crate::pack::Code;

/// The last packets of a flow, in a ring. Bridges and cooked captures show each packet several times, microseconds
/// apart, and a burst may lie between the copies.
#[derive(Clone, Default)]
pub(super) struct Recent {
    /// The low halves of their times (none is more than [`KEPT`] times [`COPY_WINDOW`] older than the latest), and their
    /// digests.
    ring: [(u32, u32); KEPT],
    latest: u8,
    len: u8,
}

impl Recent {
    /// `digest` is that of the packet, `last` the time of the one before.
    pub(super) fn remember(&mut self, at: &Sighting, last: Option<Timestamp>, digest: u32) {
        // Copies come in the order of what they are copies of: the earlier ones can have none any more.
        if last.is_none_or(|last| at.time.since(last).abs() > COPY_WINDOW) {
            self.len = 0;
        }
        self.latest = (self.latest + 1) % KEPT as u8;
        self.len = (self.len + 1).min(KEPT as u8);
        let slot = usize::from(self.latest);
        self.ring[slot] = (low(at.time), digest);
    }

    /// Keeps only the latest: nobody sends a burst any more.
    pub(super) fn closed(&mut self) {
        self.len = self.len.min(KEPT_CLOSED);
    }

    /// Passes over its numbers. `known` are packets that are likely among them, `last` is the time of the latest.
    pub(super) fn code(
        &mut self,
        c: &mut impl Code,
        last: Timestamp,
        known: [Option<&Sighting>; 2],
    ) {
        c.byte(&mut self.len);
        let mut later = low(last);
        let known = known.map(|at| at.map(|at| (low(at.time), digest(&at.segment))));
        for slot in self.slots() {
            let (time, digest) = &mut self.ring[slot];
            let mut which = 0;
            for (place, known) in (1..).zip(known) {
                if known == Some((*time, *digest)) {
                    which = place;
                }
            }
            c.byte(&mut which);
            match usize::from(which).checked_sub(1).and_then(|i| *known.get(i)?) {
                Some(known) => (*time, *digest) = known,
                None => {
                    c.near_u32(time, later);
                    c.random(digest);
                }
            }
            later = *time;
        }
    }

    /// Whether the packet is one of them; `last` is the time of the latest. Resets and others without an identification
    /// of their own may be sent twice in a row; they are not judged.
    pub(super) fn has(&self, at: &Sighting, last: Timestamp, digest: u32) -> bool {
        let s = &at.segment;
        let identified = s.ip_id != 0 || (s.timestamps.is_some() && s.seq_len() > 0);
        // Nearer than that, the low halves of the times are enough.
        let near = at.time.since(last).abs() <= COPY_WINDOW * (KEPT as i64 + 1);
        identified
            && near
            && self.slots().any(|slot| {
                let (time, known) = self.ring[slot];
                let age = low(at.time).wrapping_sub(time).cast_signed();
                known == digest && i64::from(age).abs() <= COPY_WINDOW
            })
    }

    /// The latest first.
    fn slots(&self) -> impl Iterator<Item = usize> + use<> {
        let latest = usize::from(self.latest);
        (0..usize::from(self.len).min(KEPT)).map(move |age| (latest + KEPT - age) % KEPT)
    }
}

impl fmt::Debug for Recent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.slots().map(|i| self.ring[i])).finish()
    }
}

/// Of what [`Segment::is_copy_of`] compares. Only packets that say nothing new are looked up: one in five hundred
/// million of them is taken for a copy by chance.
pub(super) fn digest(segment: &Segment) -> u32 {
    let hash = FixedState::with_seed(0).hash_one(segment.copy_key());
    (hash >> 32) as u32
}

/// Truncation is the modulus.
fn low(time: Timestamp) -> u32 {
    time.0 as u32
}

/// A burst of as many may lie between the copies of its packets.
const KEPT: usize = 15;

const KEPT_CLOSED: u8 = 2;

/// How far apart two records of one packet may lie, in nanoseconds: no stack resends this fast.
pub(crate) const COPY_WINDOW: i64 = 10_000_000;
