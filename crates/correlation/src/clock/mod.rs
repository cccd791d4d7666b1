//! How far two clocks are apart: bounds by causality, in both directions.
//!
//! A packet cannot arrive before it was sent. With θ = (this clock − reference clock), a packet that travels from the
//! reference point to this one proves θ ≤ (time here − time there), one that travels back proves θ ≥ that difference.
//! Clocks drift, so θ is taken as an affine function of reference time; all constraints together leave a convex set of
//! functions, and its extremes are certified bounds. No symmetry of delays is assumed.

mod pairs;
mod polygon;

use crosscap_packet::Timestamp;

pub(crate) use pairs::constraints;
use polygon::Polygon;

/// What one packet seen at two points proves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Constraint {
    /// Time at the reference point.
    pub(crate) at: Timestamp,
    /// Time at the other point minus time at the reference point, nanoseconds.
    pub(crate) difference: i64,
    /// Whether the packet travelled from the reference point to the other one: then θ ≤ `difference`, else θ ≥.
    pub(crate) forward: bool,
}

/// An estimate with certified bounds, nanoseconds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Bounds {
    /// Not below this.
    pub low: i64,
    /// The middle.
    pub estimate: i64,
    /// Not above this.
    pub high: i64,
}

impl Bounds {
    /// From the lowest to the highest possible value.
    #[must_use]
    pub fn width(self) -> i64 {
        self.high.saturating_sub(self.low)
    }
}

/// The offset of one point's clock against another's over time.
#[derive(Clone, Debug)]
pub struct Clock {
    /// Pieces in order of time; more than one where the clock stepped.
    pieces: Vec<ClockPiece>,
}

/// A span of time in which the offset was an affine function of reference time.
#[derive(Clone, Debug)]
pub struct ClockPiece {
    /// Reference time of the first packet that constrains it.
    pub from: Timestamp,
    /// Reference time of the last packet that constrains it.
    pub to: Timestamp,
    /// Reference time at which the bounds of the offset are tightest.
    pub tightest_at: Timestamp,
    polygon: Polygon,
}

impl ClockPiece {
    /// Offset at a reference time: this clock minus the reference clock.
    #[must_use]
    pub fn offset_at(&self, reference: Timestamp) -> Bounds {
        self.polygon.offset_at(reference)
    }

    /// Skew in parts per million, bounds included: low, estimate, high. Positive where this clock runs fast.
    #[must_use]
    pub fn skew_ppm(&self) -> [f64; 3] {
        self.polygon.skew_ppm()
    }
}

impl Clock {
    /// The clock that satisfies all constraints; `None` where they do not bound the offset on both sides.
    pub(crate) fn from_constraints(mut constraints: Vec<Constraint>) -> Option<Self> {
        constraints.sort_by_key(|c| c.at);
        // Timestamping has some noise of its own; allow more of it only where less does not do.
        for noise in [1_000, 20_000] {
            if let Some(pieces) = fit(&constraints, noise)
                && pieces.len() == 1
            {
                return Some(Self { pieces });
            }
        }
        Some(Self { pieces: fit(&constraints, 1_000)? })
    }

    /// The reference against itself.
    pub(crate) fn identity() -> Self {
        let zero = Timestamp(0);
        let polygon = Polygon::identity();
        Self { pieces: vec![ClockPiece { from: zero, to: zero, tightest_at: zero, polygon }] }
    }

    /// The pieces, in order of time. Never empty.
    #[must_use]
    pub fn pieces(&self) -> &[ClockPiece] {
        &self.pieces
    }

    /// Offset at a reference time: this clock minus the reference clock.
    #[must_use]
    pub fn offset_at(&self, reference: Timestamp) -> Bounds {
        self.piece_at(reference).offset_at(reference)
    }

    /// The reference time of something that happened at `here` in this clock: earliest, estimate, latest.
    #[must_use]
    pub fn to_reference(&self, here: Timestamp) -> [Timestamp; 3] {
        // θ is a function of reference time, which is what we look for: iterate, then take the extremes of θ over all
        // of the times that are possible.
        let rough = here - self.offset_at(here).estimate;
        let middle = self.offset_at(rough);
        let ends = [self.offset_at(here - middle.high), self.offset_at(here - middle.low)];
        let low = ends.iter().fold(middle.low, |low, end| low.min(end.low));
        let high = ends.iter().fold(middle.high, |high, end| high.max(end.high));
        [here - high, here - middle.estimate, here - low]
    }

    /// The piece that holds at a reference time: the last that begins before it, else the first.
    fn piece_at(&self, reference: Timestamp) -> &ClockPiece {
        let after = self.pieces.partition_point(|p| p.from <= reference);
        &self.pieces[after.saturating_sub(1)]
    }

    /// This clock against the reference of `middle`, where `middle` is this clock's own reference.
    pub(crate) fn through(&self, middle: &Self) -> Self {
        let piece = |p: &ClockPiece| {
            let [_, from, _] = middle.to_reference(p.from);
            let [_, to, _] = middle.to_reference(p.to);
            let [_, tightest_at, _] = middle.to_reference(p.tightest_at);
            let m = middle.piece_at(tightest_at);
            let [_, origin, _] = middle.to_reference(p.polygon.origin());
            ClockPiece { from, to, tightest_at, polygon: p.polygon.compose(&m.polygon, origin) }
        };
        Self { pieces: self.pieces.iter().map(piece).collect() }
    }
}

/// Longest feasible pieces, greedily, less those that packets do not bound on both sides; `None` where none is left.
fn fit(constraints: &[Constraint], noise: i64) -> Option<Vec<ClockPiece>> {
    let mut pieces = Vec::new();
    let mut rest = constraints;
    while let Some(first) = rest.first() {
        let mut polygon = Polygon::around(first.at, first.difference);
        let fitting = rest.iter().take_while(|c| polygon.clip(c, noise)).count();
        let (mine, others) = rest.split_at(fitting.max(1));
        rest = others;
        if !polygon.is_bounded() {
            // A remnant between two steps, or one-way traffic only.
            continue;
        }
        let width = |c: &&Constraint| polygon.offset_at(c.at).width();
        let tightest_at = mine.iter().min_by_key(width).map_or(first.at, |c| c.at);
        let to = mine.last().map_or(first.at, |c| c.at);
        pieces.push(ClockPiece { from: first.at, to, tightest_at, polygon });
    }
    (!pieces.is_empty()).then_some(pieces)
}

#[cfg(test)]
mod tests;
