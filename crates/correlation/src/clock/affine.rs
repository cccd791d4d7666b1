//! Clocks that run at one rate, and what to do where none satisfies all constraints.

use super::fit::{MAX_PIECES, SLOW, kind};
use super::polygon::Polygon;
use super::{ClockPiece, Constraint, Contradiction};

/// The pieces of a clock that was not set, and the constraints that were left out: where it did not run at one rate, either
/// the rate changed or times of packets are wrong, whichever takes less, a change counting as much as `change` packets. No
/// pieces where packets bound none on both sides.
pub(super) fn pieces(
    constraints: &[Constraint],
    steepest: f64,
    change: usize,
) -> (Vec<ClockPiece>, Vec<Constraint>) {
    for noise in NOISE {
        if let Ok(polygon) = affine(constraints, &[], noise, steepest) {
            let polygon = match affine(constraints, &[], noise, SLOW) {
                Ok(slow) => slow,
                Err(_) => polygon,
            };
            return (piece(constraints, &[], polygon).into_iter().collect(), Vec::new());
        }
    }
    let changed = segments(constraints, NOISE[1], steepest);
    // What more noise does not explain, less does not either.
    let without = |noise| without_outliers(constraints, noise, steepest);
    let cheap = |out: &Vec<usize>| changed.is_empty() || out.len() <= change * (changed.len() - 1);
    if let Some(loose) = without(NOISE[1]).filter(|(_, out)| cheap(out)) {
        let (polygon, out) = without(NOISE[0]).filter(|(_, out)| cheap(out)).unwrap_or(loose);
        let pieces: Vec<_> = piece(constraints, &out, polygon).into_iter().collect();
        return (pieces, out.iter().map(|&i| constraints[i]).collect());
    }
    (changed, Vec::new())
}

/// Every affine clock that satisfies all constraints but those in `out`, or the place of the first that none satisfies
/// together with those before it, and what these allow.
fn affine(
    constraints: &[Constraint],
    out: &[usize],
    noise: i64,
    steepest: f64,
) -> Result<Polygon, (usize, Polygon)> {
    let first = constraints.iter().enumerate().find(|(i, _)| !out.contains(i));
    let Some((_, first)) = first else { return Ok(Polygon::identity()) };
    let mut polygon = Polygon::around(first.at, first.difference, steepest);
    for (i, c) in constraints.iter().enumerate().filter(|(i, _)| !out.contains(i)) {
        if !polygon.clip(c.at, c.difference, c.forward, noise) {
            return Err((i, polygon));
        }
    }
    Ok(polygon)
}

/// A bounded piece over these constraints.
fn piece(constraints: &[Constraint], out: &[usize], polygon: Polygon) -> Option<ClockPiece> {
    if !polygon.is_bounded() {
        return None;
    }
    let mine = constraints.iter().enumerate().filter(|(i, _)| !out.contains(i)).map(|(_, c)| c);
    let mut of: Option<ClockPiece> = None;
    let mut tightest = i64::MAX;
    let mut loosest = [i64::MAX; 2];
    for c in mine {
        let bounds = polygon.offset_at(c.at);
        // Which of the clocks is set while a packet is on its way is not known: what a packet proves holds at some time
        // between both stamps.
        let here = c.at + c.difference;
        let (early, late) = match c.forward {
            true => (c.at, c.at.max(here - bounds.low)),
            false => (c.at.min(here - bounds.high), c.at),
        };
        let new = || ClockPiece::new([late, early], c.at, polygon.clone());
        let piece = of.get_or_insert_with(new);
        (piece.from, piece.to) = (piece.from.min(late), piece.to.max(early));
        if bounds.width() < tightest {
            (tightest, piece.tightest_at) = (bounds.width(), c.at);
        }
        let room = match c.forward {
            true => c.difference.saturating_sub(bounds.high),
            false => bounds.low.saturating_sub(c.difference),
        };
        let side = usize::from(!c.forward);
        if room < loosest[side] {
            (loosest[side], piece.tight[side]) = (room, Some(Contradiction::of(c)));
        }
    }
    of
}

/// The only piece of a clock, if there are constraints of both directions.
pub(super) fn only(constraints: &[Constraint], noise: i64) -> Option<Option<ClockPiece>> {
    let polygon = affine(constraints, &[], noise, SLOW).ok()?;
    Some(piece(constraints, &[], polygon))
}

