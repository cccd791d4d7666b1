//! Connections over time, in few numbers.

use std::collections::BTreeMap;

use crosscap_packet::Timestamp;

/// How many connections began when. The bins of all mappings of one correlation lie on one grid, so that they can be
/// compared.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct OverTime {
    /// Where the first bin begins, in the reference clock.
    pub start: Timestamp,
    /// Width of a bin, nanoseconds; whole seconds from one second on.
    pub width: i64,
    /// Connections of each bin, the first and the last of which are not 0; at most 60. A connection whose time is not
    /// known in the reference clock is in none.
    pub counts: Vec<u64>,
}

/// The bins of all mappings.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Grid {
    start: Timestamp,
    width: i64,
}

impl Grid {
    /// From the first to the last of `times`.
    pub(super) fn over(times: impl Iterator<Item = Timestamp>) -> Self {
        let ends = times.fold(None, |ends: Option<(Timestamp, Timestamp)>, t| {
            Some(ends.map_or((t, t), |(low, high)| (low.min(t), high.max(t))))
        });
        let (start, end) = ends.unwrap_or_default();
        // One more than the span: its last nanosecond is in the last bin.
        let width = end.since(start) / BINS + 1;
        let seconds = width.saturating_add(SECOND - 1) / SECOND * SECOND;
        Self { start, width: if width > SECOND { seconds } else { width } }
    }

    fn bin(self, time: Timestamp) -> i64 {
        (time.since(self.start) / self.width).clamp(0, BINS - 1)
    }
}

/// The bins of one mapping that are not empty.
#[derive(Clone, Debug, Default)]
pub(super) struct Binned(BTreeMap<i64, u64>);

impl Binned {
    pub(super) fn count(&mut self, time: Timestamp, grid: Grid) {
        *self.0.entry(grid.bin(time)).or_default() += 1;
    }

    pub(super) fn finish(self, grid: Grid) -> Option<OverTime> {
        let (&first, &last) = (self.0.keys().next()?, self.0.keys().next_back()?);
        Some(OverTime {
            start: grid.start + first * grid.width,
            width: grid.width,
            counts: (first..=last).map(|i| self.0.get(&i).copied().unwrap_or(0)).collect(),
        })
    }
}

/// The most bins.
const BINS: i64 = 60;

const SECOND: i64 = 1_000_000_000;
