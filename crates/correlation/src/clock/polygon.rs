//! The convex set of affine clocks that no packet contradicts.

use crosscap_packet::Timestamp;

use super::Bounds;

/// All (a, b) with θ(x) = `base` + a + b·(x − `origin`) allowed: `a` in nanoseconds, `b` in nanoseconds a second, x in
/// seconds of reference time. Vertices in order; the base keeps `a` small enough for `f64`.
#[derive(Clone, Debug)]
pub(super) struct Polygon {
    origin: Timestamp,
    base: i64,
    vertices: Vec<[f64; 2]>,
    /// The largest skew that any of them has, nanoseconds a second.
    steepest: f64,
    /// How far rounding may have moved a vertex, in `a` and in `b`. Bounds are widened by it.
    slack: [f64; 2],
}

impl Polygon {
    /// Every clock within [`FAR`] of `base` at `origin` whose skew is at most `steepest`, nanoseconds a second.
    pub(super) fn around(origin: Timestamp, base: i64, steepest: f64) -> Self {
        let (a, b) = (FAR, steepest);
        let vertices = vec![[-a, -b], [a, -b], [a, b], [-a, b]];
        Self { origin, base, vertices, steepest, slack: [0.0; 2] }
    }

    /// The one clock that runs as the reference does.
    pub(super) fn identity() -> Self {
        let vertices = vec![[0.0; 2]];
        Self { origin: Timestamp(0), base: 0, vertices, steepest: 0.0, slack: [0.0; 2] }
    }

    /// Removes the clocks whose offset at `at` is above `difference`, or, unless `forward`, below it; `noise` nanoseconds
    /// are allowed. False, and unchanged, where nothing would be left. Takes time in proportion to the number of vertices,
    /// which is bounded.
    pub(super) fn clip(
        &mut self,
        at: Timestamp,
        difference: i64,
        forward: bool,
        noise: i64,
    ) -> bool {
        let cut = self.cut(at, difference, forward, noise);
        // To leave out a constraint only widens the bounds.
        if self.vertices.iter().all(|&v| cut.depth(v) >= -ROUNDING) {
            return true;
        }
        let mut kept = Vec::with_capacity(self.vertices.len() + 1);
        let mut moved = [0.0f64; 2];
        for (i, &v) in self.vertices.iter().enumerate() {
            let w = self.vertices[(i + 1) % self.vertices.len()];
            let (depth, next) = (cut.depth(v), cut.depth(w));
            if depth >= 0.0 {
                kept.push(v);
            }
            if (depth >= 0.0) != (next >= 0.0) {
                let t = depth / (depth - next);
                kept.push([v[0] + t * (w[0] - v[0]), v[1] + t * (w[1] - v[1])]);
                for i in [0, 1] {
                    moved[i] = moved[i].max(8.0 * f64::EPSILON * v[i].abs().max(w[i].abs()));
                }
            }
        }
        if kept.is_empty() {
            return false;
        }
        if kept.len() <= MAX_VERTICES {
            self.vertices = kept;
            self.slack = [self.slack[0] + moved[0], self.slack[1] + moved[1]];
        }
        true
    }

