//! What is left out tells nothing that is not told by what is kept.

use proptest::prelude::*;

use super::*;

const SECOND: i64 = 1_000_000_000;

/// Packets in both directions between clocks 27 s and 18 ppm apart: when, the delay, which way.
fn packets(of: &[(i64, i64, bool)]) -> Vec<(usize, Hint)> {
    let theta = |at: i64| 27 * SECOND + (i128::from(at) * 18 / 1_000_000) as i64;
    let told = |&(at, delay, forward): &(i64, i64, bool)| {
        let (seen, difference) =
            if forward { (at, theta(at) + delay) } else { (at + delay, theta(at) - delay) };
        Hint { at: Timestamp(1_700_000_000 * SECOND + seen), difference, forward }
    };
    let mut hints: Vec<Hint> = of.iter().map(told).collect();
    hints.sort_unstable_by_key(|hint| (hint.at, hint.difference));
    hints.into_iter().enumerate().collect()
}

proptest! {
    #[test]
    fn what_is_left_out_follows_from_two_on_the_edge(
        of in prop::collection::vec((0..3_600 * SECOND, 10_000i64..5_000_000, any::<bool>()), 1..300),
    ) {
        let all = packets(&of);
        for forward in [true, false] {
            let some: Vec<_> = all.iter().filter(|(_, hint)| hint.forward == forward).collect();
            let kept: Vec<Hint> = edge(&some).into_iter().map(|place| some[place].1).collect();
            for (_, hint) in some {
                // A straight line that both allow at their times stays on this side of what lies between.
                let line = |before: &Hint, after: &Hint| {
                    let part = hint.at.since(before.at) as f64 / after.at.since(before.at).max(1) as f64;
                    before.difference as f64 + part * (after.difference - before.difference) as f64
                };
                let before = kept.iter().rfind(|kept| kept.at <= hint.at).unwrap();
                let after = kept.iter().find(|kept| kept.at >= hint.at).unwrap();
                let more = hint.difference as f64 - line(before, after);
                prop_assert!(if forward { more } else { -more } > -1.0, "{hint:?} {before:?} {after:?}");
            }
        }
    }

    #[test]
    fn one_that_is_wrong_hides_nothing(
        of in prop::collection::vec((0..60 * SECOND, 10_000i64..5_000_000, any::<bool>()), 4..100),
        wrong in (0..60 * SECOND, -5_000_000_000i64..-1_000_000, any::<bool>()),
    ) {
        let all = packets(&of);
        let place = all.len();
        let mut more = all.clone();
        let [(_, wrong)] = packets(&[wrong])[..] else { unreachable!() };
        more.push((place, wrong));
        more.sort_unstable_by_key(|(i, hint)| (hint.at, hint.difference, *i));
        let kept = edges(&more);
        prop_assert!(kept.contains(&place));
        for forward in [true, false] {
            let some: Vec<_> = all.iter().filter(|(_, hint)| hint.forward == forward).collect();
            for at in edge(&some) {
                prop_assert!(kept.contains(&some[at].0));
            }
        }
    }
}

#[test]
fn few_of_many_are_kept() {
    let mut seed = 1u32;
    let mut random = |below: i64| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        i64::from(seed >> 8) % below
    };
    let of: Vec<_> = (0..4_096i64)
        .map(|i| (i * SECOND / 1_000, 10_000 + random(1_000_000), i % 2 == 0))
        .collect();
    let kept = edges(&packets(&of));
    assert!(kept.len() < 100, "{}", kept.len());
}

#[test]
fn any_times_can_be_compared() {
    let hint = |at, difference, forward| Hint { at: Timestamp(at), difference, forward };
    let ends = [i64::MIN, 0, i64::MAX];
    let hints = ends.iter().flat_map(|&at| ends.map(|d| [hint(at, d, true), hint(at, d, false)]));
    let hints: Vec<(usize, Hint)> = hints.flatten().enumerate().collect();
    assert!(!edges(&hints).is_empty());
}
