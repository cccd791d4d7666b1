//! Bounds hold the truth, whatever the delays.

use super::*;
use proptest::prelude::*;

const SECOND: i64 = 1_000_000_000;

/// Constraints of packets exchanged at `times` (seconds) between clocks with `theta` between them and these delays.
fn exchange(times: &[(i64, i64, bool)], theta: impl Fn(i64) -> i64) -> Vec<Constraint> {
    times
        .iter()
        .map(|&(at, delay, forward)| {
            let reference = 1_700_000_000 * SECOND + at;
            let (at, difference) = if forward {
                (reference, theta(at) + delay)
            } else {
                (reference + delay, theta(at) - delay)
            };
            Constraint { at: Timestamp(at), difference, forward, frames: frames(), reference: 0 }
        })
        .collect()
}

fn frames() -> [FrameRef; 2] {
    [FrameRef::new(0, 1); 2]
}

fn fitted(constraints: Vec<Constraint>) -> Option<Clock> {
    Clock::from_constraints(constraints)
}

proptest! {
    #[test]
    fn bounds_contain_the_true_offset_and_skew(
        offset in -4_000 * SECOND..4_000 * SECOND,
        ppb in -100_000i64..100_000,
        packets in prop::collection::vec((0..3_600 * SECOND, 10_000i64..5_000_000, any::<bool>()), 4..80),
    ) {
        let theta = |at: i64| offset + (i128::from(at) * i128::from(ppb) / 1_000_000_000) as i64;
        let both_ways = packets.iter().any(|p| p.2) && packets.iter().any(|p| !p.2);
        let clock = fitted(exchange(&packets, theta));
        prop_assert_eq!(clock.is_some(), both_ways);
        if let Some(clock) = clock {
            prop_assert_eq!(clock.pieces().len(), 1);
            for at in [0, 1_800 * SECOND, 3_600 * SECOND] {
                let bounds = clock.offset_at(Timestamp(1_700_000_000 * SECOND + at));
                prop_assert!(bounds.low <= theta(at) && theta(at) <= bounds.high, "{:?} {}", bounds, theta(at));
                let here = Timestamp(1_700_000_000 * SECOND + at + theta(at));
                let [low, _, high] = clock.to_reference(here);
                prop_assert!(low.0 - 1_000 <= 1_700_000_000 * SECOND + at);
                prop_assert!(high.0 + 1_000 >= 1_700_000_000 * SECOND + at);
            }
            let [low, _, high] = clock.pieces()[0].skew_ppm();
            let truth = ppb as f64 / 1_000.0;
            prop_assert!(low - 0.01 <= truth && truth <= high + 0.01);
        }
    }
}

/// Packets in both directions about every 50 ms.
fn dense() -> impl Strategy<Value = Vec<(i64, i64, bool)>> {
    prop::collection::vec((0..100_000_000i64, 10_000i64..5_000_000), 200..400).prop_map(|packets| {
        let mut at = 0;
        let packet = |(i, (gap, delay)): (usize, (i64, i64))| {
            at += gap;
            (at, delay, i % 2 == 0)
        };
        packets.into_iter().enumerate().map(packet).collect()
    })
}

/// Whether the bounds hold the truth at the time of every packet, both ways.
fn holds(clock: &Clock, packets: &[(i64, i64, bool)], theta: impl Fn(i64) -> i64) -> bool {
    packets.iter().all(|&(at, ..)| {
        let reference = Timestamp(1_700_000_000 * SECOND + at);
        let bounds = clock.offset_at(reference);
        let [low, _, high] = clock.to_reference(reference + theta(at));
        (bounds.low..=bounds.high).contains(&theta(at)) && low <= reference && reference <= high
    })
}

