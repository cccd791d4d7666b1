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

fn header(front: Seen) -> Vec<u8> {
    let [src, dst] = [front.orig, front.resp].map(|end| end.split_once(':').unwrap());
    format!("PROXY TCP4 {} {} {} {}\r\n", src.0, dst.0, src.1, dst.1).into_bytes()
}

/// A connection that begins `micros` after the usual front, with numbers of its own.
fn later(seen: Seen, micros: i64) -> Seen {
    let more = (micros as u32).wrapping_mul(2_654_435_761);
    let isns = seen.isns.map(|isn| isn.wrapping_add(more));
    Seen { isns, at: seen.at + micros, ip_id: seen.ip_id.wrapping_add(more as u16), ..seen }
}

/// The connections of one or two points; each with the seeds of what it carries, and the connection that it names.
fn found(points: &[&[(Seen, u64, Option<Seen>)]]) -> Correlation {
    let told: Vec<_> = points.iter().copied().flatten().collect();
    let seen = |at: usize| points[at].iter().map(|told| told.0).collect::<Vec<_>>();
    let names = ["a", "b"];
    let matching = Matching::new((0..points.len()).map(|at| point(names[at], &seen(at))).collect());
    let digests = digests(&matching, |leg, direction, length| {
        let c = leg.of(matching.points());
        let isn = c.flow(Direction::Orig).isn.unwrap().0;
        let (_, seed, named) = told.iter().find(|told| told.0.isns[0] == isn).unwrap();
        let mut stream = named.map_or(Vec::new(), header);
        stream.truncate(if direction == Direction::Orig { length } else { 0 });
        stream.extend(noise(2 * seed + direction as u64, length - stream.len()));
        stream
    });
    matching.finish(&digests)
}

fn ends(found: &Correlation) -> Vec<Vec<String>> {
    let several = found.paths.iter().filter(|path| path.legs.len() > 1);
    several.map(|p| p.legs.iter().map(|l| l.of(&found.points).orig.to_string()).collect()).collect()
}

const LONGER: u32 = 500;

/// Another connection of the proxy that carries more than the header.
fn rewritten() -> Seen {
    Seen { bytes: [FRONT.bytes[0] + LONGER, FRONT.bytes[1] + 70], ..BACK }
}

#[test]
fn a_header_names_the_front_whatever_the_proxy_changes() {
    let found = found(&[&[(FRONT, 1, None), (rewritten(), 2, Some(FRONT))]]);
    assert_eq!(ends(&found), [[FRONT.orig, BACK.orig]]);
    assert_eq!(found.paths[0].matched.tier, Tier::ProxyHeader);
    assert_eq!(found.paths[0].legs.map_stages(), [0, 1]);
    assert!(found.paths[0].ordered);
}

#[test]
fn a_header_means_the_use_of_a_four_tuple_that_is_open() {
    let again = later(FRONT, 3_000_000);
    let back = later(rewritten(), 3_000_000);
    let both = [(FRONT, 1, None), (again, 2, None), (back, 3, Some(FRONT))];
    let found = self::found(&[&both]);
    assert_eq!(ends(&found), [[FRONT.orig, BACK.orig]]);
    let joined = found.paths.iter().find(|path| path.legs.len() > 1).unwrap();
    assert_eq!(joined.orig_leg().of(&found.points).incarnation, 2);
    // None is open.
    let long_after = later(rewritten(), 9_000_000);
    let found = self::found(&[&[(FRONT, 1, None), (long_after, 3, Some(FRONT))]]);
    assert_eq!(ends(&found), Vec::<Vec<String>>::new());
}

#[test]
fn a_client_that_sends_a_header_itself_is_not_believed() {
    let liar = Seen { orig: "10.66.0.6:41000", ttls: [61, 64], ..later(rewritten(), 100) };
    let found = found(&[&[(FRONT, 1, None), (Seen { resp: FRONT.resp, ..liar }, 2, Some(FRONT))]]);
    assert_eq!(ends(&found), Vec::<Vec<String>>::new());
}

#[test]
fn one_front_that_two_backs_claim_is_nobodys() {
    let other = Seen { orig: "10.1.0.9:50001", ..later(rewritten(), 100) };
    let found =
        found(&[&[(FRONT, 1, None), (rewritten(), 2, Some(FRONT)), (other, 3, Some(FRONT))]]);
    assert_eq!(ends(&found), Vec::<Vec<String>>::new());
    let candidates = &found.paths[0].matched.candidates;
    assert_eq!(candidates.len(), 2);
    assert!(candidates.iter().all(|c| c.tier == Tier::ProxyHeader && c.probability < 0.6));
}

#[test]
fn proxies_behind_each_other_hand_the_header_on() {
    let bytes = [FRONT.bytes[0] + 42, FRONT.bytes[1]];
    let first = Seen { bytes, resp: "10.1.0.77:80", ..BACK };
    let second = Seen { orig: "10.1.0.77:33333", resp: "10.1.9.7:8080", ..later(first, 100) };
    let found = found(&[&[(FRONT, 1, None), (first, 1, Some(FRONT)), (second, 1, Some(FRONT))]]);
    assert_eq!(ends(&found), [[FRONT.orig, first.orig, second.orig]]);
    assert_eq!(found.paths[0].legs.map_stages(), [0, 1, 2]);
}

#[test]
fn without_a_capture_at_the_proxy_a_header_needs_support() {
    let length = header(FRONT).len() as u32;
    let both = |i: u32| {
        let front = later(FRONT, i64::from(i) * 1_000_000);
        let front = Seen { orig: named(format!("10.1.0.2:{}", 40_000 + i)), ..front };
        let back = later(BACK, i64::from(i) * 1_000_000);
        let bytes = [front.bytes[0] + length, front.bytes[1]];
        (front, Seen { orig: named(format!("10.1.0.9:{}", 50_000 + i)), bytes, ..back })
    };
    let seen = |count: u32, seed: u64| {
        let (front, back): (Vec<_>, Vec<_>) = (0..count)
            .map(|i| {
                let (front, back) = both(i);
                let content = u64::from(i) + 1;
                ((front, content, None), (back, content + seed, Some(front)))
            })
            .unzip();
        found(&[&front, &back])
    };
    // Equal bytes besides the header.
    assert_eq!(ends(&seen(1, 0)).len(), 1);
    // Other bytes: an earlier use of the four-tuple may be meant, unless several are in step.
    let alone = seen(1, 1_000);
    assert_eq!(ends(&alone), Vec::<Vec<String>>::new());
    assert_eq!(alone.paths[0].matched.candidates[0].tier, Tier::ProxyHeader);
    assert_eq!(ends(&seen(3, 1_000)).len(), 3);
}

#[test]
fn bytes_behind_a_header_are_compared_the_right_way_round() {
    // Another address than the front's: nothing but bytes and several in step tell.
    let all: Vec<_> = (0..3u32)
        .flat_map(|i| {
            let front = Seen { ttls: [64; 2], ..later(FRONT, i64::from(i) * 1_000_000) };
            let bytes = [front.bytes[0] + header(FRONT).len() as u32, front.bytes[1]];
            let orig = named(format!("10.9.0.9:{}", 50_000 + i));
            let back = Seen { orig, bytes, ..later(BACK, i64::from(i) * 1_000_000) };
            [(front, i.into(), None), (back, i.into(), Some(front))]
        })
        .collect();
    let found = found(&[&all]);
    assert_eq!(found.paths.len(), 3);
    assert!(found.paths.iter().all(|path| path.matched.tier == Tier::ProxyHeader));
}
