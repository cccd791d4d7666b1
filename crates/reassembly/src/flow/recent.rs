//! Packets that the capture recorded twice.

use std::hash::BuildHasher;

use crosscap_packet::{FrameRef, OptionSummary, Segment, SeqNumber, TcpFlags, Timestamp};
use foldhash::fast::FixedState;

use crate::{Certainty, Sighting};

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
    /// Of what the parts of one packet have in common, however it was cut.
    group: u32,
    seq: SeqNumber,
    /// Sequence space.
    len: u32,
    /// The low half of its time.
    time: u32,
    /// Sequence space that copies of it took, one for each that takes none.
    again: u32,
    ip_id: u16,
    /// How many frames before it the packet of its flow before it is; 0 where that is long ago.
    back: u16,
    /// Into how long parts it was seen to be cut; 0 where it was not.
    part: u16,
}

impl Recent {
    /// The next file begins: so many frames are in those before it.
    pub(crate) fn begin_file(&mut self, frames_before: u64) {
        self.before.push(frames_before);
    }

    /// `last` is the packet of its flow before it.
    pub(super) fn remember(&mut self, at: &Sighting, last: Option<&Sighting>) {
        if self.ring.is_empty() {
            self.ring.resize(FRAMES, Entry::default());
        }
        let place = self.place(at.frame);
        // Copies come in the order of what they are copies of: the earlier ones can have none any more.
        let back = last
            .filter(|last| at.time.since(last.time).saturating_abs() <= COPY_WINDOW)
            .and_then(|last| u16::try_from(place.checked_sub(self.place(last.frame))?).ok());
        self.ring[slot(place)] = Entry { back: back.unwrap_or(0), ..Entry::of(at) };
    }

    /// Whether the packet is one that was remembered, cut otherwise perhaps, and how sure that is. `last` is the packet of
    /// its flow before it; what comes more often than `most` times after the first is something else.
    pub(super) fn find(&mut self, at: &Sighting, last: &Sighting, most: u8) -> Option<Certainty> {
        // Nearer than that, the low halves of the times are enough: none in a chain is much further from the next.
        if at.time.since(last.time).saturating_abs() > COPY_WINDOW {
            return None;
        }
        let (here, packet) = (self.place(at.frame), Entry::of(at));
        let mut place = self.place(last.frame);
        for _ in 0..STEPS {
            here.checked_sub(place).filter(|&away| away < FRAMES as u64)?;
            let entry = self.ring.get_mut(slot(place))?;
            let age = packet.time.wrapping_sub(entry.time).cast_signed();
            if i64::from(age).abs() > COPY_WINDOW {
                return None;
            }
            if let Some(certainty) = packet.is_copy_of(entry) {
                entry.again = entry.again.saturating_add(packet.len.min(entry.len).max(1));
                let is_left = entry.again <= entry.len.max(1).saturating_mul(most.into());
                return is_left.then_some(certainty);
            }
            if entry.back == 0 {
                return None;
            }
            place = place.wrapping_sub(entry.back.into());
        }
        None
    }

    /// Of a frame, in the capture as a whole. Frames of a file that was not told of are far from all others.
    fn place(&self, frame: FrameRef) -> u64 {
        match self.before.get(usize::from(frame.file())) {
            Some(before) => before + frame.number(),
            None => u64::from(frame.file()) << 48 | frame.number(),
        }
    }
}

impl Entry {
    fn of(at: &Sighting) -> Self {
        let s = &at.segment;
        let (seq, len) = (s.seq, s.seq_len());
        Self { group: group(s), seq, len, time: low(at.time), ip_id: s.ip_id, ..Self::default() }
    }

    /// Whether it is `other`, a part of it, or more of which that is the first part.
    ///
    /// Where packets are handed on in larger units than those on the wire, an interface shows them as one and the next one
    /// in parts, or the other way round. Parts have the header of the whole; only the IP identification, where there is
    /// one, counts on with most devices. That of a retransmission is behind those of all parts.
    fn is_copy_of(&self, other: &mut Self) -> Option<Certainty> {
        if self.group != other.group {
            return None;
        }
        let ids = u32::from(self.ip_id.wrapping_sub(other.ip_id));
        if self.seq == other.seq && ids == 0 {
            if self.len == other.len {
                return Some(Certainty::Decided);
            }
            if self.len == 0 || other.len == 0 {
                return None;
            }
            if self.len < other.len {
                other.part = u16::try_from(self.len).unwrap_or(0);
            }
            return Some(Certainty::Inferred);
        }
        let from = u32::try_from(self.seq.ahead_of(other.seq)).ok()?;
        let place = from.checked_div(other.part.into())?;
        let is_part = from == place * u32::from(other.part)
            && (ids == place || ids == 0)
            && self.len > 0
            && from.saturating_add(self.len) <= other.len;
        is_part.then_some(Certainty::Inferred)
    }
}

/// Of what segmentation offload copies to every part of a packet, and what parts must have in common to be put together.
fn group(s: &Segment) -> u32 {
    let flags = s.flags.0 & !(TcpFlags::PSH | TcpFlags::FIN | TcpFlags::CWR).0;
    let header = u64::from(s.ack.0) << 32 | u64::from(s.window) << 16 | u64::from(flags);
    let (stamped, stamps) = match s.timestamps {
        Some(t) => (1 << 8, u64::from(t.value) << 32 | u64::from(t.echo_reply)),
        None => (0, 0),
    };
    let mut key = u128::from(header | stamped) << 64 | u128::from(stamps);
    if let OptionSummary::Sack { start, end, .. } = s.options {
        key ^= u128::from(start.0) << 64 ^ u128::from(end.0) << 32;
    }
    (FixedState::with_seed(0).hash_one(key) >> 32) as u32
}

fn slot(place: u64) -> usize {
    (place % FRAMES as u64) as usize
}

/// Truncation is the modulus.
fn low(time: Timestamp) -> u32 {
    time.0 as u32
}

/// How far apart two records of one packet may lie, in frames of the capture.
const FRAMES: usize = 1 << 13;

const _: () = assert!(FRAMES <= 1 << 16 && size_of::<Entry>() == 28);

/// How many packets of their flow may lie between them: several times what Linux handles in one go, which is 64.
const STEPS: usize = 256;

/// How far apart they may lie in time, in nanoseconds: no stack resends this fast.
pub(crate) const COPY_WINDOW: i64 = 10_000_000;