proptest! {
    #[test]
    fn a_step_on_top_of_drift_is_found_and_the_truth_is_within_bounds_on_both_sides(
        packets in dense(),
        step in prop_oneof![Just(800_000_000i64), 50_000_000i64..2_000_000_000, -2_000_000_000i64..-50_000_000],
        ppb in prop_oneof![Just(50_000i64), -100_000i64..100_000],
        part in 30usize..70,
    ) {
        let at_step = packets[packets.len() * part / 100].0;
        let theta = |at: i64| at / 1_000 * ppb / 1_000_000 + if at < at_step { 0 } else { step };
        let clock = fitted(exchange(&packets, theta)).unwrap();
        prop_assert_eq!(clock.pieces().len(), 2);
        prop_assert_eq!(clock.contradictions(), &[]);
        let [before, after] = clock.pieces() else { unreachable!() };
        prop_assert_eq!((before.begins, after.begins), (None, Some(Break::Step)));
        let stepped = Timestamp(1_700_000_000 * SECOND + at_step);
        prop_assert!(before.to <= stepped + 5_000_000 && stepped <= after.from);
        prop_assert!(holds(&clock, &packets, theta));
        // Packets that arrived at the reference point are timed there.
        let later: Vec<_> = packets.iter().map(|&(at, delay, f)| (at + delay, delay, f)).collect();
        prop_assert!(holds(&clock, &later, theta));
    }

    #[test]
    fn a_slew_joins_its_pieces(packets in dense(), ppm in 300i64..450) {
        let half = packets[packets.len() / 2].0;
        let theta = |at: i64| if at < half { -at / 1_000 * ppm / 1_000 } else { (at - 2 * half) / 1_000 * ppm / 1_000 };
        let clock = fitted(exchange(&packets, theta)).unwrap();
        prop_assert!(clock.pieces().iter().all(|p| p.begins != Some(Break::Step)));
        // A slew that the delays hide is none that packets could show.
        prop_assert!(holds(&clock, &packets, theta) || clock.pieces().len() == 1);
    }

    #[test]
    fn a_few_packets_that_contradict_the_rest_are_named(
        packets in dense(),
        wrong in prop::collection::btree_set(20usize..180, 1..=3),
        by in 100_000_000i64..10_000_000_000,
        ppb in -100_000i64..100_000,
    ) {
        let theta = |at: i64| at / 1_000 * ppb / 1_000_000;
        let mut constraints = exchange(&packets, theta);
        for (i, c) in constraints.iter_mut().enumerate() {
            c.frames = [FrameRef::new(0, i as u64), FrameRef::new(0, 1_000 + i as u64)];
            if wrong.contains(&i) {
                c.difference += if c.forward { -by } else { by };
            }
        }
        let clock = fitted(constraints).unwrap();
        prop_assert_eq!(clock.pieces().len(), 1);
        let named: std::collections::BTreeSet<usize> =
            clock.contradictions().iter().map(|c| c.reference_frame.number() as usize).collect();
        prop_assert_eq!(named, wrong);
        prop_assert!(holds(&clock, &packets, theta));
    }
}

proptest! {
    #[test]
    fn rounding_excludes_no_clock_that_packets_without_delay_fix_exactly(
        base in -4_000_000_000 * SECOND..4_000_000_000 * SECOND,
        ppm in -400i64..400,
        times in prop::collection::vec((0..100_000_000i64, any::<bool>()), 1..600),
    ) {
        // Multiples of a microsecond are a whole number of nanoseconds apart at so many ppm.
        let theta = |us: i64| base + us * ppm / 1_000;
        let at = |us: i64| Timestamp(1_700_000_000 * SECOND + us * 1_000);
        let times: Vec<_> = times.into_iter().map(|(ms, f)| (ms * 1_000, f)).collect();
        let mut polygon = Polygon::around(at(times[0].0), theta(times[0].0) + 123_456, fit::SLOW);
        for &(us, forward) in &times {
            prop_assert!(polygon.clip(at(us), theta(us), forward, 0));
        }
        for &(us, _) in &times {
            let bounds = polygon.offset_at(at(us));
            prop_assert!((bounds.low..=bounds.high).contains(&theta(us)), "{:?} {}", bounds, theta(us));
        }
    }
}

