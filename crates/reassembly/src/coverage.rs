//! Which bytes of a flow were seen.

use std::collections::BTreeMap;

use crosscap_packet::{Segment, SeqNumber, Timestamp};

use crate::pack::Code;

/// The stream offsets seen so far: everything in `low..high` but the holes.
///
/// Offsets are relative to the flow's base and may be negative where the capture began in the middle of the connection.
/// A flow without loss or reordering costs two numbers; holes cost a map entry each, up to [`MAX_HOLES`].
#[derive(Clone, Debug, Default)]
pub(crate) struct Coverage {
    low: i64,
    high: i64,
    // Boxed: most flows have none, and there are many flows.
    holes: Option<Box<Holes>>,
}

/// What is missing.
#[derive(Clone, Debug, Default)]
struct Holes {
    // Invariant: disjoint, not adjacent, none empty, all inside low..high; by their start.
    known: BTreeMap<i64, Hole>,
    /// Bytes of holes that are no longer remembered.
    forgotten: u64,
}

/// Bytes that were not seen, though later ones were.
#[derive(Clone, Copy, Debug)]
struct Hole {
    end: i64,
    opened: Opener,
}

/// The packet that showed a hole: it was sent after what belongs there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Opener {
    pub(crate) time: Timestamp,
    /// The sender's clock, where the packet told it.
    pub(crate) sent: Option<SeqNumber>,
    pub(crate) ip_id: u16,
}

impl Opener {
    /// No packet.
    pub(crate) const NOBODY: Self = Self { time: Timestamp(0), sent: None, ip_id: 0 };

    pub(crate) fn new(time: Timestamp, segment: &Segment) -> Self {
        let sent = segment.timestamps.map(|t| SeqNumber(t.value));
        Self { time, sent, ip_id: segment.ip_id }
    }

    /// Passes over its numbers.
    pub(crate) fn code(&mut self, c: &mut impl Code) {
        c.near(&mut self.time.0, 0);
        c.short(&mut self.ip_id);
        let mut is = [self.sent.is_some()];
        c.flags(&mut is);
        c.option(&mut self.sent, is[0], |c, sent| c.near_u32(&mut sent.0, 0));
    }
}

/// What a segment brought.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Added {
    /// Bytes that had not been seen.
    pub(crate) new: u64,
    /// Where the first of them filled a hole: who opened it.
    pub(crate) filled: Option<Opener>,
}

impl Coverage {
    /// The offset behind the highest byte seen.
    pub(crate) fn high(&self) -> i64 {
        self.high
    }

    /// Whether no byte was seen.
    pub(crate) fn is_empty(&self) -> bool {
        self.low == self.high
    }

    /// The offset of the lowest byte seen, at most 0.
    pub(crate) fn low(&self) -> i64 {
        self.low
    }

    /// Bytes inside the seen range that were not captured.
    pub(crate) fn missing(&self) -> u64 {
        self.holes.as_ref().map_or(0, |holes| {
            let known = holes.known.iter();
            holes.forgotten
                + known.map(|(start, hole)| (hole.end - start).unsigned_abs()).sum::<u64>()
        })
    }

    /// Whether a hole begins in `start..end`.
    pub(crate) fn has_hole_in(&self, start: i64, end: i64) -> bool {
        start < end
            && self.holes.as_ref().is_some_and(|h| h.known.range(start..end).next().is_some())
    }

    /// Holes remembered.
    pub(crate) fn hole_count(&self) -> usize {
        self.holes.as_ref().map_or(0, |holes| holes.known.len())
    }

    /// Bytes of holes that were forgotten.
    pub(crate) fn forgotten(&self) -> u64 {
        self.holes.as_ref().map_or(0, |holes| holes.forgotten)
    }

    /// Forgets the lowest hole; its bytes stay missing for ever.
    pub(crate) fn forget_hole(&mut self) {
        if let Some(holes) = &mut self.holes {
            holes.forget_lowest();
        }
    }

    /// Passes over its numbers.
    pub(crate) fn code(&mut self, c: &mut impl Code) {
        c.near(&mut self.high, 0);
        let mut is = [self.low != 0, self.holes.is_some()];
        c.flags(&mut is);
        let [low, holes] = is;
        if low {
            c.near(&mut self.low, 0);
        }
        if holes {
            self.holes.get_or_insert_default().code(c);
        }
    }

