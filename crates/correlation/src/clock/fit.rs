//! From constraints to the affine pieces that satisfy them.

use super::affine::{self, NOISE};
use super::course::{Course, course};
use super::stretch::{self, Stretch};
use super::{Break, ClockPiece, Constraint, Contradiction, settle};

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
    if pieces.len() > 1 || surrounded(constraints, &out) {
        return Some((pieces, out));
    }
    if let Some(pieces) = set_at_an_end(constraints, &out) {
        return Some((pieces, Vec::new()));
    }
    // One packet against one: which of both is wrong?
    let against = |c: &Constraint| {
        constraints.iter().filter(|k| stretch::contradict(k, c, SLOW, NOISE[1])).count()
    };
    out.iter().take(FEW).all(|c| against(c) != 1).then_some((pieces, out))
}

/// Whether packets of both directions were as they should both before and behind those that were not, if there are any.
fn surrounded(constraints: &[Constraint], out: &[Constraint]) -> bool {
    let (Some(first), Some(last)) = (out.first(), out.last()) else { return true };
    let both = |some: &mut dyn Iterator<Item = &Constraint>| {
        let seen = some.fold([false; 2], |[up, down], c| [up || c.forward, down || !c.forward]);
        seen == [true; 2]
    };
    both(&mut constraints.iter().take_while(|c| c.frames < first.frames))
        && both(&mut constraints.iter().rev().take_while(|c| c.frames > last.frames))
}

/// The two pieces of a clock of which few packets show that it was set, where no others show that it was not: those that
/// contradict the rest are the first or the last, and the rest of these are as late as the clock was set by, which would be a
/// strange delay.
fn set_at_an_end(constraints: &[Constraint], out: &[Constraint]) -> Option<Vec<ClockPiece>> {
    let (first, last) = (out.first()?, out.last()?);
    let mut pieces = affine::segments(constraints, NOISE[1], SLOW);
    let [old, new] = &mut pieces[..] else { return None };
    let [low, high] = [&*old, &*new].map(|p| p.offset_at(p.tightest_at));
    let by = high.estimate.saturating_sub(low.estimate).saturating_abs();
    if new.begins != Some(Break::Step) || low.width().max(high.width()) > by / STRANGE {
        return None;
    }
    let at_the_end = first.at >= new.from;
    let wrong = Contradiction::of(if at_the_end { first } else { last });
    let other = if at_the_end { old.tight } else { new.tight };
    let other = other[usize::from(first.forward)];
    new.proof = other.map(|other| if at_the_end { [other, wrong] } else { [wrong, other] });
    settle(&mut pieces);
    Some(pieces)
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
    if out.len() > few.max(constraints.len() / 5) {
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

/// How many times the width of its bounds a clock that few packets show was set by.
const STRANGE: i64 = 4;

/// How many packets left out are looked at one by one.
const FEW: usize = 16;

/// In each of them something is found that is no break after all.
const ROUNDS: usize = 8;
