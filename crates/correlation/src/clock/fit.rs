//! From constraints to the affine pieces that satisfy them.

use super::polygon::Polygon;
use super::{Break, ClockPiece, Constraint};

/// The pieces of a clock, in order of time, and the constraints that were left out; `None` where packets bound no piece on
/// both sides. `constraints` are in order of time. Takes time in proportion to their number, times that of the pieces.
pub(super) fn fit(constraints: &[Constraint]) -> Option<(Vec<ClockPiece>, Vec<Constraint>)> {
    // Timestamping has some noise of its own; allow more of it only where less does not do.
    for noise in NOISE {
        if let Ok(polygon) = affine(constraints, &[], noise) {
            return Some((vec![piece(constraints, &[], polygon)?], Vec::new()));
        }
    }
    // What more noise does not explain, less does not either.
    if let Some(loose) = without_outliers(constraints, NOISE[1]) {
        let (polygon, out) = without_outliers(constraints, NOISE[0]).unwrap_or(loose);
        let outliers = out.iter().map(|&i| constraints[i]).collect();
        return Some((vec![piece(constraints, &out, polygon)?], outliers));
    }
    Some((segments(constraints, NOISE[0])?, Vec::new()))
}

/// Every affine clock that satisfies all constraints but those in `out`, or the place of the first that none satisfies
/// together with those before it, and what these allow.
fn affine(
    constraints: &[Constraint],
    out: &[usize],
    noise: i64,
) -> Result<Polygon, (usize, Polygon)> {
    let first = constraints.iter().enumerate().find(|(i, _)| !out.contains(i));
    let Some((_, first)) = first else { return Ok(Polygon::identity()) };
    let mut polygon = Polygon::around(first.at, first.difference);
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
    let mine =
        || constraints.iter().enumerate().filter(|(i, _)| !out.contains(i)).map(|(_, c)| c.at);
    let (from, to) = (mine().next()?, mine().next_back()?);
    let tightest_at = mine().min_by_key(|&at| polygon.offset_at(at).width())?;
    Some(ClockPiece { from, to, tightest_at, begins: None, polygon })
}

/// An affine clock for all constraints but a few, if the clock was the same before and after these: otherwise it may have
/// been set.
fn without_outliers(constraints: &[Constraint], noise: i64) -> Option<(Polygon, Vec<usize>)> {
    let most = (constraints.len() / 10_000).clamp(3, MAX_OUTLIERS).min(constraints.len() / 10);
    let mut out = Vec::new();
    loop {
        let (at, polygon) = match affine(constraints, &out, noise) {
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
            affine(constraints, &less, noise).map_or_else(|(reached, _)| reached, |_| usize::MAX)
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
fn segments(constraints: &[Constraint], noise: i64) -> Option<Vec<ClockPiece>> {
    let latest = breaks(constraints.iter(), noise);
    if latest.len() >= MAX_PIECES {
        return None;
    }
    let backwards = breaks(constraints.iter().rev(), noise);
    // Places count from the other end: the piece before ends behind this one.
    let earliest: Vec<usize> = backwards.iter().rev().map(|i| constraints.len() - i).collect();
    let begins = std::iter::once(0).chain(latest.iter().copied());
    let ends = earliest.iter().copied().chain([constraints.len()]);
    let mut pieces: Vec<ClockPiece> = Vec::new();
    for (begin, end) in begins.zip(ends) {
        let mine = constraints.get(begin..end).unwrap_or_default();
        let Ok(polygon) = affine(mine, &[], noise) else { continue };
        // Unbounded: a remnant between two steps, or traffic one way only.
        let Some(mut piece) = piece(mine, &[], polygon) else { continue };
        piece.begins = pieces.last().map(|before| kind(before, &piece));
        pieces.push(piece);
    }
    (!pieces.is_empty()).then_some(pieces)
}

/// Where pieces begin that are as long as can be, the first aside.
fn breaks<'a>(constraints: impl Iterator<Item = &'a Constraint>, noise: i64) -> Vec<usize> {
    let mut found = Vec::new();
    let mut polygon: Option<Polygon> = None;
    for (i, c) in constraints.enumerate() {
        let around = || Polygon::around(c.at, c.difference);
        let current = polygon.get_or_insert_with(around);
        if !current.clip(c.at, c.difference, c.forward, noise) {
            *current = around();
            current.clip(c.at, c.difference, c.forward, noise);
            found.push(i);
        }
    }
    found
}

/// Whether some time between the pieces joins them.
fn kind(before: &ClockPiece, after: &ClockPiece) -> Break {
    let apart = |at| {
        let (old, new) = (before.offset_at(at), after.offset_at(at));
        (new.low > old.high, old.low > new.high)
    };
    match (apart(before.to), apart(after.from)) {
        ((true, _), (true, _)) | ((_, true), (_, true)) => Break::Step,
        _ => Break::Slew,
    }
}

/// How much a timestamp may be off, nanoseconds: of taps on one host, and of a host with several receive queues.
pub(super) const NOISE: [i64; 2] = [3_000, 20_000];

/// A clock that breaks more often tells nothing; to look up a time takes time in proportion.
pub(super) const MAX_PIECES: usize = 256;

/// Each costs a few passes.
const MAX_OUTLIERS: usize = 16;