    /// Adds `start..end`, which `by` brought.
    pub(crate) fn add(&mut self, start: i64, end: i64, by: Opener) -> Added {
        if start >= end {
            return Added::default();
        }
        // Nearly every segment.
        if start == self.high && self.holes.is_none() {
            self.high = end;
            return Added { new: (end - start).unsigned_abs(), filled: None };
        }
        let mut added = self.fill(start, end);
        if end > self.high {
            added.new += (end - start.max(self.high)).unsigned_abs();
            self.open_hole(self.high, start, by);
            self.high = end;
        }
        if start < self.low {
            added.new += (end.min(self.low) - start).unsigned_abs();
            self.open_hole(end, self.low, by);
            self.low = start;
        }
        added
    }

    /// The stream begins at `floor`, says a SYN that came late: what was not seen behind it is a hole.
    pub(crate) fn begins_at(&mut self, floor: i64, by: Opener) {
        if floor < self.low && self.low - floor < MAX_LATE_SYN {
            self.open_hole(floor, self.low, by);
            self.low = floor;
        }
    }

    /// Removes `start..end` from the holes.
    fn fill(&mut self, start: i64, end: i64) -> Added {
        let mut added = Added::default();
        let Some(holes) = &mut self.holes else { return added };
        while let Some((&hole_start, &hole)) = holes.known.range(..end).next_back() {
            if hole.end <= start {
                break;
            }
            holes.known.remove(&hole_start);
            if hole.end > end {
                holes.known.insert(end, hole);
            }
            added.new += (hole.end.min(end) - hole_start.max(start)).unsigned_abs();
            added.filled = Some(hole.opened);
            if hole_start < start {
                holes.known.insert(hole_start, Hole { end: start, ..hole });
                break;
            }
        }
        if holes.known.is_empty() && holes.forgotten == 0 {
            self.holes = None;
        }
        added
    }

    fn open_hole(&mut self, start: i64, end: i64, opened: Opener) {
        if start < end {
            self.holes.get_or_insert_default().open(start, Hole { end, opened });
        }
    }
}

impl Holes {
    fn open(&mut self, start: i64, hole: Hole) {
        self.known.insert(start, hole);
        if self.known.len() > MAX_HOLES {
            self.forget_lowest();
        }
    }

    fn forget_lowest(&mut self) {
        if let Some((start, hole)) = self.known.pop_first() {
            self.forgotten += (hole.end - start).unsigned_abs();
        }
    }

    /// Passes over its numbers.
    fn code(&mut self, c: &mut impl Code) {
        c.number(&mut self.forgotten);
        let mut count = self.known.len() as u64;
        c.number(&mut count);
        let mut known = std::mem::take(&mut self.known).into_iter();
        let mut before = 0;
        for _ in 0..count {
            let (mut start, mut hole) =
                known.next().unwrap_or((0, Hole { end: 0, opened: Opener::NOBODY }));
            c.near(&mut start, before);
            c.near(&mut hole.end, start);
            before = hole.end;
            hole.opened.code(c);
            self.known.insert(start, hole);
        }
    }
}

/// Holes remembered per flow, so that hostile input cannot buy memory with single bytes. Beyond it the lowest, which is
/// the least likely to be filled, stays a hole for ever: what comes for it counts as resent.
const MAX_HOLES: usize = 4_096;

/// A SYN further back than the largest window is not believed.
const MAX_LATE_SYN: i64 = 1 << 30;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        /// The same as a set of single bytes.
        #[test]
        fn agrees_with_a_set_of_bytes(ranges in prop::collection::vec((-40i64..200, 0i64..30), 0..60)) {
            let mut coverage = Coverage::default();
            let mut model = BTreeSet::new();
            for (start, len) in ranges {
                let before = model.len();
                model.extend(start..start + len);
                let added = coverage.add(start, start + len, Opener::NOBODY);
                prop_assert_eq!(added.new, (model.len() - before) as u64);
                let (low, high) = (coverage.low, coverage.high);
                let missing = (low..high).filter(|b| !model.contains(b)).count();
                // Offset 0 is where coverage starts: bytes between it and the first range are holes as well.
                prop_assert_eq!(coverage.missing(), missing as u64);
            }
        }
    }

    #[test]
    fn holes_past_the_bound_stay_missing() {
        let mut coverage = Coverage::default();
        let holes = MAX_HOLES as i64 + 10;
        for i in 0..holes {
            assert_eq!(coverage.add(2 * i + 1, 2 * i + 2, Opener::NOBODY).new, 1);
        }
        assert_eq!(coverage.missing(), holes as u64);
        // The first ten are forgotten, the others can still be filled.
        let filled: u64 =
            (0..holes).map(|i| coverage.add(2 * i, 2 * i + 1, Opener::NOBODY).new).sum();
        assert_eq!((filled, coverage.missing()), (MAX_HOLES as u64, 10));
    }
}