    /// The clock that comes nearest to satisfying a constraint.
    pub(super) fn nearest(&self, at: Timestamp, difference: i64, forward: bool) -> Nearest<'_> {
        let cut = self.cut(at, difference, forward, 0);
        let depth = |v: &&[f64; 2]| cut.depth(**v);
        let vertex = self.vertices.iter().max_by(|v, w| depth(v).total_cmp(&depth(w)));
        Nearest { polygon: self, vertex: vertex.copied().unwrap_or_default() }
    }

    fn cut(&self, at: Timestamp, difference: i64, forward: bool, noise: i64) -> Cut {
        let x = self.seconds(at);
        let limit = difference.saturating_sub(self.base) as f64;
        // What was rounded so far may lie beyond the true set by this much, and must not count against the truth.
        let slack = self.slack_at(x) + 8.0 * f64::EPSILON * (limit.abs() + self.steepest * x.abs());
        Cut { x, limit, forward, allowed: noise as f64 + slack }
    }

    fn slack_at(&self, x: f64) -> f64 {
        self.slack[0] + self.slack[1] * x.abs()
    }

    /// Whether packets bound the offset on both sides.
    pub(super) fn is_bounded(&self) -> bool {
        self.vertices.iter().all(|[a, _]| a.abs() < FAR / 2.0)
    }

    pub(super) fn offset_at(&self, reference: Timestamp) -> Bounds {
        let x = self.seconds(reference);
        self.bounds(x, self.vertices.iter().map(|[a, b]| a + b * x))
    }

    /// Offset when this clock shows `here`.
    pub(super) fn offset_when(&self, here: Timestamp) -> Bounds {
        let shown = here.since(self.origin).saturating_sub(self.base) as f64;
        // x·10⁹ + a + b·x = shown, which no vertex makes singular: skews are far below 1.
        let x = |[a, b]: [f64; 2]| (shown - a) / (1e9 + b);
        self.bounds(shown / 1e9, self.vertices.iter().map(|&v| v[0] + v[1] * x(v)))
    }

    fn bounds(&self, x: f64, thetas: impl Iterator<Item = f64>) -> Bounds {
        let (low, high) =
            thetas.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), t| (l.min(t), h.max(t)));
        // The products above are rounded too.
        let products = low.abs().max(high.abs()) + self.steepest * x.abs();
        let slack = self.slack_at(x) + 8.0 * f64::EPSILON * products;
        let slack = if self.vertices.len() == 1 { 0.0 } else { slack };
        let absolute = |theta: f64| self.base.saturating_add(theta as i64);
        Bounds {
            low: absolute((low - slack).floor()),
            estimate: absolute(((low + high) / 2.0).round()),
            high: absolute((high + slack).ceil()),
        }
    }

    /// Low, estimate, high. Two clocks are taken to run alike until packets say otherwise.
    pub(super) fn skew_ppm(&self) -> [f64; 3] {
        let skews = self.vertices.iter().map(|[_, b]| b / 1_000.0);
        let (low, high) =
            skews.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), b| (l.min(b), h.max(b)));
        let (low, high) = (low - self.slack[1] / 1_000.0, high + self.slack[1] / 1_000.0);
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
        // This polygon is a function of time in the middle clock, which does not run as the reference does: what it is off
        // by, of that time, its own skew adds.
        let steepest = |p: &Self| p.vertices.iter().fold(0.0f64, |b, v| b.max(v[1].abs()));
        let (mine, theirs) = (steepest(self) / 1e9, steepest(middle));
        let unknown = middle.offset_at(origin).width() as f64;
        let slack = [
            self.slack[0] + middle.slack_at(shift) + mine * unknown,
            self.slack[1] + middle.slack[1] + mine * theirs,
        ];
        let base = self.base.saturating_add(middle.base);
        let steepest = self.steepest + middle.steepest;
        Self { origin, base, vertices, steepest, slack }.hull().boxed()
    }

    /// The vertices in order, those inside left out.
    fn hull(mut self) -> Self {
        let mut points = std::mem::take(&mut self.vertices);
        points.sort_by(|v, w| v[0].total_cmp(&w[0]).then(v[1].total_cmp(&w[1])));
        points.dedup();
        let turn = |o: [f64; 2], v: [f64; 2], w: [f64; 2]| {
            (v[0] - o[0]) * (w[1] - o[1]) - (v[1] - o[1]) * (w[0] - o[0])
        };
        let chain = |points: &mut dyn Iterator<Item = [f64; 2]>| {
            let mut chain: Vec<[f64; 2]> = Vec::new();
            for w in points {
                while let [.., o, v] = chain[..]
                    && turn(o, v, w) <= 0.0
                {
                    chain.pop();
                }
                chain.push(w);
            }
            chain
        };
        let mut lower = chain(&mut points.iter().copied());
        let mut upper = chain(&mut points.iter().rev().copied());
        if points.len() > 1 {
            lower.pop();
            upper.pop();
            lower.append(&mut upper);
        }
        // A vertex may be left out that is outside by no more than rounding.
        for (i, slack) in self.slack.iter_mut().enumerate() {
            *slack += 8.0 * f64::EPSILON * points.iter().fold(0.0f64, |m, v| m.max(v[i].abs()));
        }
        self.vertices = lower;
        self
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

/// A half-plane.
struct Cut {
    x: f64,
    limit: f64,
    forward: bool,
    allowed: f64,
}

impl Cut {
    /// How far inside a clock is, nanoseconds; negative outside.
    fn depth(&self, [a, b]: [f64; 2]) -> f64 {
        let theta = a + b * self.x;
        self.allowed + if self.forward { self.limit - theta } else { theta - self.limit }
    }
}

/// The clock of a polygon that is nearest to what contradicts it.
pub(super) struct Nearest<'a> {
    polygon: &'a Polygon,
    vertex: [f64; 2],
}

impl Nearest<'_> {
    /// How far this clock is from the edge of another constraint, nanoseconds.
    pub(super) fn distance(&self, at: Timestamp, difference: i64) -> f64 {
        let cut = self.polygon.cut(at, difference, true, 0);
        (cut.limit - self.vertex[0] - self.vertex[1] * cut.x).abs()
    }
}

/// Offsets are at first taken as anything within four months of the first packet pair's difference.
const FAR: f64 = 1e16;

/// Constraints that cut off less than this, in nanoseconds, are within the rounding of the others: identical clocks would
/// otherwise pile up vertices in one place.
const ROUNDING: f64 = 1.0;

/// Packets of real networks leave some ten vertices.
const MAX_VERTICES: usize = 256;