#[test]
fn many_packets_give_one_piece() {
    let delay = |i: i64| 20_000 + i.wrapping_mul(0x9e37_79b9) % 5_000_000;
    let packets: Vec<_> = (0..100_000).map(|i| (i * 36_000_000, delay(i), i % 2 == 0)).collect();
    let theta = |at: i64| at / 20_000;
    let clock = fitted(exchange(&packets, theta)).unwrap();
    assert_eq!(clock.pieces().len(), 1);
    assert!(holds(&clock, &packets[..1_000], theta));
}

#[test]
fn a_step_gives_two_pieces() {
    let packets: Vec<_> = (0..200).map(|i| (i * SECOND, 50_000, i % 2 == 0)).collect();
    let step = |at: i64| if at < 100 * SECOND { 0 } else { SECOND / 2 };
    let clock = fitted(exchange(&packets, step)).unwrap();
    assert_eq!(clock.pieces().len(), 2);
    for at in [50, 150] {
        let bounds = clock.offset_at(Timestamp((1_700_000_000 + at) * SECOND));
        assert!(bounds.low <= step(at * SECOND) && step(at * SECOND) <= bounds.high);
        assert!(bounds.high - bounds.low < 1_000_000);
    }
}

#[test]
fn clocks_compose_through_a_point_between() {
    let packets: Vec<_> = (0..20).map(|i| (i * SECOND, 50_000, i % 2 == 0)).collect();
    let first = fitted(exchange(&packets, |_| 27 * SECOND)).unwrap();
    // The second is measured against the first, so its reference times are 27 s ahead.
    let mut later = exchange(&packets, |_| -5 * SECOND);
    later.iter_mut().for_each(|c| c.at = c.at + 27 * SECOND);
    let second = fitted(later).unwrap();
    let both = second.through(&first).unwrap();
    let bounds = both.offset_at(Timestamp(1_700_000_010 * SECOND));
    assert!(bounds.low <= 22 * SECOND && 22 * SECOND <= bounds.high, "{bounds:?}");
    assert!(bounds.high - bounds.low < 1_000_000);
}

#[test]
fn skew_composes_at_the_reference_time() {
    // The middle clock is an hour ahead; the far one runs 50 ppm fast against it from 1,700,003,600 s on its clock.
    let packets: Vec<_> = (0..60).map(|i| (i * 60 * SECOND, 50_000, i % 2 == 0)).collect();
    let middle = fitted(exchange(&packets, |_| 3_600 * SECOND)).unwrap();
    let skewed = |at: i64| at / 20_000;
    let mut far = exchange(&packets, skewed);
    far.iter_mut().for_each(|c| c.at = c.at + 3_600 * SECOND);
    let far = fitted(far).unwrap().through(&middle).unwrap();
    for at in [0, 1_800, 3_500] {
        let bounds = far.offset_at(Timestamp((1_700_000_000 + at) * SECOND));
        let truth = 3_600 * SECOND + skewed(at * SECOND);
        assert!(bounds.low <= truth && truth <= bounds.high, "{bounds:?} {truth}");
        assert!(bounds.width() < 1_000_000);
    }
}

/// Of a clock that has just this offset, and packets this long on their way.
fn constant(offset: i64, delay: i64) -> Clock {
    let packets: Vec<_> = (0..20).map(|i| (i * SECOND, delay, i % 2 == 0)).collect();
    fitted(exchange(&packets, |_| offset)).unwrap()
}

