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
            Constraint { at: Timestamp(at), difference, forward }
        })
        .collect()
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
        let clock = Clock::from_constraints(exchange(&packets, theta));
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

#[test]
fn a_step_gives_two_pieces() {
    let packets: Vec<_> = (0..200).map(|i| (i * SECOND, 50_000, i % 2 == 0)).collect();
    let step = |at: i64| if at < 100 * SECOND { 0 } else { SECOND / 2 };
    let clock = Clock::from_constraints(exchange(&packets, step)).unwrap();
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
    let first = Clock::from_constraints(exchange(&packets, |_| 27 * SECOND)).unwrap();
    // The second is measured against the first, so its reference times are 27 s ahead.
    let mut later = exchange(&packets, |_| -5 * SECOND);
    later.iter_mut().for_each(|c| c.at = c.at + 27 * SECOND);
    let second = Clock::from_constraints(later).unwrap();
    let both = second.through(&first);
    let bounds = both.offset_at(Timestamp(1_700_000_010 * SECOND));
    assert!(bounds.low <= 22 * SECOND && 22 * SECOND <= bounds.high, "{bounds:?}");
    assert!(bounds.high - bounds.low < 1_000_000);
}

#[test]
fn skew_composes_at_the_reference_time() {
    // The middle clock is an hour ahead; the far one runs 50 ppm fast against it from 1,700,003,600 s on its clock.
    let packets: Vec<_> = (0..60).map(|i| (i * 60 * SECOND, 50_000, i % 2 == 0)).collect();
    let middle = Clock::from_constraints(exchange(&packets, |_| 3_600 * SECOND)).unwrap();
    let skewed = |at: i64| at / 20_000;
    let mut far = exchange(&packets, skewed);
    far.iter_mut().for_each(|c| c.at = c.at + 3_600 * SECOND);
    let far = Clock::from_constraints(far).unwrap().through(&middle);
    for at in [0, 1_800, 3_500] {
        let bounds = far.offset_at(Timestamp((1_700_000_000 + at) * SECOND));
        let truth = 3_600 * SECOND + skewed(at * SECOND);
        assert!(bounds.low <= truth && truth <= bounds.high, "{bounds:?} {truth}");
        assert!(bounds.width() < 1_000_000);
    }
}
