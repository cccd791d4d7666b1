//! What is matched, what is not, and what is only told as possible.

use crosscap_packet::{
    Endpoint, FrameRef, OptionSummary, Segment, SeqNumber, SynOptions, TcpFlags, TcpTimestamps,
    Timestamp,
};
use crosscap_reassembly::{Direction, Sighting, Tracker};

use crate::{Correlation, Leg, Matching, Point, StreamDigest, StreamDigester, Tier, correlate};

/// One connection as one point sees it: a handshake, a request, an answer, and both FINs.
#[derive(Clone, Copy)]
pub(crate) struct Seen {
    pub(crate) orig: &'static str,
    pub(crate) resp: &'static str,
    pub(crate) isns: [u32; 2],
    pub(crate) bytes: [u32; 2],
    /// When it begins, microseconds.
    pub(crate) at: i64,
    /// Packets that the capture missed at the beginning.
    pub(crate) skipped: usize,
    /// Of the client's clock in its SYN; none where there are no timestamps.
    pub(crate) stamp: Option<u32>,
    pub(crate) ip_id: u16,
    pub(crate) ttls: [u8; 2],
    /// How long an answer takes to come by, microseconds.
    pub(crate) round_trip: i64,
}

pub(crate) const CLIENT: Seen = Seen {
    orig: "10.1.0.2:40000",
    resp: "10.96.0.10:80",
    isns: [1_234_567_891, 3_141_592_653],
    bytes: [170, 5_000],
    at: 1_000_000,
    skipped: 0,
    stamp: Some(77_000),
    ip_id: 500,
    ttls: [64, 62],
    round_trip: 300,
};

/// The same behind a Service address.
pub(crate) const POD: Seen =
    Seen { resp: "10.1.9.7:8080", ttls: [62, 64], round_trip: 100, at: 1_000_100, ..CLIENT };

impl Seen {
    fn packets(self) -> Vec<(Endpoint, Endpoint, i64, Segment)> {
        let ends: [Endpoint; 2] = [self.orig, self.resp].map(|end| end.parse().unwrap());
        let (syn, ack, fin) = (TcpFlags::SYN, TcpFlags::ACK, TcpFlags::FIN);
        let [asked, told] = self.bytes;
        let talk = [
            (0, syn, 0),
            (1, syn | ack, 0),
            (0, ack, 0),
            (0, ack, asked),
            (1, ack, 0),
            (1, ack, told),
            (0, ack, 0),
            (0, ack | fin, 0),
            (1, ack | fin, 0),
            (0, ack, 0),
        ];
        let mut next = self.isns;
        let mut time = self.at;
        let mut last = 0;
        let mut packets = Vec::new();
        for (i, (from, flags, len)) in (0u32..).zip(talk) {
            if from != last {
                time += if from == 1 { self.round_trip } else { 1_000 };
                last = from;
            }
            let options = match flags.contains(syn) {
                true => OptionSummary::Syn(SynOptions::default()),
                false => OptionSummary::Other,
            };
            let segment = Segment {
                seq: SeqNumber(next[from]),
                ack: SeqNumber(if flags.contains(ack) { next[1 - from] } else { 0 }),
                flags,
                window: 500,
                ttl: self.ttls[from],
                ip_id: if flags == (syn | ack) { 0 } else { self.ip_id + i as u16 },
                payload_len: len,
                timestamps: self.stamp.map(|value| TcpTimestamps {
                    value: value + from as u32 * 5_000 + i,
                    echo_reply: 0,
                }),
                options,
            };
            next[from] = next[from].wrapping_add(segment.seq_len());
            packets.push((ends[from], ends[1 - from], time, segment));
        }
        packets.split_off(self.skipped)
    }
}

pub(crate) fn point(name: &str, seen: &[Seen]) -> Point {
    let mut packets: Vec<_> = seen.iter().flat_map(|seen| seen.packets()).collect();
    packets.sort_by_key(|(_, _, time, _)| *time);
    let mut tracker = Tracker::new();
    for (frame, (src, dst, time, segment)) in (1..).zip(packets) {
        let at =
            Sighting { time: Timestamp(time * 1_000), frame: FrameRef::new(0, frame), segment };
        tracker.push_segment(src, dst, at);
    }
    Point::new(name, tracker.finish())
}

fn two(client: &[Seen], pod: &[Seen]) -> Correlation {
    correlate(vec![point("client", client), point("pod", pod)])
}

