//! Sets of positions.

use std::collections::BTreeMap;

/// A union of half-open ranges.
#[derive(Clone, Debug, Default)]
pub(super) struct Spans(BTreeMap<i64, i64>);

impl Spans {
    /// Adds a range; `new` is told of each part that was not there.
    pub(super) fn add(&mut self, from: i64, to: i64, mut new: impl FnMut(i64, i64)) {
        if from >= to {
            return;
        }
        let (mut start, mut end, mut at) = (from, to, from);
        // Those that touch it: the last that begins before it, and all that begin within.
        let first = self.0.range(..=from).next_back().filter(|(_, e)| **e >= from).map(|(s, _)| *s);
        let touching: Vec<(i64, i64)> =
            self.0.range(first.unwrap_or(from)..=to).map(|(s, e)| (*s, *e)).collect();
        for (s, e) in touching {
            if at < s.min(to) {
                new(at, s.min(to));
            }
            at = at.max(e);
            (start, end) = (start.min(s), end.max(e));
            self.0.remove(&s);
        }
        if at < to {
            new(at, to);
        }
        self.0.insert(start, end);
    }

    /// Whether all of a range is in it.
    pub(super) fn contains(&self, from: i64, to: i64) -> bool {
        self.0.range(..=from).next_back().is_some_and(|(_, end)| *end >= to)
    }
}

/// How many of the ranges cover a position.
pub(super) struct Counts {
    starts: Vec<i64>,
    ends: Vec<i64>,
}

impl Counts {
    pub(super) fn of(ranges: impl Iterator<Item = (i64, i64)>) -> Self {
        let (mut starts, mut ends): (Vec<i64>, Vec<i64>) = ranges.unzip();
        starts.sort_unstable();
        ends.sort_unstable();
        Self { starts, ends }
    }

    pub(super) fn at(&self, position: i64) -> usize {
        let begun = self.starts.partition_point(|s| *s <= position);
        begun.saturating_sub(self.ends.partition_point(|e| *e <= position))
    }
}