#[test]
fn offsets_that_look_like_something_are_remarked() {
    let looks = |offset| constant(offset, 50_000).remarks();
    assert_eq!(looks(0), [Remark::Identical]);
    assert_eq!(looks(3_600 * SECOND + 3_000_000), [Remark::WholeHours(1)]);
    assert_eq!(looks(-2 * 3_600 * SECOND), [Remark::WholeHours(-2)]);
    assert_eq!(looks(14 * 3_600 * SECOND), [Remark::WholeHours(14)]);
    assert_eq!(looks(-(5 * 3_600 + 1_800) * SECOND), [Remark::QuarterHours(-22)]);
    assert_eq!(looks(24 * 3_600 * SECOND + 4_000_000), [Remark::WholeDays(1)]);
    assert_eq!(looks(-730 * 24 * 3_600 * SECOND), [Remark::WholeDays(-730)]);
    assert_eq!(looks(-1_699_999_000 * SECOND), [Remark::Unset]);
    assert_eq!(looks(37 * SECOND), [Remark::TaiUtc(1)]);
    assert_eq!(looks(-37 * SECOND - 4_000_000), [Remark::TaiUtc(-1)]);
    // No zone is 20 hours off.
    let none = [1_000_000, 27 * SECOND, 3_599 * SECOND, -38 * SECOND, 20 * 3_600 * SECOND];
    for offset in none {
        assert_eq!(looks(offset), []);
    }
    assert_eq!(constant(0, SECOND).remarks(), [], "bounds a second wide say nothing");
}

#[test]
fn one_way_traffic_bounds_one_side() {
    let packets =
        |forward| (0..9).map(|i| (i * SECOND, 1_000_000 + i, forward)).collect::<Vec<_>>();
    let of = |forward| OneSided::of(&exchange(&packets(forward), |_| 5 * SECOND)).unwrap().offset;
    assert_eq!(of(true), Side::High(5 * SECOND + 1_020_000));
    assert_eq!(of(false), Side::Low(5 * SECOND - 1_020_000));
    let both = [packets(true), packets(false)].concat();
    assert_eq!(OneSided::of(&exchange(&both, |_| 0)), None);
    assert_eq!(OneSided::of(&[]), None);
}

proptest! {
    #[test]
    fn other_points_tighten_a_clock_and_never_past_the_truth(
        offsets in prop::array::uniform3(-100 * SECOND..100 * SECOND),
        ppb in prop::array::uniform3(-50_000i64..50_000),
        delays in prop::array::uniform6(10_000i64..50_000_000),
    ) {
        // Clocks 1 to 3 against clock 0, and those among them as they were measured.
        let theta = |p: usize, at: i64| if p == 0 { 0 } else { offsets[p - 1] + at / 1_000 * ppb[p - 1] / 1_000_000 };
        let pairs = [[0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3]];
        let measured = |i: usize| {
            let [a, b] = pairs[i];
            let packet = |n: i64| {
                // Both leave at a true time and arrive later, whichever way.
                let (sent, received) = (n * SECOND, n * SECOND + delays[i]);
                let forward = n % 2 == 0;
                let (at_a, at_b) = if forward { (sent, received) } else { (received, sent) };
                let at = 1_700_000_000 * SECOND + at_a + theta(a, at_a);
                let shown = 1_700_000_000 * SECOND + at_b + theta(b, at_b);
                Constraint { at: Timestamp(at), difference: shown - at, forward, frames: frames(), reference: 0 }
            };
            fitted((0..40).map(packet).collect()).unwrap()
        };
        let all: Vec<Clock> = (0..6).map(measured).collect();
        let before: Vec<Option<Clock>> =
            std::iter::once(Clock::identity()).chain(all[..3].iter().cloned()).map(Some).collect();
        let links: Vec<_> = (3..6).map(|i| graph::Link { ends: pairs[i], clock: all[i].clone() }).collect();
        let mut after = before.clone();
        graph::tighten(&mut after, &links);
        for p in 1..4 {
            let [old, new] = [&before, &after].map(|clocks| clocks[p].as_ref().unwrap());
            prop_assert!(!new.contradicted);
            for at in [0, 20 * SECOND, 39 * SECOND] {
                let reference = Timestamp(1_700_000_000 * SECOND + at);
                let [was, is] = [old, new].map(|clock| clock.offset_at(reference));
                prop_assert!(is.low <= theta(p, at) && theta(p, at) <= is.high, "{:?} {}", is, theta(p, at));
                prop_assert!(is.width() <= was.width() + 200, "{:?} {:?}", was, is);
            }
        }
    }
}

