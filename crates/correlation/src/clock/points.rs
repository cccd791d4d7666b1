//! The clocks of all points against the first.

use std::cmp::Ordering;

use std::collections::VecDeque;

use rayon::prelude::*;

use super::graph::{Link, tighten};
use super::pairs::{causal, constraints};
use super::{Clock, Constraint, OneSided};
use crate::Point;
use crate::keys::Legs;
use crate::order::Ordered;

/// Every clock against the first point's, directly or through other points, and what is known of those that packets do not
/// bound on both sides. `same` are points that have the reference clock itself.
pub(crate) fn bound_clocks(
    points: &[Point],
    legs: &Legs,
    paths: &[Ordered],
    same: &[usize],
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
    for &point in same {
        clocks[point] = Some(Clock::identity());
        queue.push_back(point);
    }
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

/// Everything the packets seen at both points prove about the clock of `here`. Legs of which packets do not prove the
/// order say nothing of the direction a packet travelled.
fn between(
    points: &[Point],
    legs: &Legs,
    paths: &[Ordered],
    reference: usize,
    here: usize,
) -> Vec<Constraint> {
    paths
        .par_iter()
        .flat_map_iter(|path| {
            let at =
                |point| path.legs.iter().copied().filter(move |l| l.point == point && !l.stray);
            at(reference).flat_map(move |a| at(here).map(move |b| (a, b))).flat_map(|(a, b)| {
                let order = path.order(legs, a, b);
                let upstream = order.filter(|order| order.is_ne()).map(Ordering::is_lt);
                let comparable = order.map(|_| (a.of(points), b.of(points)));
                comparable.into_iter().flat_map(move |(a, b)| {
                    let copies = upstream.into_iter().flat_map(|up| constraints(&a, &b, up));
                    copies.chain(causal(&a, &b)).collect::<Vec<_>>()
                })
            })
        })
        .collect()
}
