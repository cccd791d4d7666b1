//! Clocks that were set, and packets that only look like it.

use proptest::prelude::*;

use super::*;

const SECOND: i64 = 1_000_000_000;
const MILLI: i64 = 1_000_000;
const BEGIN: i64 = 1_700_000_000 * SECOND;

/// Packets `every` nanoseconds, in turn in both directions, 50 µs on their way; frames are counted from 1 at both points.
fn packets(
    count: i64,
    every: i64,
    reference: impl Fn(i64) -> i64,
    here: impl Fn(i64) -> i64,
) -> Vec<Constraint> {
    let packet = |i: i64| {
        let (sent, forward) = (i * every, i % 2 == 0);
        let received = sent + 50_000 + i * 7_919 % 20_000;
        let (at, there) = if forward { (sent, received) } else { (received, sent) };
        let (at, there) = (BEGIN + reference(at), BEGIN + here(there));
        let frame = FrameRef::new(0, 1 + i.unsigned_abs());
        Constraint {
            at: Timestamp(at),
            difference: there - at,
            forward,
            frames: [frame; 2],
            reference: 0,
        }
    };
    (0..count).map(packet).collect()
}

fn fitted(constraints: Vec<Constraint>) -> Clock {
    Clock::from_constraints(constraints).unwrap()
}

/// Whether the bounds hold what both clocks show at a true time.
fn holds(
    clock: &Clock,
    at: i64,
    reference: impl Fn(i64) -> i64,
    here: impl Fn(i64) -> i64,
) -> bool {
    let [reference, here] = [reference(at), here(at)].map(|t| Timestamp(BEGIN + t));
    let bounds = clock.offset_at(reference);
    let [low, _, high] = clock.to_reference(here);
    (bounds.low..=bounds.high).contains(&here.since(reference))
        && low <= reference
        && reference <= high
}

proptest! {
    #[test]
    fn a_tenth_of_all_packets_may_be_wrong(
        wrong in prop::collection::btree_map(0usize..1_000, 5 * MILLI..3 * SECOND, 17..80),
        ppb in -100_000i64..100_000,
    ) {
        let here = |t: i64| t + t / 1_000 * ppb / 1_000_000;
        let mut constraints = packets(1_000, 10 * MILLI, |t| t, here);
        for (&i, &by) in &wrong {
            let c = &mut constraints[i];
            c.difference += if c.forward { -by } else { by };
        }
        let clock = fitted(constraints);
        prop_assert_eq!(clock.pieces().len(), 1);
        prop_assert_eq!(clock.contradictions().len(), 16);
        let named = |c: &Contradiction| wrong.contains_key(&(c.frame.number() as usize - 1));
        prop_assert!(clock.contradictions().iter().all(named));
        prop_assert_eq!(clock.remarks(), [Remark::Outliers(wrong.len())]);
        prop_assert!((0..100).all(|i| holds(&clock, i * SECOND / 10, |t| t, here)));
    }

    #[test]
    fn late_packets_are_no_contradiction(
        late in prop::collection::btree_map(0usize..1_000, 1_000i64..100 * SECOND, 0..900),
    ) {
        let mut constraints = packets(1_000, 10 * MILLI, |t| t, |t| t);
        for (&i, &by) in late.iter().filter(|(i, _)| **i > 20) {
            let c = &mut constraints[i];
            c.difference += if c.forward { by } else { -by };
        }
        let clock = fitted(constraints);
        prop_assert_eq!((clock.pieces().len(), clock.contradictions().len()), (1, 0));
    }

    #[test]
    fn a_clock_set_forth_and_back(
        (from, lasts) in (2 * SECOND..4 * SECOND, SECOND..4 * SECOND),
        by in prop_oneof![5 * MILLI..4_000 * SECOND, -4_000 * SECOND..-5 * MILLI],
        reference in any::<bool>(),
    ) {
        let set = |t: i64| t + if (from..from + lasts).contains(&t) { by } else { 0 };
        let plain = |t: i64| t;
        let clock = fitted(match reference {
            true => packets(1_000, 10 * MILLI, set, plain),
            false => packets(1_000, 10 * MILLI, plain, set),
        });
        prop_assert_eq!(clock.pieces().len(), 3);
        prop_assert_eq!(clock.contradictions().len(), 0);
        for piece in &clock.pieces()[1..] {
            prop_assert_eq!(piece.begins, Some(Break::Step));
            // Packets next to each other prove it.
            let [before, after] = piece.proof.unwrap().map(|c| c.frame.number());
            prop_assert!(before < after && after - before < 10);
        }
        for at in (0..100).map(|i| i * SECOND / 10) {
            let held = if reference { holds(&clock, at, set, plain) } else { holds(&clock, at, plain, set) };
            prop_assert!(held, "{}", at);
        }
    }
}

