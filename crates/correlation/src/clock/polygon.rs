//! The convex set of affine clocks that no packet contradicts.

use crosscap_packet::Timestamp;

use super::{Bounds, Constraint};

/// All (a, b) with θ(x) = `base` + a + b·(x − `origin`) allowed: `a` in nanoseconds, `b` in nanoseconds a second, x in
/// seconds of reference time. Vertices in order; the base keeps `a` small enough for `f64`.
#[derive(Clone, Debug)]
pub(super) struct Polygon {
    origin: Timestamp,
    base: i64,
    vertices: Vec<[f64; 2]>,
}

impl Polygon {
    /// Every clock within [`FAR`] of `base` at `origin` whose skew is at most [`MAX_SKEW`].
    pub(super) fn around(origin: Timestamp, base: i64) -> Self {
        let (a, b) = (FAR, MAX_SKEW);
        Self { origin, base, vertices: vec![[-a, -b], [a, -b], [a, b], [-a, b]] }
    }

    /// The one clock that runs as the reference does.
    pub(super) fn identity() -> Self {
        Self { origin: Timestamp(0), base: 0, vertices: vec![[0.0; 2]] }
    }

    /// Removes what `constraint` forbids, allowing `noise` nanoseconds. False, and unchanged, where nothing would be left.
    /// Takes time in proportion to the number of vertices, which is bounded.
    pub(super) fn clip(&mut self, constraint: &Constraint, noise: i64) -> bool {
        let x = self.seconds(constraint.at);
        let limit = (constraint.difference.saturating_sub(self.base)) as f64;
        // Distance inside the half-plane; negative outside.
        let inside = |[a, b]: [f64; 2]| {
            let theta = a + b * x;
            noise as f64 + if constraint.forward { limit - theta } else { theta - limit }
        };
        let depths: Vec<f64> = self.vertices.iter().map(|&v| inside(v)).collect();
        // To leave out a constraint only widens the bounds.
        if depths.iter().all(|&d| d >= -ROUNDING) || self.vertices.len() > MAX_VERTICES {
            return true;
        }
        let mut kept = Vec::with_capacity(self.vertices.len() + 1);
        for (i, (&v, &depth)) in self.vertices.iter().zip(&depths).enumerate() {
            let next = (i + 1) % self.vertices.len();
            if depth >= 0.0 {
                kept.push(v);
            }
            if (depth >= 0.0) != (depths[next] >= 0.0) {
                let t = depth / (depth - depths[next]);
                let w = self.vertices[next];
                kept.push([v[0] + t * (w[0] - v[0]), v[1] + t * (w[1] - v[1])]);
            }
        }
        if kept.is_empty() {
            return false;
        }
        self.vertices = kept;
        true
    }

    /// Whether packets bound the offset on both sides.
    pub(super) fn is_bounded(&self) -> bool {
        self.vertices.iter().all(|[a, _]| a.abs() < FAR / 2.0)
    }

    pub(super) fn offset_at(&self, reference: Timestamp) -> Bounds {
        let x = self.seconds(reference);
        let thetas = self.vertices.iter().map(|[a, b]| a + b * x);
        let (low, high) =
            thetas.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), t| (l.min(t), h.max(t)));
        let absolute = |theta: f64| self.base.saturating_add(theta as i64);
        Bounds {
            low: absolute(low.floor()),
            estimate: absolute(((low + high) / 2.0).round()),
            high: absolute(high.ceil()),
        }
    }

    /// Low, estimate, high. Two clocks are taken to run alike until packets say otherwise.
    pub(super) fn skew_ppm(&self) -> [f64; 3] {
        let skews = self.vertices.iter().map(|[_, b]| b / 1_000.0);
        let (low, high) =
            skews.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), b| (l.min(b), h.max(b)));
        [low, 0.0f64.clamp(low, high), high]
    }

    /// The sum with the clock this one is measured against: every combination of both. `origin` is the reference time of
    /// this polygon's own origin.
    pub(super) fn compose(&self, middle: &Self, origin: Timestamp) -> Self {
        let shift = middle.seconds(origin);
        let vertices = self
            .vertices
            .iter()
            .flat_map(|&[a, b]| {
                middle.vertices.iter().map(move |&[c, d]| [a + c + d * shift, b + d])
            })
            .collect();
        Self { origin, base: self.base.saturating_add(middle.base), vertices }.boxed()
    }

    /// Few vertices that enclose the same set, where there are many: chains of points multiply them.
    fn boxed(mut self) -> Self {
        if self.vertices.len() > MAX_VERTICES {
            let extreme = |i: usize| {
                let values = self.vertices.iter().map(|v| v[i]);
                values.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)))
            };
            let ((a, c), (b, d)) = (extreme(0), extreme(1));
            self.vertices = vec![[a, b], [c, b], [c, d], [a, d]];
        }
        self
    }

    pub(super) const fn origin(&self) -> Timestamp {
        self.origin
    }

    fn seconds(&self, reference: Timestamp) -> f64 {
        reference.since(self.origin) as f64 / 1e9
    }
}

/// Offsets are at first taken as anything within four months of the first packet pair's difference.
const FAR: f64 = 1e16;

/// Largest skew taken for possible, nanoseconds a second: 500 ppm, what NTP may slew a clock by.
const MAX_SKEW: f64 = 500_000.0;

/// Constraints that cut off less than this, in nanoseconds, are within the rounding of the others: identical clocks would
/// otherwise pile up vertices in one place.
const ROUNDING: f64 = 1.0;

/// Packets of real networks leave some ten vertices.
const MAX_VERTICES: usize = 256;