/// The legs of each path that has several.
pub(crate) fn joined(found: &Correlation) -> Vec<(Tier, Vec<(usize, usize)>)> {
    let several = found.paths.iter().filter(|path| path.legs.len() > 1);
    let legs = |legs: &[Leg]| legs.iter().map(|leg| (leg.point, leg.connection)).collect();
    several.map(|path| (path.matched.tier, legs(&path.legs))).collect()
}

fn pair(tier: Tier) -> Vec<(Tier, Vec<(usize, usize)>)> {
    vec![(tier, vec![(0, 0), (1, 0)])]
}

#[test]
fn both_initial_numbers_are_enough_whatever_nat_changes() {
    let pod = Seen { orig: "10.1.9.1:61234", ..POD };
    let found = two(&[CLIENT], &[pod]);
    assert_eq!(joined(&found), pair(Tier::IsnPair));
    assert!(found.paths[0].ordered);
    assert!(found.paths[0].matched.expected_false < 1e-18);
}

#[test]
fn ranges_match_in_midstream_even_where_the_port_changes() {
    for skipped in [3, 5] {
        for orig in [POD.orig, "10.1.9.1:61234"] {
            let pod = Seen { orig, skipped, ..POD };
            assert_eq!(joined(&two(&[CLIENT], &[pod])), pair(Tier::SeqRange));
            let client = Seen { skipped: 4, ..CLIENT };
            assert_eq!(joined(&two(&[client], &[pod])), pair(Tier::SeqRange));
        }
    }
}

#[test]
fn the_right_one_of_two_uses_of_a_port_is_taken_in_midstream() {
    // Half a second later the kernel's next initial number is near.
    let isns = [CLIENT.isns[0] + 125_000, CLIENT.isns[1] + 125_000];
    let again = Seen { isns, at: CLIENT.at + 500_000, ip_id: 9_000, ..CLIENT };
    let pod = Seen { isns, at: POD.at + 500_000, ip_id: 9_000, skipped: 4, ..POD };
    let found = two(&[CLIENT, again], &[pod]);
    assert_eq!(joined(&found), [(Tier::SeqRange, vec![(0, 1), (1, 0)])]);
}

#[test]
fn what_fits_twice_is_told_and_not_guessed() {
    let skipped = 4;
    let twin = Seen { orig: "10.1.0.3:40000", ip_id: 9_000, at: 1_100_000, skipped, ..CLIENT };
    let found = two(&[Seen { skipped, ..CLIENT }, twin], &[Seen { skipped, ..POD }]);
    assert_eq!(joined(&found), []);
    let pod = found.paths.iter().find(|path| path.legs[0].point == 1).unwrap();
    assert_eq!(pod.matched.candidates.len(), 2);
    for candidate in &pod.matched.candidates {
        assert_eq!(candidate.tier, Tier::SeqRange);
        assert!((0.3..0.51).contains(&candidate.probability), "{candidate:?}");
    }
}

#[test]
fn numbers_moved_by_a_constant_match_where_the_syn_is_kept() {
    let isns = [CLIENT.isns[0].wrapping_add(123_456_789), CLIENT.isns[1].wrapping_sub(55)];
    let found = two(&[CLIENT], &[Seen { isns, ..POD }]);
    assert_eq!(joined(&found), pair(Tier::Offset));
    assert_eq!(found.paths[0].legs.map_stages(), [0, 1]);
    // A SYN proxy: the client's number is kept, its clock is not.
    let proxied = Seen { isns: [CLIENT.isns[0], isns[1]], stamp: None, ip_id: 1, ..POD };
    assert_eq!(joined(&two(&[CLIENT], &[proxied])), pair(Tier::Offset));
    // Other lengths: another connection.
    let other = Seen { isns, bytes: [170, 5_001], ..POD };
    assert_eq!(joined(&two(&[CLIENT], &[other])), []);
    // The same ends are not enough.
    let later = Seen { isns, stamp: None, ip_id: 9_000, resp: CLIENT.resp, ..POD };
    assert_eq!(joined(&two(&[Seen { stamp: None, ..CLIENT }], &[later])), []);
}

#[test]
fn initial_numbers_that_are_no_secret_join_nothing_wrong() {
    let client = |orig, ip_id, stamp| Seen { orig, ip_id, stamp: Some(stamp), ..CLIENT };
    let pod = |orig, ip_id, stamp| Seen { orig, ip_id, stamp: Some(stamp), ..POD };
    let (a, b) = ("10.1.0.2:40000", "10.1.0.3:40001");
    let found =
        two(&[client(a, 1, 10), client(b, 100, 90_000)], &[pod(b, 100, 90_000), pod(a, 1, 10)]);
    assert_eq!(
        joined(&found),
        [(Tier::IsnPair, vec![(0, 0), (1, 1)]), (Tier::IsnPair, vec![(0, 1), (1, 0)])]
    );
}

