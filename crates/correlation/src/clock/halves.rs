//! Clocks that packets to and from no single point bound on both sides: what is known of other points helps.

use crosscap_packet::Timestamp;
use rayon::prelude::*;

use super::{Clock, Constraint, OneSided, Side};

/// Bounds the clocks that no single point bounds on both sides by all others together, as far as that goes, and tells what is
/// known of the rest.
pub(super) fn join(
    ranked: &[usize],
    clocks: &mut [Option<Clock>],
    halves: Vec<Option<Known>>,
    proven: &(impl Fn(usize, usize) -> Vec<Constraint> + Sync),
) -> Vec<Option<OneSided>> {
    let is_unknown = |p: &usize| clocks[*p].is_none();
    let unknown: Vec<usize> = ranked.iter().copied().filter(is_unknown).collect();
    let clock_or =
        |(clock, half): (&Option<Clock>, Option<Known>)| clock.clone().map(Known::Clock).or(half);
    let mut known: Vec<Option<Known>> = clocks.iter().zip(halves).map(clock_or).collect();
    let one_sided = |known: &[Option<Known>]| {
        known.iter().map(|known| known.as_ref()?.one_sided()).collect::<Vec<_>>()
    };
    if unknown.is_empty() || known.len() < 3 {
        return one_sided(&known);
    }
    let all: Vec<Vec<Vec<Constraint>>> = unknown
        .par_iter()
        .map(|&p| {
            (0..known.len()).map(|q| if p == q { Vec::new() } else { proven(q, p) }).collect()
        })
        .collect();
    let mut all: Vec<_> = unknown.into_iter().zip(all).collect();
    // Each round settles a point or is the last.
    loop {
        let sum = |constraints: &[Vec<Constraint>]| {
            let against = constraints.iter().zip(&known);
            let of = |(some, known): (&Vec<Constraint>, &Option<Known>)| {
                let known = known.as_ref();
                some.iter().filter_map(move |c| known?.translate(c)).collect::<Vec<_>>()
            };
            Known::of(against.flat_map(of).collect())
        };
        let found: Vec<_> = all.par_iter().map(|(p, constraints)| (*p, sum(constraints))).collect();
        let mut settled = false;
        for (p, found) in found {
            let is_clock = matches!(found, Some(Known::Clock(_)));
            if found.is_some() && (is_clock || known[p].is_none()) {
                settled = true;
                known[p] = found;
            }
        }
        all.retain(|(p, _)| !matches!(known[*p], Some(Known::Clock(_))));
        if !settled {
            break;
        }
    }
    let told = one_sided(&known);
    for (clock, known) in clocks.iter_mut().zip(known).skip(1) {
        if let Some(Known::Clock(known)) = known {
            *clock = Some(known);
        }
    }
    told
}

/// What is known of a point's clock against the reference.
#[derive(Clone, Debug)]
pub(super) enum Known {
    Clock(Clock),
    /// Constraints of one direction only, against the reference, in order of capture.
    Half(Vec<Constraint>),
}

impl Known {
    /// What constraints against the reference come to; `None` where there are none.
    pub(super) fn of(constraints: Vec<Constraint>) -> Option<Self> {
        let forward = constraints.first()?.forward;
        if constraints.iter().all(|c| c.forward == forward) {
            return Some(Self::Half(tightest(constraints)));
        }
        Clock::from_constraints(constraints).map(Self::Clock)
    }

    /// The tightest bound, where there is one side only.
    pub(super) fn one_sided(&self) -> Option<OneSided> {
        match self {
            Self::Clock(_) => None,
            Self::Half(constraints) => OneSided::of(constraints),
        }
    }

    /// What a constraint against the point whose clock this is says against the reference. `None` where that clock is not
    /// bounded on the side that matters.
    pub(super) fn translate(&self, c: &Constraint) -> Option<Constraint> {
        match self {
            Self::Clock(clock) => {
                let [earliest, estimate, latest] = clock.to_reference(c.at);
                let offset = c.at.since(if c.forward { earliest } else { latest });
                // The reference time is not known to the nanosecond.
                let unknown = latest.since(earliest) / DRIFT + 1;
                Some(moved(c, estimate, offset, unknown))
            }
            Self::Half(constraints) => {
                let same_side = constraints.iter().filter(|known| known.forward == c.forward);
                let drifted = |known: &Constraint| {
                    let shown = known.at + known.difference;
                    let since = c.at.since(shown);
                    let unknown = since.saturating_abs() / DRIFT + 1;
                    moved(c, known.at + since, known.difference, unknown)
                };
                same_side.map(drifted).min_by_key(looseness)
            }
        }
    }
}

/// The constraint with the offset of the clock that it was measured against added, and so much doubt.
fn moved(c: &Constraint, at: Timestamp, offset: i64, doubt: i64) -> Constraint {
    let doubt = if c.forward { doubt } else { -doubt };
    let difference = c.difference.saturating_add(offset).saturating_add(doubt);
    Constraint { at, difference, ..*c }
}

/// Less for what bounds more tightly, among constraints of one direction.
fn looseness(c: &Constraint) -> i128 {
    let difference = i128::from(c.difference);
    if c.forward { difference } else { -difference }
}

/// The tightest of each of some spans of time.
fn tightest(mut constraints: Vec<Constraint>) -> Vec<Constraint> {
    constraints.sort_unstable_by_key(|c| (c.frames, c.at));
    let loose = |c: &&Constraint| (looseness(c), c.at);
    let spans = constraints.chunks(constraints.len().div_ceil(MAX_SPANS));
    spans.filter_map(|span| span.iter().min_by_key(loose)).copied().collect()
}

/// Clocks drift apart by at most one part in so many: 500 ppm.
const DRIFT: i64 = 2_000;

const MAX_SPANS: usize = 64;

impl OneSided {
    /// The tightest; `None` where there are packets of both ways, or none.
    pub(super) fn of(constraints: &[Constraint]) -> Option<Self> {
        let forward = constraints.first()?.forward;
        if constraints.iter().any(|c| c.forward != forward) {
            return None;
        }
        let noise = super::affine::NOISE[1];
        let told = |c: &Constraint| Self {
            at: c.at,
            offset: if forward {
                Side::High(c.difference.saturating_add(noise))
            } else {
                Side::Low(c.difference.saturating_sub(noise))
            },
        };
        let loose = |c: &&Constraint| (looseness(c), c.at);
        constraints.iter().min_by_key(loose).map(told)
    }
}
