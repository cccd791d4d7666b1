//! Many proxies, and busy ones.

use crosscap_packet::SeqNumber;
use crosscap_reassembly::Direction;

use super::chain::chain;
use crate::matching::{Group, Joined};
use crate::tests::{BACK, FRONT, Seen, Stages as _, point};
use crate::{Correlation, Leg, Matching, StreamDigest, StreamDigester, Tier};

fn named(end: String) -> &'static str {
    Box::leak(end.into_boxed_str())
}

/// Digests of the streams that `content` gives.
fn digests(
    matching: &Matching,
    content: impl Fn(Leg, Direction, usize) -> Vec<u8>,
) -> Vec<(Leg, [StreamDigest; 2])> {
    let digest = |leg: Leg| {
        let c = leg.of(matching.points());
        let bytes = Direction::BOTH.map(|direction| {
            let mut digester = StreamDigester::new(SeqNumber(0));
            let length = c.flow(direction).bytes as usize;
            digester.push(SeqNumber(1), &content(leg, direction, length));
            digester.finish()
        });
        (leg, bytes)
    };
    matching.wants_payload().into_iter().map(digest).collect()
}

/// Bytes without a pattern, other ones for each seed.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..length).map(|_| next()).collect()
}

#[test]
fn a_chain_of_any_length_loses_no_leg() {
    let group = |leg: usize| Group {
        legs: vec![Leg { point: 0, connection: leg, stray: false, stage: 0 }],
        numberings: vec![leg],
        ..Group::default()
    };
    let how = Joined { tier: Tier::Payload, bits: 40.0 };
    let links: Vec<_> = (0..299).map(|at| (at, at + 1, how)).collect();
    let groups = chain((0..300).map(group).collect(), &links);
    let legs: Vec<usize> =
        groups.iter().flat_map(|group| group.legs.iter().map(|leg| leg.connection)).collect();
    assert_eq!(legs, (0..300).collect::<Vec<_>>());
    let lengths: Vec<usize> = groups.iter().map(|group| group.legs.len()).collect();
    assert_eq!(lengths, [64, 64, 64, 64, 44]);
    let told = |group: &Group| group.candidates.iter().map(|c| c.group).collect::<Vec<_>>();
    assert_eq!(groups.iter().map(told).collect::<Vec<_>>()[1..3], [[2, 0], [3, 1]]);
}

/// As many clients at once as given, each of which a proxy goes on for.
fn crowd(count: u32) -> [Vec<Seen>; 2] {
    let slow = 2_000_000;
    let front = |i: u32| Seen {
        orig: named(format!("10.2.{}.{}:40000", i / 250, i % 250)),
        isns: [i * 1_000_003 + 5, i * 1_000_033 + 7],
        at: FRONT.at + i64::from(i) * 300,
        ip_id: i as u16,
        stamp: Some(i * 10_000),
        round_trip: slow,
        bytes: [170, 300],
        ..FRONT
    };
    let back = |i: u32| Seen {
        orig: named(format!("10.1.0.9:{}", 30_000 + i)),
        isns: [(i * 1_000_081).wrapping_add(3_000_000_000), i * 1_000_099 + 9],
        at: front(i).at + 200,
        round_trip: slow - 1_000,
        bytes: [170, 300],
        stamp: Some(i * 11_000 + 3),
        ..BACK
    };
    [(0..count).map(front).collect(), (0..count).map(back).collect()]
}

fn busy(count: u32, last_first: bool, differ: bool) -> (usize, Correlation) {
    let [fronts, mut backs] = crowd(count);
    for back in &mut backs {
        back.bytes[0] += if differ { 40 } else { 0 };
    }
    let mut all: Vec<Seen> = fronts.into_iter().chain(backs).collect();
    if last_first {
        all.reverse();
    }
    let matching = Matching::new(vec![point("proxy", &all)]);
    let meetings = matching.meetings();
    let begin = |leg: Leg| leg.of(matching.points()).first().time.as_nanos() / 1_000;
    // A back begins 200 us behind its front, and fronts every 300 us.
    let who = |leg| (begin(leg) - FRONT.at) / 300;
    let digests =
        digests(&matching, |leg, d, length| noise(2 * who(leg) as u64 + d as u64, length));
    (meetings, matching.finish(&digests))
}

#[test]
fn of_three_thousand_at_once_each_finds_its_own() {
    let (meetings, found) = busy(3_000, false, false);
    assert!(meetings <= 3_000 * (32 + 16), "{meetings}");
    assert_eq!(found.paths.len(), 3_000);
    for path in &found.paths {
        assert_eq!(path.legs.map_stages(), [0, 1], "{}", path.name);
        let [front, back] = [0, 1].map(|leg| path.legs[leg].of(&found.points).first().time);
        assert_eq!(back.since(front), 200_000, "{}", path.name);
    }
}

#[test]
fn three_thousand_at_once_meet_a_few_each_whatever_their_order() {
    let told = |found: &Correlation| {
        let name = |path: usize| found.paths[path].name.clone();
        let mut told: Vec<_> = (0..found.paths.len())
            .map(|path| {
                let candidates = &found.paths[path].matched.candidates;
                (name(path), candidates.iter().map(|c| name(c.path)).collect::<Vec<_>>())
            })
            .collect();
        told.sort_unstable();
        told
    };
    let (meetings, found) = busy(3_000, false, true);
    assert!(meetings <= 3_000 * 16, "{meetings}");
    assert_eq!(found.paths.len(), 6_000);
    assert!(found.paths.iter().all(|path| path.matched.candidates.len() <= 16));
    assert_eq!(told(&found), told(&busy(3_000, true, true).1));
}
