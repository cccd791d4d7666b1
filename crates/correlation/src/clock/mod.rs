//! How far two clocks are apart: bounds by causality, in both directions.
//!
//! A packet cannot arrive before it was sent. With θ = (this clock − reference clock), a packet that travels from the
//! reference point to this one proves θ ≤ (time here − time there), one that travels back proves θ ≥ that difference.
//! Clocks drift, so θ is taken as an affine function of reference time; all constraints together leave a convex set of
//! functions, and its extremes are certified bounds. No symmetry of delays is assumed.
//!
//! Delay only loosens what packets prove. Where they contradict one another, a clock was set or times of packets are wrong,
//! and which of both is decided by the fewest assumptions ([`course`]). What is less than a round trip contradicts nothing.

mod affine;
mod choice;
mod course;
mod fit;
mod graph;
mod halves;
mod pairs;
mod points;
mod polygon;
mod remark;
mod stretch;

use crosscap_packet::{FrameRef, Timestamp};

pub(crate) use points::bound_clocks;
use polygon::Polygon;
pub use remark::Remark;

/// What one packet seen at two points proves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Constraint {
    /// Time at the reference point.
    pub(crate) at: Timestamp,
    /// Time at the other point minus time at the reference point, nanoseconds.
    pub(crate) difference: i64,
    /// Whether the packet travelled from the reference point to the other one: then θ ≤ `difference`, else θ ≥.
    pub(crate) forward: bool,
    /// The frames of the packet at the reference point and at the other one.
    pub(crate) frames: [FrameRef; 2],
    /// The point that it was measured against.
    pub(crate) reference: usize,
}

impl Constraint {
    /// What is left of it where times at the reference and at the other point were rounded down to multiples of these.
    pub(crate) fn rounded(self, [reference, here]: [i64; 2]) -> Self {
        let loose = match self.forward {
            true => here,
            false => -reference,
        };
        // The offset is that of a time up to so much later: 500 ppm.
        let drifted = reference / 2_000 * if self.forward { 1 } else { -1 };
        Self { difference: self.difference.saturating_add(loose + drifted), ..self }
    }
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

    /// What holds if either does.
    fn or(self, other: Self) -> Self {
        let (low, high) = (self.low.min(other.low), self.high.max(other.high));
        Self { low, estimate: low.midpoint(high), high }
    }
}

/// What is known of a clock where packets, or answers to packets, travelled one way only.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct OneSided {
    /// When: the reference time of the packet that tells it.
    pub at: Timestamp,
    /// This clock minus the reference clock, nanoseconds.
    pub offset: Side,
}

/// One side of the bounds of an offset.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Side {
    /// It is not below this.
    Low(i64),
    /// It is not above this.
    High(i64),
}

/// A packet seen at two points, or a packet and its answer, whose times contradict others: a wrong match, a packet stamped too
/// late, or a clock that was set.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Contradiction {
    /// The point against which the clock was measured when the packet was found not to fit: an index into
    /// [`Correlation::points`](crate::Correlation::points).
    pub reference: usize,
    /// Its frame there.
    pub reference_frame: FrameRef,
    /// Its frame at the point whose clock it is.
    pub frame: FrameRef,
}

impl Contradiction {
    fn of(c: &Constraint) -> Self {
        let [reference_frame, frame] = c.frames;
        Self { reference: c.reference, reference_frame, frame }
    }
}

/// How a clock came from one piece to the next.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Break {
    /// It was set: the offset is another one.
    Step,
    /// The offset went on as it was, but another skew began. A step smaller than the bounds looks the same.
    Slew,
}

impl Break {
    /// As the report contract writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Step => "step",
            Self::Slew => "slew",
        }
    }
}

/// The offset of one point's clock against another's over time.
///
/// It is taken for as few affine pieces as the packets allow, with skews up to 500 ppm, or up to 10 % where those do not do;
/// before the first and behind the last the next one is taken to go on. The bounds are certain if that is so: what a clock did between two packets, and undid
/// before the next, no packet shows.
#[derive(Clone, Debug)]
pub struct Clock {
    /// Pieces in order of time; more than one where the clock stepped.
    pieces: Vec<ClockPiece>,
    contradictions: Vec<Contradiction>,
    /// How many packets were left out.
    outliers: usize,
    /// Whether the clocks of other points say otherwise.
    contradicted: bool,
    /// How coarse the times of the reference and of this point are, nanoseconds; 0 where that is as good as noise.
    coarse: [i64; 2],
}

