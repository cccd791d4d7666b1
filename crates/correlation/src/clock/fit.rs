//! From constraints to the affine pieces that satisfy them.

use super::affine::{self, NOISE};
use super::course::{Course, course};
use super::stretch::{self, Stretch};
use super::{Break, ClockPiece, Constraint, settle};

/// The pieces of a clock, in the order in which they were, and the constraints that were left out; `None` where packets
/// bound no piece on both sides, or contradict one another too often to tell anything. `constraints` are in order of
/// capture at the reference. Takes time in proportion to their number, times that of the pieces.
pub(super) fn fit(constraints: &[Constraint]) -> Option<(Vec<ClockPiece>, Vec<Constraint>)> {
    // Timestamping has some noise of its own; allow more of it only where less does not do.
    for noise in NOISE {
        if let Some(piece) = affine::only(constraints, noise) {
            return Some((vec![piece?], Vec::new()));
        }
    }
    let mut best = model(constraints, SLOW);
    let poor = |m: &Option<Model>| m.as_ref().is_none_or(|m| m.cost > 2 * BREAK as usize);
    let better = |best: &mut Option<Model>, other: Option<Model>| {
        let cost = |m: &Model| m.cost;
        if other.as_ref().is_some_and(|o| best.as_ref().is_none_or(|b| cost(o) < cost(b))) {
            *best = other;
        }
    };
    if poor(&best) {
        // A reference clock that was set back, in a capture that was sorted since: the other capture knows the order.
        let mut other: Vec<Constraint> = constraints.to_vec();
        other.sort_by_key(|c| (c.frames[1], c.at, c.forward, c.frames[0]));
        if other != constraints {
            better(&mut best, model(&other, SLOW));
        }
    }
    if poor(&best) {
        better(&mut best, model(constraints, FAST));
    }
    let Model { pieces, mut out, .. } = best?;
    out.sort_unstable_by_key(|c| (c.frames, c.at));
    Some((pieces, out))
}

/// What the constraints may mean.
struct Model {
    pieces: Vec<ClockPiece>,
    out: Vec<Constraint>,
    /// The fewer assumptions, the better: a packet left out counts 1, a break [`BREAK`].
    cost: usize,
}

/// The clock with the fewest breaks and packets left out, whose skew is at most `steepest`.
fn model(constraints: &[Constraint], steepest: f64) -> Option<Model> {
    let mut kept: Vec<usize> = (0..constraints.len()).collect();
    let mut doubtful = Vec::new();
    for _ in 0..ROUNDS {
        let course: Course =
            course(kept.iter().map(|&i| &constraints[i]), steepest, NOISE[1], BREAK);
        if course.jumps.len() >= MAX_PIECES {
            return None;
        }
        let mut stretches = stretch::split(constraints, &kept, &course.jumps, &course.out);
        stretch::shrink(&mut stretches, steepest, NOISE[1]);
        let doubted = stretch::doubted(&stretches, steepest, NOISE[1]);
        let ends: Vec<usize> =
            [0].into_iter().chain(course.jumps.iter().copied()).chain([kept.len()]).collect();
        let mut out = course.out;
        out.extend(doubted.iter().flat_map(|&i| ends[i]..ends[i + 1]));
        out.sort_unstable();
        out.dedup();
        let out = stretch::distrusted(constraints, &kept, out);
        doubtful.extend(out.iter().map(|&place| kept[place]));
        if doubted.is_empty() {
            let mut stretches = stretch::split(constraints, &kept, &course.jumps, &out);
            stretch::shrink(&mut stretches, steepest, NOISE[1]);
            return of_stretches(constraints, &stretches, doubtful, steepest);
        }
        let is_out = |place: &usize| out.binary_search(place).is_ok();
        kept = (0..kept.len()).filter(|place| !is_out(place)).map(|place| kept[place]).collect();
    }
    None
}

/// What stretches between which the clock was set come to, and what of the doubtful constraints contradicts them.
fn of_stretches(
    constraints: &[Constraint],
    stretches: &[Stretch],
    doubtful: Vec<usize>,
    steepest: f64,
) -> Option<Model> {
    let (mut pieces, mut out): (Vec<ClockPiece>, Vec<Constraint>) = (Vec::new(), Vec::new());
    for (i, stretch) in stretches.iter().enumerate() {
        let (mut more, left_out) = affine::pieces(&stretch.constraints, steepest, BREAK as usize);
        if let (Some(before), Some(first)) = (pieces.last(), more.first_mut()) {
            first.begins = Some(kind(before, first));
            first.proof = stretch::proof(&stretches[i - 1], stretch, steepest, NOISE[1]);
        }
        pieces.append(&mut more);
        out.extend(left_out);
    }
    if pieces.is_empty() || pieces.len() > MAX_PIECES {
        return None;
    }
    settle(&mut pieces);
    let contradicts = |c: &Constraint| !pieces.iter().any(|p| p.explains(c, NOISE[1]));
    out.extend(doubtful.into_iter().map(|i| constraints[i]).filter(contradicts));
    let few = (constraints.len() / 4).min(3);
    if out.len() > few.max(constraints.len() / 8) {
        return None;
    }
    let cost = out.len() + BREAK as usize * (pieces.len() - 1);
    Some(Model { pieces, out, cost })
}

/// Whether some time between the pieces joins them.
pub(super) fn kind(before: &ClockPiece, after: &ClockPiece) -> Break {
    let apart = |at| {
        let (old, new) = (before.offset_at(at), after.offset_at(at));
        (new.low > old.high, old.low > new.high)
    };
    match (apart(before.to), apart(after.from)) {
        ((true, _), (true, _)) | ((_, true), (_, true)) => Break::Step,
        _ => Break::Slew,
    }
}

/// A clock that breaks more often tells nothing; to look up a time takes time in proportion.
pub(super) const MAX_PIECES: usize = 256;

/// As many packets left out are as good an explanation as one break.
const BREAK: u32 = 2;

/// Largest skew taken for possible at first, nanoseconds a second: 500 ppm, what the kernel slews a clock by at NTP's request.
pub(super) const SLOW: f64 = 500_000.0;

/// And where that does not do: 10 %, the most that a kernel's tick can be changed by, as chrony does.
const FAST: f64 = 100_000_000.0;

/// In each of them something is found that is no break after all.
const ROUNDS: usize = 8;