#[test]
fn what_others_prove_is_proof_for_their_own_hosts_only() {
    let next = |seen: Seen, i: u32| {
        let isns = seen.isns.map(|isn| isn + i * 10_000_019);
        Seen {
            isns,
            at: seen.at + i64::from(i) * 100_007,
            ip_id: seen.ip_id + i as u16 * 50,
            ..seen
        }
    };
    let pod = Seen { resp: CLIENT.resp, ..POD };
    // Nothing that the last one shows tells which point is nearer its client; the others go from client to pod.
    for (orig, proven) in [("10.1.0.2:45000", true), ("10.7.0.2:45000", false)] {
        let last = Seen { orig, ..next(CLIENT, 3) };
        let client: Vec<Seen> = (0..3).map(|i| next(CLIENT, i)).chain([last]).collect();
        let pod: Vec<Seen> = (0..3).map(|i| next(pod, i)).chain([last]).collect();
        let found = two(&client, &pod);
        assert_eq!(found.paths.len(), 4);
        let ordered: Vec<bool> = found.paths.iter().map(|path| path.ordered).collect();
        assert_eq!(ordered, [true, true, true, proven]);
        let path = &found.paths[3];
        assert_eq!((path.orig_leg().point, path.ties.is_empty()), (0, proven));
    }
}

#[test]
fn a_server_that_always_begins_alike_adds_little() {
    let many = |seen: Seen| -> Vec<Seen> {
        (0..3)
            .map(|i| Seen {
                isns: [seen.isns[0] + i * 77_777_777, 0x1234_5679],
                at: seen.at + i64::from(i) * 100_000,
                ip_id: seen.ip_id + i as u16 * 50,
                ..seen
            })
            .collect()
    };
    // Random numbers of the clients are worth 32 bits, and there is more that agrees.
    let found = two(&many(CLIENT), &many(POD));
    assert_eq!(joined(&found).len(), 3);
    for path in &found.paths {
        assert_eq!(path.matched.tier, Tier::IsnPair);
        assert!((1e-20..1e-11).contains(&path.matched.expected_false), "{:?}", path.matched);
    }
    // Both ends always begin alike, and nothing else agrees.
    let alike = |seen: Seen, first: u8| -> Vec<Seen> {
        let seen = Seen { stamp: None, ..seen };
        let orig = |i: u8| -> &'static str {
            Box::leak(
                format!("10.3.0.{}:{}", first + i, 40_000 + u32::from(first + i)).into_boxed_str(),
            )
        };
        (0..3)
            .map(|i| Seen {
                isns: [0x1234_5679, 0x2345_6789],
                orig: orig(i),
                ip_id: u16::from(first + i) * 99,
                at: seen.at + i64::from(i) * 100_000,
                ..seen
            })
            .collect()
    };
    let found = two(&alike(CLIENT, 1), &alike(POD, 100));
    assert_eq!(joined(&found), []);
}

/// A proxy at 10.1.0.9 that point 1 watches: what it takes, and what it makes of it.
fn proxied(front: &[Seen], back: &[Seen]) -> Matching {
    let both: Vec<Seen> = front.iter().chain(back).copied().collect();
    Matching::new(vec![point("client", front), point("proxy", &both)])
}

pub(crate) const FRONT: Seen = Seen { resp: "10.1.0.9:80", ..CLIENT };

pub(crate) const BACK: Seen = Seen {
    orig: "10.1.0.9:50000",
    resp: "10.1.9.7:8080",
    isns: [7, 8],
    stamp: Some(1),
    at: FRONT.at + 500,
    ip_id: 30_000,
    ..FRONT
};

/// Digests of streams of the same bytes, but for those of `others`.
fn digests(matching: &Matching, others: &[Leg]) -> Vec<(Leg, [StreamDigest; 2])> {
    let digest = |leg: Leg| {
        let c = leg.of(matching.points());
        let bytes = Direction::BOTH.map(|direction| {
            let flow = c.flow(direction);
            let first = u64::from(others.contains(&leg));
            let stream: Vec<u8> =
                (first..first + flow.bytes).map(|i| (i * i % 251) as u8).collect();
            let mut digester = StreamDigester::new(SeqNumber(0));
            digester.push(SeqNumber(1), &stream);
            digester.finish()
        });
        (leg, bytes)
    };
    matching.wants_payload().into_iter().map(digest).collect()
}

