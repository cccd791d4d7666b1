//! The clocks of all points against the first.

use std::cmp::Ordering;
use std::collections::VecDeque;

use rayon::prelude::*;

use super::choice::{Pair, tightest};
use super::graph::{Link, tighten};
use super::halves::{Known, join};
use super::pairs::proofs;
use super::{Clock, Constraint, OneSided};
use crate::keys::Legs;
use crate::order::Ordered;
use crate::{Leg, Point};

/// Every clock against the first point's, directly or through other points, and what is known of those that packets do not
/// bound on both sides. `same` are points that have the reference clock itself.
pub(crate) fn bound_clocks(
    points: &[Point],
    legs: &Legs,
    paths: &[Ordered],
    same: &[usize],
) -> (Vec<Option<Clock>>, Vec<Option<OneSided>>) {
    let mut clocks: Vec<Option<Clock>> = vec![None; points.len()];
    let Some(reference) = clocks.first_mut() else { return (clocks, Vec::new()) };
    *reference = Some(Clock::identity());
    // By name, so that the order of the points does not matter; but the first is the reference.
    let mut ranked: Vec<usize> = (0..points.len()).collect();
    ranked.sort_by_key(|&p| (p != 0, &points[p].name));
    let proven = |reference: usize, here: usize| {
        let rounded = [reference, here].map(|point| legs.resolution(point));
        let mut all = between(points, legs, paths, reference, here);
        all.iter_mut().for_each(|c| *c = Constraint { reference, ..c.rounded(rounded) });
        all
    };
    let mut halves: Vec<Option<Known>> = vec![None; points.len()];
    let mut queue = VecDeque::from([0]);
    for &point in same {
        clocks[point] = Some(Clock::identity());
        queue.push_back(point);
    }
    while let Some(known) = queue.pop_front() {
        let unknown: Vec<usize> = ranked.iter().copied().filter(|&p| clocks[p].is_none()).collect();
        let found: Vec<_> = unknown.par_iter().map(|&p| Known::of(proven(known, p))).collect();
        for (point, found) in unknown.into_iter().zip(found) {
            match (found, &clocks[known]) {
                (Some(Known::Clock(clock)), Some(middle)) => {
                    let clock = if known == 0 { Some(clock) } else { clock.through(middle) };
                    if clock.is_some() {
                        queue.push_back(point);
                        clocks[point] = clock;
                    }
                }
                (half, _) if known == 0 => halves[point] = half,
                _ => {}
            }
        }
    }
    let one_sided = join(&ranked, &mut clocks, halves, &proven);
    if points.len() > 2 {
        let pairs = ranked.iter().enumerate().skip(1);
        let pairs: Vec<[usize; 2]> =
            pairs.flat_map(|(i, &a)| ranked[i + 1..].iter().map(move |&b| [a, b])).collect();
        let link = |&[a, b]: &[usize; 2]| {
            Some(Link { ends: [a, b], clock: Clock::from_constraints(proven(a, b))? })
        };
        let measured = pairs.par_iter().filter_map(link);
        tighten(&mut clocks, &measured.collect::<Vec<_>>());
    }
    for (point, clock) in clocks.iter_mut().enumerate().skip(1) {
        if let Some(clock) = clock {
            clock.coarse = [0, point].map(|p| legs.resolution(p));
        }
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
    let unusual = unusual_order(legs, paths, reference, here);
    let proven = |pair: Pair| {
        let [a, b] = pair.legs.map(|leg| leg.of(points));
        proofs(&a, &b, pair.first_is_upstream)
    };
    let links = points.len() * (points.len() - 1) / 2;
    let ends = [reference, here];
    let all: usize = paths.par_iter().map(|path| legs_at(path, ends).count()).sum();
    let part = |part: &[Ordered]| {
        let pairs = part.iter().flat_map(|path| {
            legs_at(path, ends).filter_map(|[a, b]| {
                let order = path.order(legs, a, b)?;
                let told = order.is_ne() && Some(order) != unusual;
                let first_is_upstream = told.then_some(order.is_lt());
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

/// The order of two points that so few paths are in, that wrong times are more likely than that they came another way: where
/// no router is in between, times tell it.
fn unusual_order(
    legs: &Legs,
    paths: &[Ordered],
    reference: usize,
    here: usize,
) -> Option<Ordering> {
    let of = |path: &Ordered| {
        let pairs = legs_at(path, [reference, here]);
        let orders = pairs.filter_map(|[a, b]| path.order(legs, a, b));
        orders.fold([0u64; 2], |[less, greater], order| {
            [less + u64::from(order.is_lt()), greater + u64::from(order.is_gt())]
        })
    };
    let sum = |a: [u64; 2], b: [u64; 2]| [a[0] + b[0], a[1] + b[1]];
    let [less, greater] = paths.par_iter().map(of).reduce(|| [0; 2], sum);
    let few = |some: u64, others: u64| some * 8 < others;
    if few(less, greater) {
        return Some(Ordering::Less);
    }
    few(greater, less).then_some(Ordering::Greater)
}

/// How many pairs of legs are unpacked: for all pairs of points together, and for each of these at least. Of more, only those
/// that tell most are.
const MOST_PAIRS: usize = 16_384;
const FEWEST_PAIRS: usize = 1_024;

/// Pairs of legs of one path that are looked at: hostile numbers.
const MOST_OF_A_PATH: usize = 64;

/// Paths whose pairs are compared with each other.
const PART: usize = 4_096;
