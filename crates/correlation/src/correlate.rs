//! All points together.

use std::hash::BuildHasher;

use crosscap_packet::Timestamp;
use crosscap_reassembly::Direction;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use rayon::prelude::*;

use crate::clock::bound_clocks;
use crate::keys::{LegKey, Legs};
use crate::matching::{Group, Joined, Likely, group_legs};
use crate::order::Ordered;
use crate::payload::StreamDigest;
use crate::proxies::{self, Met};
use crate::{
    Candidate, Clock, Leg, Match, Merged, NatMapping, OneSided, Path, Point, Role, SamePlace,
    Selection, Tier, nat, order, places,
};

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
    /// Of each point whose clock is not bounded, what is known of it by packets that travelled one way only.
    pub one_sided: Vec<Option<OneSided>>,
    /// Every connection of every point is a leg of exactly one path, or a copy of one. In order of first packets, by the
    /// estimated reference time.
    pub paths: Vec<Path>,
    /// What NAT did between the ends of the paths.
    pub nat: Vec<NatMapping>,
    /// What the capture of each point leaves out.
    pub selections: Vec<Selection>,
    /// For each point, that its files hold captures of several places.
    pub merged: Vec<Option<Merged>>,
    /// For each point, which earlier one is the same place.
    pub same_places: Vec<Option<SamePlace>>,
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

/// Matches the connections of all points by what is known of them without their payload. The first point's clock is the
/// reference.
#[must_use]
pub fn correlate(points: Vec<Point>) -> Correlation {
    Matching::new(points).finish(&[])
}

/// The connections of all points, matched as far as their numbers tell.
#[derive(Debug)]
pub struct Matching {
    points: Vec<Point>,
    legs: Legs,
    groups: Vec<Group>,
    met: Met,
    merged: Vec<Option<Merged>>,
}

impl Matching {
    /// Matches the connections of all points. The first point's clock is the reference.
    #[must_use]
    pub fn new(mut points: Vec<Point>) -> Self {
        let mut legs = Legs::of(&points);
        let groups = group_legs(&mut legs, points.len());
        turn_midstream_legs(&mut points, &mut legs, &groups);
        let met = proxies::meetings(&legs, &groups);
        let merged =
            points.iter().enumerate().map(|(i, point)| Merged::of(point, &legs, i)).collect();
        Self { points, legs, groups, met, merged }
    }

    /// The points, in the order given. Legs index into them.
    #[must_use]
    pub fn points(&self) -> &[Point] {
        &self.points
    }

    /// For each point, that its files hold captures of several places: better taken apart and matched again.
    #[must_use]
    pub fn merged(&self) -> &[Option<Merged>] {
        &self.merged
    }

    /// The points back, to be matched again with others.
    #[must_use]
    pub fn into_points(self) -> Vec<Point> {
        self.points
    }

    /// Legs that may be one side of a proxy, in order: a digest of what each end of them sent would tell. None where no
    /// connection looks like it.
    #[must_use]
    pub fn wants_payload(&self) -> Vec<Leg> {
        self.met.wanted()
    }

    #[cfg(test)]
    pub(crate) fn meetings(&self) -> usize {
        self.met.len()
    }

    /// Everything, with the digests of originator and responder of the legs that were asked for.
    #[must_use]
    pub fn finish(self, digests: &[(Leg, [StreamDigest; 2])]) -> Correlation {
        let Self { points, legs, groups, met, merged } = self;
        let mut groups = proxies::join(&points, &legs, groups, met, digests);
        let places = places::same_places(points.len(), &legs, &groups);
        let mut clocks = None;
        let mut copies = vec![Vec::new(); groups.len()];
        if places.iter().any(Option::is_some) {
            // Copies are no evidence, but they do bound the clocks of their points.
            let members = groups.iter().map(Group::members).collect();
            let ordered = order::sort_legs(&legs, &points, members);
            let mut bounded =
                bound_clocks(&points, &legs, &ordered, &places::of_reference(&places));
            places::share_clocks(&mut bounded, &places);
            clocks = Some(bounded);
            let taken = groups.par_iter_mut().map(|g| places::take_copies(g, &legs, &places));
            copies = taken.collect();
        }
        let (members, keys): (Vec<_>, Vec<_>) = groups
            .into_iter()
            .zip(copies)
            .map(|(g, copies)| {
                let proxied = g.is_proxied();
                (((g.legs, g.numberings), proxied), (g.joined, g.candidates, copies))
            })
            .unzip();
        let ordered = order::sort_legs(&legs, &points, members);
        let (clocks, one_sided) =
            clocks.unwrap_or_else(|| bound_clocks(&points, &legs, &ordered, &[]));
        let mut paths: Vec<Path> = ordered
            .into_iter()
            .zip(keys)
            .map(|(ordered, (joined, candidates, copies))| {
                let matched = Match {
                    tier: joined.tier,
                    expected_false: expected_false(&points, &ordered.legs, joined),
                    candidates: probable(&candidates),
                };
                let Ordered { legs, ends_proven, ties, .. } = ordered;
                Path { legs, copies, matched, ordered: ends_proven, ties, name: String::new() }
            })
            .collect();
        name_paths(&mut paths, &points, &legs);
        let selections = (0..points.len()).map(|point| Selection::of(legs.at(point))).collect();
        let mut found = Correlation {
            points,
            roles: Vec::new(),
            clocks,
            one_sided,
            paths,
            nat: Vec::new(),
            selections,
            merged,
            same_places: places,
        };
        sort_paths(&mut found, &legs);
        found.roles = order::roles(found.points.len(), &found.paths);
        places::share_roles(&mut found.roles, &found.same_places);
        found.nat = nat::mappings(&found, &legs);
        found
    }
}