/// A span of time in which the offset was an affine function of reference time.
#[derive(Clone, Debug)]
pub struct ClockPiece {
    /// Reference time of the first packet that proves it.
    pub from: Timestamp,
    /// Reference time of the last packet that proves it.
    pub to: Timestamp,
    /// Reference time at which the bounds of the offset are tightest.
    pub tightest_at: Timestamp,
    /// How it follows the piece before; `None` for the first.
    pub begins: Option<Break>,
    /// Of a clock that was set: a packet of the piece before and one of this that contradict each other.
    pub proof: Option<[Contradiction; 2]>,
    /// The packets that bound it most tightly, from above and from below.
    tight: [Option<Contradiction>; 2],
    holds: Span,
    polygon: Polygon,
}

impl ClockPiece {
    /// The only one.
    fn new([from, to]: [Timestamp; 2], tightest_at: Timestamp, polygon: Polygon) -> Self {
        let (proof, tight) = (None, [None; 2]);
        Self { from, to, tightest_at, begins: None, proof, tight, holds: [None; 2], polygon }
    }

    /// Whether the piece may hold at some time while the packet was on its way, and the packet does not contradict it.
    fn explains(&self, c: &Constraint, noise: i64) -> bool {
        let bounds = self.offset_at(c.at);
        let other = c.at + c.difference - bounds.estimate;
        let [begins, ends] = self.holds;
        begins.is_none_or(|t| t <= c.at.max(other))
            && ends.is_none_or(|t| c.at.min(other) <= t)
            && match c.forward {
                true => c.difference.saturating_add(noise) >= bounds.low,
                false => c.difference.saturating_sub(noise) <= bounds.high,
            }
    }

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
    /// The clock that satisfies all constraints but a few; `None` where they do not bound the offset on both sides.
    pub(crate) fn from_constraints(mut constraints: Vec<Constraint>) -> Option<Self> {
        // In order of capture: what a clock shows may not be.
        constraints
            .sort_unstable_by_key(|c| (c.frames[0], c.at, c.difference, c.forward, c.frames[1]));
        let (mut pieces, outliers) = fit::fit(&constraints)?;
        // A single exchange: both of its packets were on their way before the other was there.
        for piece in pieces.iter_mut().filter(|p| p.from > p.to) {
            (piece.from, piece.to) = (piece.to, piece.from);
        }
        let named = outliers.iter().take(MAX_NAMED).map(Contradiction::of).collect();
        Some(Self { outliers: outliers.len(), ..Self::new(pieces, named) })
    }

    fn new(pieces: Vec<ClockPiece>, contradictions: Vec<Contradiction>) -> Self {
        Self { pieces, contradictions, outliers: 0, contradicted: false, coarse: [0; 2] }
    }

    /// The reference against itself.
    pub(crate) fn identity() -> Self {
        let zero = Timestamp(0);
        let polygon = Polygon::identity();
        let piece = ClockPiece::new([zero; 2], zero, polygon);
        Self::new(vec![piece], Vec::new())
    }

    /// The pieces, in order of time. Never empty.
    #[must_use]
    pub fn pieces(&self) -> &[ClockPiece] {
        &self.pieces
    }

    /// The first packets that the clock leaves out because they contradict all the others, in order; of a clock that the
    /// clocks of other points contradict, also those that bound it most tightly against each of them. At most 16.
    #[must_use]
    pub fn contradictions(&self) -> &[Contradiction] {
        &self.contradictions
    }

    /// Offset at a reference time: this clock minus the reference clock. Between two pieces either may hold, and where the
    /// reference clock was set back, it shows a time twice.
    #[must_use]
    pub fn offset_at(&self, reference: Timestamp) -> Bounds {
        let bounds = holding(&self.pieces, reference).map(|p| p.offset_at(reference));
        bounds.reduce(Bounds::or).unwrap_or_else(|| self.pieces[0].offset_at(reference))
    }