/// An affine clock for all constraints but a few, if the clock was the same before and after these: otherwise it may have
/// been set.
fn without_outliers(
    constraints: &[Constraint],
    noise: i64,
    steepest: f64,
) -> Option<(Polygon, Vec<usize>)> {
    let affordable = (MOST_WORK / constraints.len().max(1)).clamp(3, MAX_OUTLIERS);
    let most = affordable.min(constraints.len() / 10);
    let mut out = Vec::new();
    loop {
        let (at, polygon) = match affine(constraints, &out, noise, steepest) {
            Ok(polygon) => {
                out.sort_unstable();
                return surrounded(constraints, &out).then_some((polygon, out));
            }
            Err(found) => found,
        };
        if out.len() >= most {
            return None;
        }
        // Three constraints that cannot all be true: by Helly's theorem there are such in the plane. The one without which
        // the others reach farthest is wrong.
        let without = |i: usize| {
            let less: Vec<usize> = out.iter().copied().chain([i]).collect();
            affine(constraints, &less, noise, steepest)
                .map_or_else(|(reached, _)| reached, |_| usize::MAX)
        };
        let triple = witnesses(constraints, &out, at, &polygon);
        let (reached, wrong) = triple.into_iter().map(|i| (without(i), i)).max()?;
        // One after the other contradicts: that is a clock that was set, not packets here and there.
        if out.len() >= 3 && reached.saturating_sub(at) < constraints.len() / (64 * most) {
            return None;
        }
        out.push(wrong);
    }
}

/// The constraint at `at`, and the two before it that keep the clocks that satisfy them farthest from satisfying it.
fn witnesses(
    constraints: &[Constraint],
    out: &[usize],
    at: usize,
    polygon: &Polygon,
) -> Vec<usize> {
    let c = &constraints[at];
    let nearest = polygon.nearest(c.at, c.difference, c.forward);
    let mut closest: Vec<(f64, usize)> = Vec::new();
    for (i, other) in constraints[..at].iter().enumerate().filter(|(i, _)| !out.contains(i)) {
        closest.push((nearest.distance(other.at, other.difference), i));
        if closest.len() > 2 {
            closest.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            closest.truncate(2);
        }
    }
    closest.into_iter().map(|(_, i)| i).chain([at]).collect()
}

/// Whether packets of both directions were as they should both before and behind those in `out`, which is in order.
fn surrounded(constraints: &[Constraint], out: &[usize]) -> bool {
    let (Some(&first), Some(&last)) = (out.first(), out.last()) else { return true };
    let both =
        |some: &[Constraint]| some.iter().any(|c| c.forward) && some.iter().any(|c| !c.forward);
    both(&constraints[..first]) && both(&constraints[last + 1..])
}

/// As few affine pieces as there can be. A break lies somewhere from the earliest to the latest place that allows so few,
/// and constraints in between may belong to either side, so they count for none.
pub(super) fn segments(constraints: &[Constraint], noise: i64, steepest: f64) -> Vec<ClockPiece> {
    let latest = breaks(constraints.iter(), noise, steepest);
    if latest.len() >= MAX_PIECES {
        return Vec::new();
    }
    let backwards = breaks(constraints.iter().rev(), noise, steepest);
    // Places count from the other end: the piece before ends behind this one.
    let earliest: Vec<usize> = backwards.iter().rev().map(|i| constraints.len() - i).collect();
    let begins = std::iter::once(0).chain(latest.iter().copied());
    let ends = earliest.iter().copied().chain([constraints.len()]);
    let mut pieces: Vec<ClockPiece> = Vec::new();
    for (begin, end) in begins.zip(ends) {
        let mine = constraints.get(begin..end).unwrap_or_default();
        let slow = affine(mine, &[], noise, SLOW);
        let Ok(polygon) = slow.or_else(|_| affine(mine, &[], noise, steepest)) else { continue };
        // Unbounded: a remnant between two breaks, or traffic one way only.
        let Some(mut piece) = piece(mine, &[], polygon) else { continue };
        piece.begins = pieces.last().map(|before| kind(before, &piece));
        pieces.push(piece);
    }
    pieces
}

/// Where pieces begin that are as long as can be, the first aside.
fn breaks<'a>(
    constraints: impl Iterator<Item = &'a Constraint>,
    noise: i64,
    steepest: f64,
) -> Vec<usize> {
    let mut found = Vec::new();
    let mut polygon: Option<Polygon> = None;
    for (i, c) in constraints.enumerate() {
        let around = || Polygon::around(c.at, c.difference, steepest);
        let current = polygon.get_or_insert_with(around);
        if !current.clip(c.at, c.difference, c.forward, noise) {
            *current = around();
            current.clip(c.at, c.difference, c.forward, noise);
            found.push(i);
        }
    }
    found
}

/// How much a timestamp may be off, nanoseconds: of taps on one host, and of a host with several receive queues.
pub(super) const NOISE: [i64; 2] = [3_000, 20_000];

/// Each costs a few passes.
const MAX_OUTLIERS: usize = 64;

/// Constraints times outliers, for which the time is taken.
const MOST_WORK: usize = 4_000_000;
