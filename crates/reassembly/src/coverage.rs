//! Which bytes of a flow were seen.

use std::collections::BTreeMap;

/// The stream offsets seen so far: everything in `low..high` but the holes.
///
/// Offsets are relative to the flow's base and may be negative where the capture began in the middle of the connection.
/// A flow without loss or reordering costs two numbers; holes cost a map entry each, up to [`MAX_HOLES`].
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Coverage {
    low: i64,
    high: i64,
    // Invariant: disjoint, not adjacent, none empty, all inside low..high; start -> end.
    // Boxed: most flows have none, and there are many flows.
    #[expect(clippy::box_collection)]
    holes: Option<Box<BTreeMap<i64, i64>>>,
}

impl Coverage {
    /// The offset behind the highest byte seen.
    pub(crate) fn high(&self) -> i64 {
        self.high
    }

    /// Bytes inside the seen range that were not captured.
    pub(crate) fn missing(&self) -> u64 {
        self.holes
            .iter()
            .flat_map(|holes| holes.iter())
            .map(|(start, end)| (end - start).unsigned_abs())
            .sum()
    }

    /// Adds `start..end` and returns how many of its bytes were new.
    pub(crate) fn add(&mut self, start: i64, end: i64) -> u64 {
        if start >= end {
            return 0;
        }
        let mut new = self.fill(start, end);
        if end > self.high {
            new += (end - start.max(self.high)).unsigned_abs();
            self.open_hole(self.high, start);
            self.high = end;
        }
        if start < self.low {
            new += (end.min(self.low) - start).unsigned_abs();
            self.open_hole(end, self.low);
            self.low = start;
        }
        new
    }

    /// Removes `start..end` from the holes; the number of bytes that were missing.
    fn fill(&mut self, start: i64, end: i64) -> u64 {
        let Some(holes) = &mut self.holes else { return 0 };
        let mut filled = 0;
        while let Some((&hole_start, &hole_end)) = holes.range(..end).next_back() {
            if hole_end <= start {
                break;
            }
            holes.remove(&hole_start);
            if hole_end > end {
                holes.insert(end, hole_end);
            }
            filled += (hole_end.min(end) - hole_start.max(start)).unsigned_abs();
            if hole_start < start {
                holes.insert(hole_start, start);
                break;
            }
        }
        if holes.is_empty() {
            self.holes = None;
        }
        filled
    }

    fn open_hole(&mut self, start: i64, end: i64) {
        if start < end {
            let holes = self.holes.get_or_insert_default();
            if holes.len() < MAX_HOLES {
                holes.insert(start, end);
            }
        }
    }
}

/// Holes remembered per flow. Beyond it a new hole counts as seen, so that hostile input cannot buy memory with single
/// bytes; what fills it later counts as resent.
const MAX_HOLES: usize = 65_536;

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
                prop_assert_eq!(coverage.add(start, start + len), (model.len() - before) as u64);
                let (low, high) = (coverage.low, coverage.high);
                let missing = (low..high).filter(|b| !model.contains(b)).count();
                // Offset 0 is where coverage starts: bytes between it and the first range are holes as well.
                prop_assert_eq!(coverage.missing(), missing as u64);
            }
        }
    }
}