/// Each with the probability that it and none of the others is the same connection.
fn probable(candidates: &[Likely]) -> Vec<Candidate> {
    let all = 1.0 + candidates.iter().map(|c| c.odds).sum::<f64>();
    let told = |c: &Likely| Candidate { path: c.group, tier: c.tier, probability: c.odds / all };
    candidates.iter().map(told).collect()
}

/// Midstream legs guess who the originator is; the other legs of their path know better.
fn turn_midstream_legs(points: &mut [Point], legs: &mut Legs, groups: &[Group]) {
    for group in groups.iter().filter(|g| g.legs.len() > 1) {
        let sure = group.legs.iter().find(|l| !l.stray && !legs.key(**l).is_midstream());
        let Some(like) = sure.or_else(|| group.legs.iter().find(|l| !l.stray)).copied() else {
            continue;
        };
        for leg in group.legs.iter().copied().filter(|leg| *leg != like) {
            if legs.key(leg).is_midstream() && is_turned(legs.key(leg), legs.key(like)) {
                points[leg.point].connections.flip(leg.connection);
                let place = legs.place(leg);
                legs.keys[place].flip();
            }
        }
    }
}

/// Whether the originator of `key` is the responder of `like`: by its end or, translated, by its numbers.
fn is_turned(key: &LegKey, like: &LegKey) -> bool {
    if key.orig == like.orig || key.resp == like.orig {
        return key.orig != like.orig;
    }
    let apart = |direction: Direction| {
        let (mine, theirs) = (key.range(direction)?, like.range(Direction::Orig)?);
        Some(mine[1].ahead_of(theirs[1]).unsigned_abs())
    };
    match Direction::BOTH.map(apart) {
        [Some(same), Some(turned)] => turned < same,
        _ => false,
    }
}

fn expected_false(points: &[Point], legs: &[Leg], joined: Joined) -> f64 {
    if joined.tier == Tier::None {
        return 0.0;
    }
    let size = |l: &Leg| points[l.point].connections.len() as f64;
    let (Some(first), Some(last)) =
        (legs.iter().find(|l| !l.stray), legs.iter().rfind(|l| !l.stray))
    else {
        return 0.0;
    };
    size(first) * size(last) * (-joined.bits).exp2()
}

/// Names all paths after their ends, and those that then share a name after their points as well.
fn name_paths(paths: &mut [Path], points: &[Point], legs: &Legs) {
    let key = |path: &Path| legs.key(path.orig_leg());
    let ends = |path: usize| (key(&paths[path]).ends(), key(&paths[path]).incarnation);
    let seeds = foldhash::quality::RandomState::default();
    let hash = |&path: &usize| seeds.hash_one(ends(path));
    let mut first: HashTable<usize> = HashTable::with_capacity(paths.len());
    let mut is_shared = vec![false; paths.len()];
    for path in 0..paths.len() {
        match first.entry(hash(&path), |&other| ends(other) == ends(path), hash) {
            Entry::Occupied(other) => {
                is_shared[path] = true;
                is_shared[*other.get()] = true;
            }
            Entry::Vacant(free) => _ = free.insert(path),
        }
    }
    paths.par_iter_mut().zip(is_shared).for_each(|(path, is_shared)| {
        let LegKey { leg, orig, resp, incarnation, .. } = legs.key(path.orig_leg());
        let mut name = format!("{orig}>{resp}");
        if *incarnation > 1 {
            name += &format!("#{incarnation}");
        }
        if is_shared {
            name += &format!("@{}", points[leg.point].name);
        }
        path.name = name;
    });
}

fn sort_paths(found: &mut Correlation, legs: &Legs) {
    let begin = |path: usize| {
        let leg = found.paths[path].orig_leg();
        (found.reference_estimate(leg.point, legs.key(leg).begin), path)
    };
    let mut begins: Vec<_> = (0..found.paths.len()).into_par_iter().map(begin).collect();
    let name = |path: usize| &found.paths[path].name;
    begins.par_sort_unstable_by(|a, b| {
        a.0.cmp(&b.0).then_with(|| name(a.1).cmp(name(b.1))).then(a.1.cmp(&b.1))
    });
    let mut place = vec![0; begins.len()];
    for (new, &(_, old)) in begins.iter().enumerate() {
        place[old] = new;
    }
    for path in &mut found.paths {
        path.matched.candidates.iter_mut().for_each(|c| c.path = place[c.path]);
        path.matched.candidates.sort_by_key(|c| c.path);
    }
    for path in 0..place.len() {
        while place[path] != path {
            let to = place[path];
            found.paths.swap(path, to);
            place.swap(path, to);
        }
    }
}