#[test]
fn a_composed_clock_can_be_tightened() {
    let middle = constant(3_600 * SECOND, 50_000);
    let far = |delay: i64| {
        let packets: Vec<_> = (0..20).map(|i| (i * SECOND, delay, i % 2 == 0)).collect();
        let mut constraints = exchange(&packets, |_| -5 * SECOND);
        constraints.iter_mut().for_each(|c| c.at = c.at + 3_600 * SECOND);
        fitted(constraints).unwrap()
    };
    let truth = 3_595 * SECOND;
    let mut clocks = vec![
        Some(Clock::identity()),
        Some(middle.clone()),
        Some(far(40_000_000).through(&middle).unwrap()),
    ];
    let link = graph::Link { ends: [1, 2], clock: far(50_000) };
    graph::tighten(&mut clocks, &[link]);
    for at in [0, 10, 19] {
        let bounds =
            clocks[2].as_ref().unwrap().offset_at(Timestamp((1_700_000_000 + at) * SECOND));
        assert!(bounds.low <= truth && truth <= bounds.high, "{bounds:?}");
        assert!(bounds.width() < 1_000_000, "{bounds:?}");
    }
}

#[test]
fn a_way_through_another_point_is_as_good_as_its_links() {
    let slow = constant(5 * SECOND, 40_000_000);
    let mut clocks = vec![Some(Clock::identity()), Some(constant(2 * SECOND, 50_000)), Some(slow)];
    let link_moved = |by: i64| {
        let packets: Vec<_> = (0..20).map(|i| (i * SECOND, 50_000, i % 2 == 0)).collect();
        let mut constraints = exchange(&packets, |_| 3 * SECOND + by);
        constraints.iter_mut().for_each(|c| c.at = c.at + 2 * SECOND);
        constraints
    };
    let link =
        |constraints| vec![graph::Link { ends: [1, 2], clock: fitted(constraints).unwrap() }];
    graph::tighten(&mut clocks, &link(link_moved(0)));
    let clock = clocks[2].clone().unwrap();
    let bounds = clock.offset_at(clock.pieces()[0].tightest_at);
    assert!(bounds.low <= 5 * SECOND && 5 * SECOND <= bounds.high && bounds.width() < 1_000_000);
    assert!(!clock.contradicted);
    graph::tighten(&mut clocks, &link(link_moved(SECOND)));
    let clock = clocks[2].as_ref().unwrap();
    assert!(clock.remarks().contains(&Remark::Contradicted));
    assert!(!clock.contradictions().is_empty(), "packets are named");
}

#[test]
fn a_step_of_the_middle_clock_is_one_of_the_far_clock() {
    let packets: Vec<_> = (0..200).map(|i| (i * SECOND, 50_000, i % 2 == 0)).collect();
    let step = |at: i64| if at < 100 * SECOND { 0 } else { 800_000_000 };
    let middle = fitted(exchange(&packets, step)).unwrap();
    // The far clock did not step, so that it did against the middle one.
    let mut far = exchange(&packets, |at| 7 * SECOND - step(at));
    far.iter_mut().for_each(|c| c.at = c.at + step(c.at.since(Timestamp(1_700_000_000 * SECOND))));
    let far = fitted(far).unwrap().through(&middle).unwrap();
    assert!(holds(&far, &packets, |_| 7 * SECOND));
}

#[test]
fn a_clock_that_breaks_all_the_time_tells_nothing() {
    let packets: Vec<_> = (0..4_000).map(|i| (i * SECOND, 50_000, i % 2 == 0)).collect();
    let jumps = |at: i64| at / (4 * SECOND) % 2 * SECOND;
    assert!(fitted(exchange(&packets, jumps)).is_none());
}