#[test]
fn a_proxy_that_passes_bytes_on_is_seen_through() {
    let matching = proxied(&[FRONT], &[BACK]);
    assert_eq!(matching.wants_payload().len(), 2);
    let digests = digests(&matching, &[]);
    let found = matching.finish(&digests);
    assert_eq!(found.paths.len(), 1);
    assert_eq!(found.paths[0].matched.tier, Tier::Payload);
    let path = &found.paths[0];
    assert_eq!(path.legs.map_stages().last(), Some(&1));
    assert_eq!(path.resp_leg().of(&found.points).resp.to_string(), "10.1.9.7:8080");
}

#[test]
fn equal_lengths_without_equal_bytes_are_nothing() {
    let matching = proxied(&[FRONT], &[BACK]);
    let back = *matching.wants_payload().last().unwrap();
    let digests = digests(&matching, &[back]);
    let found = matching.finish(&digests);
    assert_eq!(found.paths.len(), 2);
    assert!(found.paths.iter().all(|path| path.matched.candidates.is_empty()));
}

#[test]
fn equal_bytes_of_several_connections_are_candidates() {
    let other = Seen { orig: "10.1.0.4:41000", isns: [55, 66], ip_id: 7_000, ..FRONT };
    let more = Seen { orig: "10.1.0.9:50001", isns: [77, 88], ip_id: 8_000, ..BACK };
    let matching = proxied(&[FRONT, other], &[BACK, more]);
    let digests = digests(&matching, &[]);
    let found = matching.finish(&digests);
    assert_eq!(found.paths.len(), 4);
    for path in &found.paths {
        assert_eq!(path.matched.candidates.len(), 2, "{}", path.name);
        let sum: f64 = path.matched.candidates.iter().map(|c| c.probability).sum();
        assert!(sum < 1.0);
    }
}

#[test]
fn bytes_that_are_all_alike_join_nothing() {
    let matching = proxied(&[FRONT], &[BACK]);
    let digest = |leg: Leg| {
        let zeros = Direction::BOTH.map(|direction| {
            let mut digester = StreamDigester::new(SeqNumber(0));
            let bytes = leg.of(matching.points()).flow(direction).bytes;
            digester.push(SeqNumber(1), &vec![0; bytes as usize]);
            digester.finish()
        });
        (leg, zeros)
    };
    let digests: Vec<_> = matching.wants_payload().into_iter().map(digest).collect();
    let found = matching.finish(&digests);
    assert_eq!(found.paths.len(), 2);
    assert_eq!(found.paths[0].matched.candidates.len(), 1);
}

#[test]
fn bytes_that_others_carry_as_well_are_no_proof() {
    // Each is the only one of its time; all ask for the same.
    let fronts: Vec<Seen> = (0..3)
        .map(|i| Seen {
            isns: [i * 77_777_777 + 5, i * 99_999_999 + 8],
            at: FRONT.at + i64::from(i) * 5_000_000,
            ..FRONT
        })
        .collect();
    let backs: Vec<Seen> = fronts
        .iter()
        .map(|f| Seen {
            isns: [f.isns[0] + 1_234_321, f.isns[1] + 4_321_234],
            at: f.at + 500,
            ..BACK
        })
        .collect();
    let matching = proxied(&fronts, &backs);
    let digests = digests(&matching, &[]);
    let found = matching.finish(&digests);
    assert_eq!(found.paths.len(), 6);
    for path in &found.paths {
        let [only] = &path.matched.candidates[..] else { panic!("{}", path.name) };
        assert_eq!(only.tier, Tier::Payload);
        assert!(only.probability > 0.5);
    }
}

#[test]
fn a_proxy_that_changes_bytes_gives_a_candidate_at_most() {
    let back = Seen { bytes: [250, 5_000], ..BACK };
    let matching = proxied(&[FRONT], &[back]);
    // It might begin with a header that says whose it is.
    assert_eq!(matching.wants_payload().len(), 2);
    let back = *matching.wants_payload().last().unwrap();
    let digests = digests(&matching, &[back]);
    let found = matching.finish(&digests);
    assert_eq!(found.paths.len(), 2);
    assert_eq!(found.paths[0].matched.tier, Tier::IsnPair);
    assert_eq!(found.paths[0].matched.candidates[0].tier, Tier::None);
    assert!(found.paths[0].matched.candidates[0].probability <= 0.5);
}

pub(crate) trait Stages {
    fn map_stages(&self) -> Vec<u8>;
}

impl Stages for Vec<Leg> {
    fn map_stages(&self) -> Vec<u8> {
        self.iter().map(|leg| leg.stage).collect()
    }
}
