//! The clocks of all points against the first.

use std::collections::VecDeque;

use rayon::prelude::*;

use super::choice::{Pair, tightest};
use super::graph::{Link, tighten};
use super::pairs::{causal, constraints};
use super::{Clock, Constraint, OneSided};
use crate::keys::Legs;
use crate::order::Ordered;
use crate::{Leg, Point};

/// Every clock against the first point's, directly or through other points, and what is known of those that packets do not
/// bound on both sides.
pub(crate) fn bound_clocks(
    points: &[Point],
    legs: &Legs,
    paths: &[Ordered],
) -> (Vec<Option<Clock>>, Vec<Option<OneSided>>) {
    let mut clocks: Vec<Option<Clock>> = vec![None; points.len()];
    let mut one_sided = vec![None; points.len()];
    let Some(reference) = clocks.first_mut() else { return (clocks, one_sided) };
    *reference = Some(Clock::identity());
    // By name, so that the order of the points does not matter; but the first is the reference.
    let mut ranked: Vec<usize> = (0..points.len()).collect();
    ranked.sort_by_key(|&p| (p != 0, &points[p].name));
    let proven = |reference, here| between(points, legs, paths, reference, here);
    let mut queue = VecDeque::from([0]);
    while let Some(known) = queue.pop_front() {
        let unknown: Vec<usize> = ranked.iter().copied().filter(|&p| clocks[p].is_none()).collect();
        let found: Vec<_> = unknown
            .par_iter()
            .map(|&p| {
                let all = proven(known, p);
                let half = if known == 0 { OneSided::of(&all) } else { None };
                (Clock::from_constraints(all, known), half)
            })
            .collect();
        for (point, (clock, half)) in unknown.into_iter().zip(found) {
            one_sided[point] = one_sided[point].or(half);
            if let (Some(clock), Some(middle)) = (clock, &clocks[known]) {
                let clock = if known == 0 { Some(clock) } else { clock.through(middle) };
                if clock.is_some() {
                    queue.push_back(point);
                    clocks[point] = clock;
                }
            }
        }
    }
    for (half, _) in one_sided.iter_mut().zip(&clocks).filter(|(_, clock)| clock.is_some()) {
        *half = None;
    }
    if points.len() > 2 {
        let pairs = ranked.iter().enumerate().skip(1);
        let pairs: Vec<[usize; 2]> =
            pairs.flat_map(|(i, &a)| ranked[i + 1..].iter().map(move |&b| [a, b])).collect();
        let link = |&[a, b]: &[usize; 2]| {
            Some(Link { ends: [a, b], clock: Clock::from_constraints(proven(a, b), a)? })
        };
        let measured = pairs.par_iter().filter_map(link);
        tighten(&mut clocks, &measured.collect::<Vec<_>>());
    }
    (clocks, one_sided)
}

/// What the packets seen at both points prove about the clock of `here`. Legs of which packets do not prove the order say
/// nothing of the direction a packet travelled.
fn between(
    points: &[Point],
    legs: &Legs,
    paths: &[Ordered],
    reference: usize,
    here: usize,
) -> Vec<Constraint> {
    let proven = |pair: Pair| {
        let [a, b] = pair.legs.map(|leg| leg.of(points));
        let copies = pair.first_is_upstream.into_iter().flat_map(|up| constraints(&a, &b, up));
        copies.chain(causal(&a, &b)).collect::<Vec<_>>()
    };
    let links = points.len() * (points.len() - 1) / 2;
    let ends = [reference, here];
    let all: usize = paths.par_iter().map(|path| legs_at(path, ends).count()).sum();
    let part = |part: &[Ordered]| {
        let pairs = part.iter().flat_map(|path| {
            legs_at(path, ends).filter_map(|[a, b]| {
                let order = path.order(legs, a, b)?;
                let first_is_upstream = order.is_ne().then_some(order.is_lt());
                Some(Pair { legs: [a, b], first_is_upstream })
            })
        });
        let pairs = pairs.collect();
        let few = all <= (MOST_PAIRS / links).max(FEWEST_PAIRS);
        if few { pairs } else { tightest(legs, pairs) }
    };
    let chosen: Vec<Pair> = paths.par_chunks(PART).flat_map_iter(part).collect();
    chosen.into_par_iter().flat_map_iter(proven).collect()
}

/// Legs of a path, one at each of two points, strays aside.
fn legs_at(path: &Ordered, [reference, here]: [usize; 2]) -> impl Iterator<Item = [Leg; 2]> {
    let at = |point| move |leg: &&Leg| leg.point == point && !leg.stray;
    let theirs = path.legs.iter().filter(at(reference));
    let pairs = theirs.flat_map(move |&a| path.legs.iter().filter(at(here)).map(move |&b| [a, b]));
    pairs.take(MOST_OF_A_PATH)
}

/// How many pairs of legs are unpacked: for all pairs of points together, and for each of these at least. Of more, only those
/// that tell most are.
const MOST_PAIRS: usize = 16_384;
const FEWEST_PAIRS: usize = 1_024;

/// Pairs of legs of one path that are looked at: hostile numbers.
const MOST_OF_A_PATH: usize = 64;

/// Paths whose pairs are compared with each other.
const PART: usize = 4_096;
