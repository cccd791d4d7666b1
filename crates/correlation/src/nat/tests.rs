//! Connections through translators that the test sets up.

use crosscap_packet::{FrameRef, OptionSummary, Segment, SeqNumber, TcpFlags};
use crosscap_reassembly::{Sighting, Tracker};

use super::*;
use crate::correlate;

const SECOND: i64 = 1_000_000_000;
/// When the tests begin.
const EPOCH: i64 = 1_700_000_000 * SECOND;
/// From one point to the next.
const HOP: i64 = 50_000;

/// Points in a row from client to server, with translators between them.
struct Net {
    points: Vec<(&'static str, Tracker, i64)>,
    connections: u32,
    frames: u64,
}

impl Net {
    /// Each point with how far its clock is ahead, nanoseconds.
    fn new(points: &[(&'static str, i64)]) -> Self {
        let points = points.iter().map(|&(name, ahead)| (name, Tracker::new(), ahead)).collect();
        Self { points, connections: 0, frames: 0 }
    }

    /// A handshake; for each leg its point and the two ends there.
    fn open(&mut self, second: i64, legs: &[(usize, &str, &str)]) {
        self.connections += 1;
        let isns =
            [0x1000_0000 + 7_919 * self.connections, 0x9000_0000 + 104_729 * self.connections];
        let (syn, ack) = (TcpFlags::SYN, TcpFlags::ACK);
        let steps = [(0, syn, 0, 0), (1, syn | ack, 0, 1), (0, ack, 1, 1)];
        let hops = legs.len() as i64;
        for (step, (from, flags, seq, acked)) in steps.into_iter().enumerate() {
            self.frames += 1;
            for (hop, &(point, orig, resp)) in legs.iter().enumerate() {
                let hop = if from == 0 { hop as i64 } else { hops - 1 - hop as i64 };
                let ends: [Endpoint; 2] = [orig, resp].map(|e| e.parse().unwrap());
                let (_, tracker, ahead) = &mut self.points[point];
                let time = EPOCH + second * SECOND + step as i64 * 10 * HOP + hop * HOP + *ahead;
                let segment = Segment {
                    seq: SeqNumber(isns[from]) + seq,
                    ack: SeqNumber(if acked == 0 { 0 } else { isns[1 - from] + acked }),
                    flags,
                    window: 500,
                    ttl: 64 - hop as u8,
                    ip_id: self.frames as u16,
                    payload_len: 0,
                    timestamps: None,
                    options: OptionSummary::Absent,
                };
                let frame = FrameRef::new(0, self.frames * 8 + hop as u64);
                let at = Sighting { time: Timestamp(time), frame, segment };
                tracker.push_segment(ends[from], ends[1 - from], at);
            }
        }
    }

    fn correlate(self) -> Correlation {
        let point = |(name, t, _): (_, Tracker, _)| Point::new(name, t.finish());
        correlate(self.points.into_iter().map(point).collect())
    }
}

fn endpoint(text: &str) -> Endpoint {
    text.parse().unwrap()
}

const VIP: &str = "10.96.0.10:80";

/// 120 connections to one Service, every third to a second backend, which joins after 60 s. The second clock is 5 s
/// behind.
fn two_backends(points: [(&'static str, i64); 2]) -> Correlation {
    let mut net = Net::new(&points);
    let client = usize::from(points[0].0 != "client");
    for i in 0..120u16 {
        let orig = format!("10.1.0.2:{}", 40_000 + i);
        let backend = if i >= 60 && i % 3 == 0 { "10.1.9.8:8080" } else { "10.1.9.7:8080" };
        net.open(i.into(), &[(client, &orig, VIP), (1 - client, &orig, backend)]);
    }
    net.correlate()
}

#[test]
fn each_backend_has_its_connections_and_its_time() {
    let found = two_backends([("client", 0), ("pod", -5 * SECOND)]);
    let [first, second] = &found.nat[..] else { panic!("{:?}", found.nat) };
    assert_eq!((first.connections, second.connections), (100, 20));
    for m in [first, second] {
        assert_eq!((m.kind, m.ordered, &m.sources), (NatKind::Dnat, m.connections, &None));
        assert_eq!((m.before, m.after[0]), ([None, Some(endpoint(VIP))], None));
        let place = NatPlace { from: 0, to: 1, kind: NatKind::Dnat, connections: m.connections };
        assert_eq!(m.places, [place]);
        let over_time = m.over_time.as_ref().unwrap();
        assert_eq!(over_time.counts.iter().sum::<u64>(), m.connections);
    }
    let at = |second: i64| Timestamp(EPOCH + second * SECOND);
    let seen = second.seen.unwrap();
    assert_eq!((seen.first, seen.last_new), (at(60), at(117)));
    assert!(seen.last > at(117) && seen.last < at(118));

    let [service] = &NatService::of(&found.nat)[..] else { panic!() };
    assert_eq!((service.service, service.connections), (endpoint(VIP), 120));
    let backends: Vec<_> = service.backends.iter().map(|b| (b.backend, b.connections)).collect();
    assert_eq!(backends, [(endpoint("10.1.9.7:8080"), 100), (endpoint("10.1.9.8:8080"), 20)]);
}

#[test]
fn times_are_in_the_clock_of_the_first_point_whichever_that_is() {
    let found = two_backends([("pod", 0), ("client", 27 * SECOND)]);
    let seen = found.nat[0].seen.unwrap();
    // Known through the clock of another point only: within the bounds of what a hop takes.
    let off = seen.first.since(Timestamp(EPOCH));
    assert!(off.abs() < 4 * HOP, "{off} ns");
}

#[test]
fn bins_are_few_and_equal_and_hold_every_connection() {
    let found = two_backends([("client", 0), ("pod", 0)]);
    for m in &found.nat {
        let o = m.over_time.as_ref().unwrap();
        // 119 s in at most 60 bins of whole seconds.
        assert_eq!(o.width, 2 * SECOND);
        assert!(o.counts.len() <= 60 && o.counts[0] > 0 && *o.counts.last().unwrap() > 0);
        assert_eq!(o.start.since(Timestamp(EPOCH)) % o.width, 0, "one grid for all");
        assert!(o.start <= m.seen.unwrap().first);
    }
    assert_eq!(
        found.nat[0].over_time.as_ref().unwrap().counts[..31],
        [[2; 30].as_slice(), &[1]].concat()
    );
    assert_eq!(found.nat[1].over_time.as_ref().unwrap().start, Timestamp(EPOCH + 60 * SECOND));
}

#[test]
fn bins_stand_any_times() {
    for times in [vec![i64::MIN, 0, i64::MAX], vec![5, 5, 5], vec![0, 59, 60], vec![-1, 0]] {
        let times: Vec<Timestamp> = times.into_iter().map(Timestamp).collect();
        let grid = Grid::over(times.iter().copied());
        let mut binned = Binned::default();
        times.iter().for_each(|t| binned.count(*t, grid));
        let o = binned.finish(grid).unwrap();
        assert_eq!(o.counts.iter().sum::<u64>(), times.len() as u64, "{times:?}");
        assert!(o.counts.len() <= 60 && o.width > 0, "{o:?}");
    }
    assert_eq!(Binned::default().finish(Grid::over(std::iter::empty())), None);
}

#[test]
fn masquerade_has_a_pool_and_says_what_becomes_of_ports() {
    let server = "203.0.113.9:443";
    let translated = |changes: fn(u16) -> bool| {
        let mut net = Net::new(&[("inside", 0), ("outside", 0)]);
        for i in 0..30u16 {
            let orig = format!("10.1.0.2:{}", 40_000 + i);
            let port = if changes(i) { 1_024 + i } else { 40_000 + i };
            let pool = if i % 3 == 0 { "192.0.2.2" } else { "192.0.2.1" };
            net.open(i.into(), &[(0, &orig, server), (1, &format!("{pool}:{port}"), server)]);
        }
        let found = net.correlate();
        let [m] = &found.nat[..] else { panic!("{:?}", found.nat) };
        assert_eq!(
            (m.kind, m.connections, m.after),
            (NatKind::Snat, 30, [None, Some(endpoint(server))])
        );
        assert!(NatService::of(&found.nat).is_empty(), "no responder was translated");
        m.sources.clone().unwrap()
    };
    let kept = translated(|_| false);
    assert_eq!(kept.pool, [("192.0.2.1".parse().unwrap(), 20), ("192.0.2.2".parse().unwrap(), 10)]);
    assert_eq!((kept.ports(), kept.ports_kept), (PortsKept::Always, 30));
    assert_eq!(translated(|_| true).ports(), PortsKept::Never);
    let mixed = translated(|i| i < 7);
    assert_eq!((mixed.ports(), mixed.ports_kept, mixed.ports_changed), (PortsKept::Mixed, 23, 7));
}

#[test]
fn a_large_pool_is_cut_and_the_rest_counted() {
    let mut tally = sources::Tally::default();
    for i in 0..200u8 {
        let after = Endpoint::new([192, 0, 2, i], 5_000);
        for _ in 0..=u32::from(i % 2) {
            tally.count(endpoint("10.1.0.2:5000"), after);
        }
    }
    let sources = tally.finish();
    assert_eq!(sources.pool.len(), 64);
    assert!(sources.pool.iter().all(|(_, count)| *count == 2), "the most used");
    assert_eq!((sources.other_addresses, sources.other_connections), (136, 300 - 128));
}

#[test]
fn a_node_that_sees_both_sides_is_the_place() {
    let mut net = Net::new(&[("client", 0), ("node", 0), ("pod", 0)]);
    for i in 0..10u16 {
        let orig = format!("10.1.0.2:{}", 40_000 + i);
        let masked = format!("10.1.9.1:{}", 50_000 + i);
        let backend = "10.1.9.7:8080";
        let before = (&orig[..], VIP);
        let after = (&masked[..], backend);
        net.open(
            i.into(),
            &[
                (0, before.0, before.1),
                (1, before.0, before.1),
                (1, after.0, after.1),
                (2, after.0, after.1),
            ],
        );
    }
    let found = net.correlate();
    let total: u64 = found.nat.iter().map(|m| m.connections).sum();
    assert_eq!(total, 10, "each connection once");
    let [m] = &found.nat[..] else { panic!("{:?}", found.nat) };
    assert_eq!(
        (m.kind, m.before[1], m.after[1]),
        (NatKind::DnatSnat, Some(endpoint(VIP)), Some(endpoint("10.1.9.7:8080")))
    );
    let place = NatPlace { from: 1, to: 1, kind: NatKind::DnatSnat, connections: 10 };
    assert_eq!(m.places, [place], "{:?}", found.paths[0]);
    assert_eq!(m.sources.as_ref().unwrap().ports(), PortsKept::Never);
}

#[test]
fn equal_ends_are_no_translation_and_families_may_differ() {
    let mut net = Net::new(&[("client", 0), ("server", 0)]);
    net.open(0, &[(0, "10.1.0.2:40000", "10.1.9.7:80"), (1, "10.1.0.2:40000", "10.1.9.7:80")]);
    net.open(
        1,
        &[
            (0, "[2001:db8::2]:40001", "[64:ff9b::a01:907]:80"),
            (1, "192.0.2.1:40001", "10.1.9.7:80"),
        ],
    );
    let found = net.correlate();
    let kinds: Vec<_> = found.nat.iter().map(|m| (m.kind, m.places.len())).collect();
    assert_eq!(kinds, [(NatKind::None, 0), (NatKind::DnatSnat, 1)]);
    let [_, nat64] = &found.nat[..] else { panic!() };
    assert_eq!(
        nat64.before,
        ["[2001:db8::2]:40001", "[64:ff9b::a01:907]:80"].map(|e| Some(endpoint(e)))
    );
    assert_eq!(nat64.after, ["192.0.2.1:40001", "10.1.9.7:80"].map(|e| Some(endpoint(e))));
}

#[test]
fn the_map_does_not_depend_on_the_order_of_points_or_on_threads() {
    let one = two_backends([("client", 0), ("pod", 0)]);
    let other = two_backends([("pod", 0), ("client", 0)]);
    let counts = |c: &Correlation| -> Vec<_> {
        c.nat.iter().map(|m| (m.before, m.after, m.kind, m.connections, m.ordered)).collect()
    };
    assert_eq!(counts(&one), counts(&other));
    for threads in [1, 3] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        assert_eq!(pool.install(|| mappings(&one, &Legs::of(&one.points))), one.nat);
    }
}
