//! Packets that the capture recorded twice.

use std::hash::BuildHasher;

use crosscap_packet::{Segment, Timestamp};
use foldhash::fast::FixedState;

use crate::pack::Code;

use crate::Sighting;

/// The last packets of a flow, the latest first. Bridges and cooked captures show each packet several times,
/// microseconds apart, and a burst may lie between the copies.
#[derive(Clone, Debug, Default)]
pub(super) struct Recent([Option<(Timestamp, u32)>; KEPT]);

impl Recent {
    /// `digest` is that of the packet.
    pub(super) fn remember(&mut self, at: &Sighting, digest: u32) {
        self.0.rotate_right(1);
        self.0[0] = Some((at.time, digest));
        // Copies come in the order of what they are copies of: these can have none any more.
        for packet in &mut self.0[1..] {
            if packet.is_some_and(|(time, _)| at.time.since(time) > COPY_WINDOW) {
                *packet = None;
            }
        }
    }

    /// Keeps only the latest: nobody sends a burst any more.
    pub(super) fn closed(&mut self) {
        self.0[KEPT_CLOSED..].fill(None);
    }

    /// Passes over its numbers.
    pub(super) fn code(&mut self, c: &mut impl Code, now: Timestamp) {
        let mut is = self.0.map(|packet| packet.is_some());
        c.flags(&mut is);
        let mut later = now;
        for (slot, _) in self.0.iter_mut().zip(is).filter(|(_, is)| *is) {
            let (time, digest) = slot.get_or_insert((now, 0));
            c.near(&mut time.0, later.0);
            c.random(digest);
            later = *time;
        }
    }

    /// Whether the packet is one of them. Resets and others without an identification of their own may be sent twice in a
    /// row; they are not judged.
    pub(super) fn has(&self, at: &Sighting, digest: u32) -> bool {
        let s = &at.segment;
        let identified = s.ip_id != 0 || (s.timestamps.is_some() && s.seq_len() > 0);
        identified
            && self.0.iter().flatten().any(|&(time, earlier)| {
                earlier == digest && at.time.since(time).abs() <= COPY_WINDOW
            })
    }
}

/// Of what [`Segment::is_copy_of`] compares. Only packets that say nothing new are looked up: one in five hundred
/// million of them is taken for a copy by chance.
pub(super) fn digest(segment: &Segment) -> u32 {
    let hash = FixedState::with_seed(0).hash_one(segment.copy_key());
    (hash >> 32) as u32
}

const KEPT: usize = 8;

const KEPT_CLOSED: usize = 2;

/// How far apart two records of one packet may lie, in nanoseconds: no stack resends this fast.
const COPY_WINDOW: i64 = 10_000_000;
