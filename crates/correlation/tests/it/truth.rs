//! No wrong pair, and hardly one missed.

use crosscap_correlation::correlate;
use crosscap_packet::Timestamp;
use crosscap_testkit::{SimChange, SimClock, SimHop, SimMix, SimNat, SimPoint, Simulation};

use crate::judge::{By, Verdict};
use crate::seen::Seen;

pub(crate) const SECOND: i64 = 1_000_000_000;

/// Everything at once: NAT of all kinds, loss on the way and in the captures, a capture that starts late and one that
/// ends early, merged segments, copies, decoys, floods, four-tuples used again and clients that begin with one number.
pub(crate) fn hard(seed: u64, connections: u32) -> Simulation {
    let mut sim = Simulation::new(seed, connections);
    sim.per_second = 1 + connections / 40;
    let length = i64::from(connections / sim.per_second) * SECOND;
    sim.mix = SimMix {
        forgotten: 20_000,
        reused: 20_000,
        decoys: 30_000,
        floods: 30_000,
        fixed_orig_isn: 5_000,
        ..sim.mix
    };
    sim.points[0].loss = 5_000;
    sim.points[0].copies = 10_000;
    sim.points[0].blind.push(i64::MIN..length / 10);
    sim.points[1].loss = 5_000;
    sim.points[1].merges = true;
    sim.points[1].blind.push(length - length / 10..i64::MAX);
    sim
}

/// A client, both sides of a node that translates, and a pod behind a second node: three points, four places.
pub(crate) fn chain(seed: u64, connections: u32) -> Simulation {
    let mut sim = hard(seed, connections);
    let clock = SimClock { offset: 3_600 * SECOND, drift: -35_000, changes: Vec::new() };
    sim.points.push(SimPoint { clock, ..SimPoint::default() });
    sim.places = vec![0, 1, 1, 2];
    let node = SimHop { delay: [5_000; 2], jitter: 2_000, loss: [0; 2], ..sim.hops[0].clone() };
    let wire = SimHop { nat: vec![SimNat::None, SimNat::None, SimNat::Snat], ..SimHop::plain() };
    sim.hops = vec![SimHop::plain(), node, wire];
    sim
}

pub(crate) fn verdict(sim: &Simulation) -> Verdict {
    let Seen { points, owners } = Seen::new(sim);
    Verdict::of(sim, &owners, &correlate(points))
}

/// Nothing is wrong, and of `ways` to know, all but one in a thousand are found.
fn assert_good(sim: &Simulation, ways: &[By]) -> Verdict {
    let verdict = verdict(sim);
    assert!(verdict.wrong.is_empty(), "{:#?}", verdict.wrong);
    for &way in ways {
        let [found, all] = verdict.recall(way);
        assert!(found * 1_000 >= all * 999, "{way:?}: {found} of {all}");
        assert!(all > 0, "{way:?} does not occur");
    }
    verdict
}

#[test]
fn ten_thousand_connections_with_everything_at_once() {
    let sim = hard(1, 10_000);
    let verdict = assert_good(&sim, &[By::IsnPair, By::OneIsn, By::Range, By::Stray]);
    assert!(verdict.recall(By::IsnPair)[1] > 7_000);
}

#[test]
fn every_leg_of_a_chain_of_points() {
    for seed in 0..2 {
        assert_good(&chain(seed, 1_500), &[By::IsnPair, By::OneIsn]);
    }
}

#[test]
fn heavy_loss() {
    let mut sim = hard(7, 2_000);
    sim.hops[0].loss = [100_000; 2];
    sim.points.iter_mut().for_each(|p| p.loss = 50_000);
    assert_good(&sim, &[By::IsnPair, By::OneIsn]);
}

#[test]
fn one_direction_only_at_one_point() {
    for only in [0, 1] {
        let mut sim = hard(8, 1_000);
        sim.points[1].only = Some(only);
        assert_good(&sim, &[By::OneIsn]);
    }
}

#[test]
fn from_ipv6_to_ipv4() {
    let mut sim = hard(9, 1_000);
    sim.hops[0].nat = vec![SimNat::Nat64(2)];
    assert_good(&sim, &[By::IsnPair, By::OneIsn]);
}

#[test]
fn stacks_that_always_begin_alike_match_nobody_else() {
    for seed in 0..4 {
        let mut sim = hard(seed, 500);
        sim.mix.fixed_isns = 20_000;
        assert_good(&sim, &[]);
    }
}

#[test]
fn bounds_hold_the_true_offset() {
    for seed in 0..3 {
        let mut sim = hard(seed, 1_000);
        sim.points[0].clock = SimClock { offset: 5 * SECOND, drift: -20_000, changes: Vec::new() };
        sim.points[1].clock =
            SimClock { offset: -7_200 * SECOND, drift: 50_000, changes: Vec::new() };
        let epoch = 1_700_000_000 * SECOND;
        let found = correlate(Seen::new(&sim).points);
        let clock = found.clocks[1].as_ref().unwrap();
        assert_eq!(clock.pieces().len(), 1);
        for at in [0, 10, 20, 40].map(|s| s * SECOND) {
            let [reference, here] = [0, 1].map(|point| sim.points[point].clock.at(at));
            let bounds = clock.offset_at(Timestamp(epoch + reference));
            let truth = here - reference;
            assert!(bounds.low <= truth && truth <= bounds.high, "{bounds:?} {truth}");
            assert!(bounds.width() < 1_000_000, "{bounds:?}");
        }
    }
}

#[test]
fn a_stepped_clock_joins_the_same_legs() {
    let mut sim = hard(3, 1_000);
    let plain = verdict(&sim);
    sim.points[1].clock.changes = vec![SimChange { at: 20 * SECOND, step: SECOND / 2, drift: 0 }];
    let stepped = assert_good(&sim, &[By::IsnPair, By::OneIsn]);
    assert_eq!(plain.found, stepped.found);
}

#[test]
fn shifted_numbers() {
    for shifts in [[true, false], [false, true], [true, true]] {
        let mut sim = hard(10, 1_000);
        sim.hops[0].shifts = shifts;
        let verdict = assert_good(&sim, &[]);
        // Those that said nothing or whose SYN has no clock cannot be told.
        let [found, all] = verdict.recall(By::IsnPair);
        assert!(found * 100 >= all * 75, "{found} of {all}");
    }
}
