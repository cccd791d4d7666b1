//! Packets that the capture recorded twice.

use std::hash::BuildHasher;

use crosscap_packet::{FrameRef, Segment, Timestamp};
use foldhash::fast::FixedState;

use crate::Sighting;

/// The last packets of a capture point. Bridges and captures of all interfaces show each packet several times, soon one
/// after the other, but a burst of many may lie between: stacks hand packets on in batches.
///
/// One ring for all flows: a packet costs a line of it written in sequence, and a flow nothing at all. The packets of a
/// flow are a chain through it, whose end is [`Flow::last`](super::Flow::last). Each lies where its place in the capture
/// says, so that what is found depends only on the packets of the flow and how far they are apart.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recent {
    /// [`FRAMES`] from the first packet on.
    ring: Vec<Entry>,
    /// Frames in the files before each, where that was told.
    before: Vec<u64>,
}

/// A packet.
#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    digest: u64,
    /// The low half of its time.
    time: u32,
    /// How many frames before it the packet of its flow before it is; 0 where that is long ago.
    back: u32,
}

impl Recent {
    /// The next file begins: so many frames are in those before it.
    pub(crate) fn begin_file(&mut self, frames_before: u64) {
        self.before.push(frames_before);
    }

    /// `last` is the packet of its flow before it, `digest` its own.
    pub(super) fn remember(&mut self, at: &Sighting, last: Option<&Sighting>, digest: u64) {
        if self.ring.is_empty() {
            self.ring.resize(FRAMES, Entry::default());
        }
        let place = self.place(at.frame);
        // Copies come in the order of what they are copies of: the earlier ones can have none any more.
        let back = last
            .filter(|last| at.time.since(last.time).abs() <= COPY_WINDOW)
            .and_then(|last| u32::try_from(place.checked_sub(self.place(last.frame))?).ok());
        self.ring[slot(place)] = Entry { digest, time: low(at.time), back: back.unwrap_or(0) };
    }

    /// Whether the packet is one that was remembered; `last` is the packet of its flow before it. Resets and others without
    /// an identification of their own may be sent twice in a row; they are not judged.
    pub(super) fn has(&self, at: &Sighting, last: &Sighting, digest: u64) -> bool {
        let s = &at.segment;
        let identified = s.ip_id != 0 || (s.timestamps.is_some() && s.seq_len() > 0);
        // Nearer than that, the low halves of the times are enough: none in a chain is much further from the next.
        if !identified || at.time.since(last.time).abs() > COPY_WINDOW {
            return false;
        }
        let here = self.place(at.frame);
        let mut place = self.place(last.frame);
        for _ in 0..STEPS {
            let is_there = here.checked_sub(place).is_some_and(|away| away < FRAMES as u64);
            let Some(entry) = self.ring.get(slot(place)).filter(|_| is_there) else { return false };
            let age = low(at.time).wrapping_sub(entry.time).cast_signed();
            if i64::from(age).abs() > COPY_WINDOW {
                return false;
            }
            if entry.digest == digest {
                return true;
            }
            if entry.back == 0 {
                return false;
            }
            place = place.wrapping_sub(entry.back.into());
        }
        false
    }

    /// Of a frame, in the capture as a whole. Frames of a file that was not told of are far from all others.
    fn place(&self, frame: FrameRef) -> u64 {
        match self.before.get(usize::from(frame.file())) {
            Some(before) => before + frame.number(),
            None => u64::from(frame.file()) << 48 | frame.number(),
        }
    }
}

/// Of what [`Segment::is_copy_of`] compares.
pub(super) fn digest(segment: &Segment) -> u64 {
    FixedState::with_seed(0).hash_one(segment.copy_key())
}

fn slot(place: u64) -> usize {
    (place % FRAMES as u64) as usize
}

/// Truncation is the modulus.
fn low(time: Timestamp) -> u32 {
    time.0 as u32
}

/// How far apart two records of one packet may lie, in frames of the capture.
const FRAMES: usize = 1 << 14;

/// How many packets of their flow may lie between them: several times what Linux handles in one go, which is 64.
const STEPS: usize = 256;

/// How far apart they may lie in time, in nanoseconds: no stack resends this fast.
pub(crate) const COPY_WINDOW: i64 = 10_000_000;
