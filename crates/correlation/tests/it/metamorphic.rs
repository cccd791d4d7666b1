//! What must not change the answer, and what may only make it weaker.

use std::collections::{BTreeMap, BTreeSet};

use crosscap_correlation::{Correlation, Leg, NatMapping, Point, correlate};
use crosscap_testkit::{SimPacket, Simulation};

use crate::seen::{Seen, name};
use crate::truth::{SECOND, chain, hard};

/// A leg by the name of its point.
type Place = (String, usize);

/// The paths, whatever the order of the points: their legs from client to server and what is told of them.
fn paths(found: &Correlation) -> BTreeSet<(Vec<Place>, String)> {
    let all = found.paths.iter().map(|path| {
        let legs: Vec<Place> = path.legs.iter().map(|&leg| place(found, leg)).collect();
        let strays = path.strays().count();
        let m = &path.matched;
        // Places in the list of paths follow the reference clock.
        let mut candidates: Vec<String> = m
            .candidates
            .iter()
            .map(|c| format!("{} {:?} {:.6}", found.paths[c.path].name, c.tier, c.probability))
            .collect();
        candidates.sort_unstable();
        let matched = format!("{:?} {} {candidates:?}", m.tier, m.expected_false);
        (legs, format!("{} {} {matched} {strays} strays", path.name, path.ordered))
    });
    all.collect()
}

fn place(found: &Correlation, leg: Leg) -> Place {
    (found.points[leg.point].name.clone(), leg.connection)
}

fn of(sim: &Simulation) -> Correlation {
    correlate(Seen::new(sim).points)
}

fn simulations() -> [Simulation; 2] {
    [hard(21, 600), chain(22, 300)]
}

#[test]
fn shifted_clocks() {
    for sim in simulations() {
        let found = of(&sim);
        for point in 0..sim.points.len() {
            for by in [-86_400 * SECOND, 1] {
                let mut shifted = sim.clone();
                shifted.points[point].clock.offset += by;
                assert!(paths(&of(&shifted)) == paths(&found), "{} by {by}", name(point));
            }
        }
    }
}

#[test]
fn merged_segments() {
    for mut sim in simulations() {
        sim.points.iter_mut().for_each(|p| p.merges = false);
        // What is lost would differ: drawn for each captured packet.
        sim.points.iter_mut().for_each(|p| p.loss = 0);
        let found = paths(&of(&sim));
        for point in 0..sim.points.len() {
            sim.points[point].merges = true;
            assert!(paths(&of(&sim)) == found, "{}", name(point));
        }
    }
}

#[test]
fn every_packet_twice() {
    for sim in simulations() {
        let twice = |p: SimPacket| [p, SimPacket { time: p.time + 700, ..p }];
        let doubled = Seen::of(sim.points.len(), sim.packets().flat_map(twice));
        assert!(paths(&correlate(doubled.points)) == paths(&of(&sim)));
    }
}

#[test]
fn any_number_of_threads() {
    for sim in simulations() {
        let points = Seen::new(&sim).points;
        let with = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let found = pool.install(|| correlate(points.clone()));
            format!("{:?} {:?} {:?} {:?}", found.paths, found.clocks, found.nat, found.roles)
        };
        let one = with(1);
        assert!(one == with(2));
        assert!(one == with(7));
    }
}

/// What was translated to what, and how often: what is told of it in the clock of the first point aside.
fn nat(found: &Correlation) -> Vec<String> {
    let told =
        |m: &NatMapping| format!("{:?} {:?} {:?} {}", m.before, m.after, m.kind, m.connections);
    found.nat.iter().map(told).collect()
}

#[test]
fn any_order_of_points() {
    for sim in simulations() {
        let points = Seen::new(&sim).points;
        let found = correlate(points.clone());
        for by in 1..points.len() {
            let mut turned = points.clone();
            turned.rotate_left(by);
            let again = correlate(turned);
            let (one, other) = (paths(&found), paths(&again));
            let differ: Vec<_> = one.symmetric_difference(&other).take(4).collect();
            assert!(differ.is_empty(), "by {by}: {differ:#?}");
            assert_eq!(nat(&again), nat(&found));
            let roles = |found: &Correlation| -> BTreeMap<String, String> {
                let names = found.points.iter().map(|p| p.name.clone());
                names.zip(found.roles.iter().map(|r| format!("{r:?}"))).collect()
            };
            assert_eq!(roles(&again), roles(&found));
        }
    }
}

#[test]
fn a_point_less_says_less_and_nothing_else() {
    let sim = chain(23, 800);
    let points = Seen::new(&sim).points;
    let all = correlate(points.clone());
    let mut joined: BTreeMap<Place, usize> = BTreeMap::new();
    for (index, path) in all.paths.iter().enumerate() {
        joined.extend(path.legs.iter().map(|&leg| (place(&all, leg), index)));
    }
    for without in 0..points.len() {
        let mut fewer: Vec<Point> = points.clone();
        fewer.remove(without);
        let found = correlate(fewer);
        let mut pairs = 0;
        for path in &found.paths {
            let mut places = path.legs.iter().map(|&leg| place(&found, leg));
            let first = places.next().unwrap();
            for other in places {
                pairs += 1;
                assert_eq!(joined[&first], joined[&other], "{first:?} {other:?}");
            }
            if path.ordered {
                // The ends may be others now; of two legs, none changes sides.
                let full = &all.paths[joined[&first]];
                let order: Vec<Place> = full.regular().map(|leg| place(&all, leg)).collect();
                let ends = [path.orig_leg(), path.resp_leg()].map(|leg| place(&found, leg));
                let at = ends.each_ref().map(|end| order.iter().position(|p| p == end));
                assert!(!full.ordered || at[0] < at[1], "{order:?} {ends:?}");
            }
        }
        assert!(pairs > 100);
    }
}
