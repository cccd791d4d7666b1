//! All points together.

use std::collections::VecDeque;

use crosscap_packet::Timestamp;
use rayon::prelude::*;

use crate::clock::{Constraint, constraints};
use crate::matching::{Group, group_legs};
use crate::order::Votes;
use crate::{Clock, Leg, Match, NatMapping, Path, Point, Role, Tier, nat, order};

/// What the points say together.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Correlation {
    /// The points, in the order given. Legs index into them.
    pub points: Vec<Point>,
    /// Where each point lies.
    pub roles: Vec<Role>,
    /// The clock of each point against that of the first, which is the reference; `None` where no packets bound it.
    pub clocks: Vec<Option<Clock>>,
    /// Every connection of every point is a leg of exactly one path. In order of first packets, by the estimated
    /// reference time.
    pub paths: Vec<Path>,
    /// What NAT did between the ends of the paths.
    pub nat: Vec<NatMapping>,
}

impl Correlation {
    /// The reference time of `time` in the clock of `point`: earliest, estimate, latest. `None` where the clock is not
    /// bounded.
    #[must_use]
    pub fn to_reference(&self, point: usize, time: Timestamp) -> Option<[Timestamp; 3]> {
        self.clocks[point].as_ref().map(|c| c.to_reference(time))
    }

    /// An estimate for sorting and showing only: the clock of the point is believed where nothing bounds it.
    #[must_use]
    pub fn reference_estimate(&self, point: usize, time: Timestamp) -> Timestamp {
        self.to_reference(point, time).map_or(time, |[_, estimate, _]| estimate)
    }
}

/// Matches the connections of all points. The first point's clock is the reference.
#[must_use]
pub fn correlate(mut points: Vec<Point>) -> Correlation {
    let groups = group_legs(&points);
    turn_midstream_legs(&mut points, &groups);
    let (mut legs, tiers): (Vec<Vec<Leg>>, Vec<Tier>) =
        groups.into_iter().map(|g| (g.legs, g.tier)).unzip();
    let (votes, ordered) = order::sort_legs(&points, &mut legs);
    let clocks = bound_clocks(&points, &legs, &votes);
    let paths = legs
        .into_iter()
        .zip(tiers)
        .zip(ordered)
        .map(|((legs, tier), ordered)| {
            let expected_false = expected_false(&points, &legs, tier);
            Path { legs, matched: Match { tier, expected_false }, ordered, name: String::new() }
        })
        .collect();
    let mut found = Correlation { points, roles: Vec::new(), clocks, paths, nat: Vec::new() };
    name_paths(&mut found.paths, &found.points);
    sort_paths(&mut found);
    found.roles = order::roles(found.points.len(), &found.paths);
    found.nat = nat::mappings(&found);
    found
}

/// Midstream legs guess who the originator is; the other legs of their path know better.
fn turn_midstream_legs(points: &mut [Point], groups: &[Group]) {
    for group in groups.iter().filter(|g| g.legs.len() > 1) {
        let sure = group.legs.iter().find(|l| !l.stray && !l.of(points).is_midstream());
        let Some(client) =
            sure.or_else(|| group.legs.iter().find(|l| !l.stray)).map(|l| l.of(points).orig)
        else {
            continue;
        };
        for leg in &group.legs {
            let c = &mut points[leg.point].connections[leg.connection];
            if c.is_midstream() && c.orig != client && c.resp == client {
                c.flip();
            }
        }
    }
}

fn expected_false(points: &[Point], legs: &[Leg], tier: Tier) -> f64 {
    if tier == Tier::None {
        return 0.0;
    }
    let size = |l: &Leg| points[l.point].connections.len() as f64;
    let (Some(first), Some(last)) =
        (legs.iter().find(|l| !l.stray), legs.iter().rfind(|l| !l.stray))
    else {
        return 0.0;
    };
    size(first) * size(last) * 2f64.powi(-tier.bits())
}

/// Bounds every clock against the first point's, directly or through other points.
fn bound_clocks(points: &[Point], paths: &[Vec<Leg>], votes: &Votes) -> Vec<Option<Clock>> {
    let mut clocks: Vec<Option<Clock>> = vec![None; points.len()];
    let Some(reference) = clocks.first_mut() else { return clocks };
    *reference = Some(Clock::identity());
    let mut queue = VecDeque::from([0]);
    while let Some(known) = queue.pop_front() {
        let unknown: Vec<usize> = (0..points.len()).filter(|&p| clocks[p].is_none()).collect();
        let found: Vec<Option<Clock>> = unknown
            .par_iter()
            .map(|&p| Clock::from_constraints(between(points, paths, votes, known, p)))
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
    paths: &[Vec<Leg>],
    votes: &Votes,
    reference: usize,
    here: usize,
) -> Vec<Constraint> {
    paths
        .par_iter()
        .flat_map_iter(|legs| {
            let at = |point| legs.iter().copied().filter(move |l| l.point == point && !l.stray);
            at(reference).flat_map(move |a| at(here).map(move |b| (a, b))).flat_map(|(a, b)| {
                let order = order::order(points, votes, a, b);
                let upstream = order.is_ne().then_some(order.is_lt());
                upstream
                    .into_iter()
                    .flat_map(move |upstream| constraints(a.of(points), b.of(points), upstream))
            })
        })
        .collect()
}

fn name_paths(paths: &mut [Path], points: &[Point]) {
    let mut seen = hashbrown::HashMap::<String, u32, foldhash::quality::RandomState>::default();
    for path in paths.iter_mut() {
        let leg = path.orig_leg().of(points);
        path.name = format!("{}>{}", leg.orig, leg.resp);
        if leg.incarnation > 1 {
            path.name += &format!("#{}", leg.incarnation);
        }
        *seen.entry(path.name.clone()).or_default() += 1;
    }
    for path in paths {
        if seen[&path.name] > 1 {
            let point = path.orig_leg().point;
            path.name += &format!("@{}", points[point].name);
        }
    }
}

fn sort_paths(found: &mut Correlation) {
    let mut paths = std::mem::take(&mut found.paths);
    paths.sort_by_cached_key(|path| {
        let leg = path.orig_leg();
        (found.reference_estimate(leg.point, leg.of(&found.points).first().time), path.name.clone())
    });
    found.paths = paths;
}