    /// The reference time of something that happened at `here` in this clock: earliest, estimate, latest. A clock that was
    /// set back shows a time twice; the bounds hold both.
    #[must_use]
    pub fn to_reference(&self, here: Timestamp) -> [Timestamp; 3] {
        let possible = |piece: &ClockPiece| {
            let offset = piece.polygon.offset_when(here);
            let [begins, ends] = piece.holds;
            let holds = begins.is_none_or(|t| here - offset.low >= t)
                && ends.is_none_or(|t| here - offset.high <= t);
            (offset, holds)
        };
        let all = || self.pieces.iter().map(possible);
        let union = |bounds: &mut dyn Iterator<Item = Bounds>| bounds.reduce(Bounds::or);
        let offset = union(&mut all().filter(|(_, holds)| *holds).map(|(offset, _)| offset))
            // A time that the clock skipped.
            .or_else(|| union(&mut all().map(|(offset, _)| offset)));
        offset.map_or([here; 3], |o| [here - o.high, here - o.estimate, here - o.low])
    }

    /// This clock against the reference of `middle`, where `middle` is this clock's own reference; `None` where none of the
    /// pieces of both go together.
    pub(crate) fn through(&self, middle: &Self) -> Option<Self> {
        let several = self.pieces.len() > 1 || middle.pieces.len() > 1;
        let mut pieces: Vec<ClockPiece> = Vec::new();
        let mut reached = 0;
        let middles = || middle.pieces.iter().enumerate();
        for (p, (nth, m)) in self.pieces.iter().flat_map(|p| middles().map(move |m| (p, m))) {
            let [from, to, tightest_at] =
                [p.from, p.to, p.tightest_at].map(|t| middle.to_reference(t));
            // Where either clock may have been set, only the time that is surely in both pieces counts.
            let (from, to) = match several {
                true => (from[2].max(m.from), to[0].min(m.to)),
                false => (from[1], to[1]),
            };
            if from > to || nth < reached {
                continue;
            }
            reached = nth;
            let origin = p.polygon.origin();
            let origin = origin - m.polygon.offset_when(origin).estimate;
            let polygon = p.polygon.compose(&m.polygon, origin);
            let stepped = [p.begins, m.begins].contains(&Some(Break::Step));
            let kind = if stepped { Break::Step } else { Break::Slew };
            let begins = pieces.last().map(|_| kind);
            let tightest_at = tightest_at[1].clamp(from, to);
            let piece = ClockPiece::new([from, to], tightest_at, polygon);
            let (proof, tight) = (p.proof.filter(|_| begins.is_some()), p.tight);
            pieces.push(ClockPiece { begins, proof, tight, ..piece });
        }
        settle(&mut pieces);
        (!pieces.is_empty() && pieces.len() <= fit::MAX_PIECES).then_some(Self {
            pieces,
            contradicted: self.contradicted || middle.contradicted,
            ..self.clone()
        })
    }
}

/// How many contradictions are named.
const MAX_NAMED: usize = 16;

/// From when to when a piece may hold; without end where `None`.
type Span = [Option<Timestamp>; 2];

/// Settles from when to when each piece may hold: up to its neighbours, and into them where the reference clock may have been
/// set back.
fn settle(pieces: &mut [ClockPiece]) {
    for i in 1..pieces.len() {
        let [before, after] = [&pieces[i - 1], &pieces[i]];
        let [old, new] = [before.offset_at(before.to), after.offset_at(after.from)];
        let jump = new.high.saturating_sub(old.low).max(0);
        // A silence that would hide such a jump back; else this clock was set forward.
        let set_back = before.to > after.from || jump <= after.from.since(before.to);
        let jump = if set_back { jump } else { 0 };
        let (ends, begins) = (after.from + jump, before.to - jump);
        pieces[i - 1].holds[1] = Some(ends.max(pieces[i - 1].to));
        pieces[i].holds[0] = Some(begins.min(pieces[i].from));
    }
}

/// The pieces that may hold at a reference time; at least one, where each holds up to the next.
fn holding(pieces: &[ClockPiece], at: Timestamp) -> impl Iterator<Item = &ClockPiece> {
    pieces.iter().filter(move |p| {
        let [begins, ends] = p.holds;
        begins.is_none_or(|t| t <= at) && ends.is_none_or(|t| at <= t)
    })
}

#[cfg(test)]
mod answers;
#[cfg(test)]
mod breaks;
#[cfg(test)]
mod tests;
