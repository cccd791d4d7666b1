//! The clocks of all points against the first.

use std::collections::VecDeque;

use rayon::prelude::*;

use super::pairs::constraints;
use super::{Clock, Constraint};
use crate::Point;
use crate::keys::Legs;
use crate::order::{self, Ordered, Votes};

/// Bounds every clock against the first point's, directly or through other points.
pub(crate) fn bound_clocks(
    points: &[Point],
    legs: &Legs,
    paths: &[Ordered],
    votes: &Votes,
) -> Vec<Option<Clock>> {
    let mut clocks: Vec<Option<Clock>> = vec![None; points.len()];
    let Some(reference) = clocks.first_mut() else { return clocks };
    *reference = Some(Clock::identity());
    let mut queue = VecDeque::from([0]);
    while let Some(known) = queue.pop_front() {
        let unknown: Vec<usize> = (0..points.len()).filter(|&p| clocks[p].is_none()).collect();
        let found: Vec<Option<Clock>> = unknown
            .par_iter()
            .map(|&p| Clock::from_constraints(between(points, legs, paths, votes, known, p), known))
            .collect();
        for (point, clock) in unknown.into_iter().zip(found) {
            if let (Some(clock), Some(middle)) = (clock, &clocks[known]) {
                clocks[point] = Some(if known == 0 { clock } else { clock.through(middle) });
                queue.push_back(point);
            }
        }
    }
    clocks
}

/// Everything the packets seen at both points prove about the clock of `here`. Legs of which packets do not prove the
/// order say nothing of the direction a packet travelled.
fn between(
    points: &[Point],
    legs: &Legs,
    paths: &[Ordered],
    votes: &Votes,
    reference: usize,
    here: usize,
) -> Vec<Constraint> {
    paths
        .par_iter()
        .flat_map_iter(|path| {
            let at =
                |point| path.legs.iter().copied().filter(move |l| l.point == point && !l.stray);
            at(reference).flat_map(move |a| at(here).map(move |b| (a, b))).flat_map(|(a, b)| {
                let order = order::order(legs, votes, a, b);
                let upstream = order.is_ne().then_some(order.is_lt());
                upstream.into_iter().flat_map(move |upstream| {
                    constraints(&a.of(points), &b.of(points), upstream).collect::<Vec<_>>()
                })
            })
        })
        .collect()
}