/// A machine without a battery begins in 1970 until NTP is reached; either point may be it.
#[test]
fn a_clock_that_is_set_by_half_a_century() {
    let set = |t: i64| if t < 4 * SECOND { t + 60 * SECOND - BEGIN } else { t };
    let plain = |t: i64| t;
    for reference in [true, false] {
        let clock = fitted(match reference {
            true => packets(1_000, 10 * MILLI, set, plain),
            false => packets(1_000, 10 * MILLI, plain, set),
        });
        assert_eq!(clock.pieces().len(), 2);
        for at in (0..100).map(|i| i * SECOND / 10) {
            let held = if reference {
                holds(&clock, at, set, plain)
            } else {
                holds(&clock, at, plain, set)
            };
            assert!(held, "{reference} {at}");
        }
    }
}

/// Two connections before, two behind: their handshakes and ends.
#[test]
fn a_few_packets_prove_a_step() {
    for by in [SECOND / 2, -SECOND / 2] {
        let set = |t: i64| t + if t < 10 * SECOND { 0 } else { by };
        let mut constraints = Vec::new();
        for begin in [0, 5, 11, 14] {
            let at = |t: i64| t + begin * SECOND;
            constraints.extend(packets(5, 200_000, at, |t| set(at(t))));
        }
        for (i, c) in (1..).zip(&mut constraints) {
            c.frames = [FrameRef::new(0, i); 2];
        }
        let clock = fitted(constraints);
        assert_eq!(clock.pieces().len(), 2);
        for at in [0, 1, 5, 9, 11, 14].map(|s| s * SECOND) {
            assert!(holds(&clock, at, |t| t, set), "{at}");
        }
        let [before, after] = clock.pieces() else { unreachable!() };
        assert!(before.offset_at(before.tightest_at).width() < MILLI);
        assert!(after.offset_at(after.tightest_at).width() < MILLI);
    }
}

/// Two connections before, the end of one behind: one packet contradicts the others, and those of the other direction are as
/// late.
#[test]
fn a_handshake_shows_that_a_clock_was_set() {
    for by in [SECOND / 2, -SECOND / 2] {
        let set = |t: i64| t + if t < 10 * SECOND { 0 } else { by };
        let mut constraints = Vec::new();
        for (begin, count) in [(0, 4), (5, 4), (20, 3)] {
            let at = |t: i64| t + begin * SECOND;
            constraints.extend(packets(count, 200_000, at, |t| set(at(t))));
        }
        for (i, c) in (1..).zip(&mut constraints) {
            c.frames = [FrameRef::new(0, i); 2];
        }
        let clock = fitted(constraints);
        assert_eq!(clock.pieces().len(), 2, "{by}");
        let proof = clock.pieces()[1].proof.unwrap().map(|c| c.frame.number());
        assert!(proof[0] <= 8 && proof[1] > 8, "{proof:?}");
        assert!([0, 5, 20].into_iter().all(|at| holds(&clock, at * SECOND, |t| t, set)));
    }
}

#[test]
fn one_packet_against_one_tells_nothing() {
    let set = |t: i64| t + if t < 10 * SECOND { 0 } else { SECOND };
    let mut constraints = packets(2, 200_000, |t| t, |t| t);
    let late = |t: i64| t + 20 * SECOND;
    constraints.extend(packets(3, 200_000, late, |t| set(late(t))));
    for (i, c) in (1..).zip(&mut constraints) {
        c.frames = [FrameRef::new(0, i); 2];
    }
    assert!(Clock::from_constraints(constraints).is_none());
}

/// A mirror port falls behind and catches up: for a while, one of the captures stamps its packets later and later.
#[test]
fn a_queue_before_the_stamp_is_no_clock_that_was_set() {
    for (reference, most) in [(true, 300 * MILLI), (false, 300 * MILLI), (true, 2 * SECOND)] {
        let lag = |t: i64| match t - 4 * SECOND {
            t if (0..most).contains(&t) => t,
            t if (most..2 * most).contains(&t) => 2 * most - t,
            _ => 0,
        };
        let late = |t: i64| t + lag(t);
        let plain = |t: i64| t;
        let clock = fitted(match reference {
            true => packets(4_000, 5 * MILLI, late, plain),
            false => packets(4_000, 5 * MILLI, plain, late),
        });
        assert_eq!(clock.pieces().len(), 1, "{reference} {most}");
        assert!(!clock.contradictions().is_empty());
        for at in [0, 1, 2, 3, 10, 15].map(|s| s * SECOND) {
            assert!(holds(&clock, at, plain, plain), "{reference} {most} {at}");
        }
    }
}

/// NTP's own slew, and one of chrony, which may be as fast as a twelfth.
#[test]
fn slews_are_followed() {
    for (ppm, seconds) in [(500, 40), (-500, 40), (20_000, 10), (83_000, 10), (-83_000, 5)] {
        let (from, to) = (10 * SECOND, (10 + seconds) * SECOND);
        let slewed = |t: i64| t + (t.clamp(from, to) - from) / 1_000 * ppm / 1_000;
        let clock = fitted(packets(12_000, 5 * MILLI, |t| t, slewed));
        assert!(clock.pieces().len() <= 5, "{ppm}: {}", clock.pieces().len());
        let held = (0..600).filter(|i| holds(&clock, i * SECOND / 10, |t| t, slewed)).count();
        assert_eq!(held, 600, "{ppm}");
    }
}
