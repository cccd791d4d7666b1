//! Which packets both captures were running for.

use crosscap_packet::{FrameRef, Timestamp};
use crosscap_reassembly::Direction;

use super::trace::Trace;
use crate::{Bounds, Clock};

/// A leg, and what is known of its capture.
#[derive(Clone, Copy)]
pub(super) struct Seen<'a> {
    pub(super) trace: &'a Trace,
    pub(super) point: usize,
    /// The first and the last packet of the capture, whatever they are.
    pub(super) span: Option<[Timestamp; 2]>,
    pub(super) clock: Option<&'a Clock>,
    /// Whether the capture is known to have missed packets.
    pub(super) lossy: bool,
    /// Whether it holds one direction of each connection only.
    pub(super) one_direction: bool,
}

impl Seen<'_> {
    /// Whether the capture holds no packets of this direction, whatever was sent.
    pub(super) fn leaves_out(&self, direction: Direction) -> bool {
        self.one_direction && self.trace.packets(direction).is_empty()
    }

    /// Earliest, estimated and latest reference time.
    fn reference(&self, time: Timestamp) -> Option<[i64; 3]> {
        Some(self.clock?.to_reference(time).map(Timestamp::as_nanos))
    }

    /// How long something took that left here at one time and came there at another.
    pub(super) fn delay_to(
        &self,
        there: &Self,
        left: Timestamp,
        came: Timestamp,
    ) -> Option<Bounds> {
        if self.point == there.point {
            let nanos = came.since(left);
            return Some(Bounds { low: nanos, estimate: nanos, high: nanos });
        }
        let ([early, estimate, late], [first, middle, last]) =
            (self.reference(left)?, there.reference(came)?);
        // A packet cannot arrive before it was sent.
        let high = last.saturating_sub(early).max(0);
        let low = first.saturating_sub(late).max(0);
        Some(Bounds { low, estimate: middle.saturating_sub(estimate).clamp(low, high), high })
    }

    /// Whether something surely happened here after something happened there.
    pub(super) fn is_after(&self, there: &Self, time: Timestamp, before: Timestamp) -> bool {
        if self.point == there.point {
            return time > before;
        }
        let both = self.reference(time).zip(there.reference(before));
        both.is_some_and(|([earliest, ..], [.., latest])| earliest > latest)
    }
}

/// The frames of one leg that the other capture was running for.
pub(super) struct Window<'a> {
    here: Seen<'a>,
    there: Seen<'a>,
    /// Between packets that both have.
    met: Option<(FrameRef, FrameRef)>,
    /// Nanoseconds that the other capture must have been running before the packet, and after it.
    before: i64,
    after: i64,
}

impl<'a> Window<'a> {
    pub(super) fn new(
        here: Seen<'a>,
        there: Seen<'a>,
        met: Option<(FrameRef, FrameRef)>,
        [before, after]: [i64; 2],
    ) -> Self {
        Self { here, there, met, before, after }
    }

    pub(super) fn covers(&self, frame: FrameRef, time: Timestamp) -> bool {
        self.met.is_some_and(|(first, last)| first <= frame && frame <= last)
            || self.by_clock(time).unwrap_or(false)
    }

    fn by_clock(&self, time: Timestamp) -> Option<bool> {
        let [first, last] = self.there.span?;
        let (low, high, begin, end) = if self.here.point == self.there.point {
            let t = time.as_nanos();
            (t, t, first.as_nanos(), last.as_nanos())
        } else {
            let [low, _, high] = self.here.reference(time)?;
            (low, high, self.there.reference(first)?[2], self.there.reference(last)?[0])
        };
        Some(low.saturating_sub(self.before) >= begin && high.saturating_add(self.after) <= end)
    }
}
