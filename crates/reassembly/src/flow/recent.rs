//! Packets that the capture recorded twice.

use std::hash::BuildHasher;

use crosscap_packet::{Segment, Timestamp};
use foldhash::fast::FixedState;

use crate::Sighting;

/// The last packets of a flow, the latest first. Bridges and cooked captures show each packet several times,
/// microseconds apart, and a burst may lie between the copies.
#[derive(Clone, Debug, Default)]
pub(super) struct Recent([Option<(Timestamp, u32)>; KEPT]);

impl Recent {
    pub(super) fn remember(&mut self, at: &Sighting) {
        self.0.rotate_right(1);
        self.0[0] = Some((at.time, digest(&at.segment)));
    }

    /// Whether the packet is one of them. Resets and others without an identification of their own may be sent twice in a
    /// row; they are not judged.
    pub(super) fn has(&self, at: &Sighting) -> bool {
        let s = &at.segment;
        let identified = s.ip_id != 0 || (s.timestamps.is_some() && s.seq_len() > 0);
        let digest = digest(s);
        identified
            && self.0.iter().flatten().any(|&(time, earlier)| {
                earlier == digest && at.time.since(time).abs() <= COPY_WINDOW
            })
    }
}

/// Of what [`Segment::is_copy_of`] compares. Only packets that say nothing new are looked up: one in five hundred
/// million of them is taken for a copy by chance.
fn digest(segment: &Segment) -> u32 {
    let hash = FixedState::with_seed(0).hash_one(segment.copy_key());
    (hash >> 32) as u32
}

const KEPT: usize = 8;

/// How far apart two records of one packet may lie, in nanoseconds: no stack resends this fast.
const COPY_WINDOW: i64 = 10_000_000;
