//! Captures made so that much looks alike. Each is large enough that what grows with the square of it would not end.

use crosscap_correlation::{Correlation, Point, Tier, correlate};
use crosscap_packet::{
    Endpoint, FrameRef, OptionSummary, Segment, SeqNumber, TcpFlags, TcpTimestamps, Timestamp,
};
use crosscap_reassembly::{Sighting, Tracker};

use crate::seen::{name, point};
use crate::truth::SECOND;

/// Points in a row without NAT, whose clocks are alike.
struct Row {
    trackers: Vec<Tracker>,
    frames: u64,
    time: i64,
}

const SYN: TcpFlags = TcpFlags::SYN;
const ACK: TcpFlags = TcpFlags::ACK;
const FIN: TcpFlags = TcpFlags::FIN;

impl Row {
    fn new(points: usize) -> Self {
        let trackers = (0..points).map(|_| Tracker::new()).collect();
        Self { trackers, frames: 0, time: 1_700_000_000 * SECOND }
    }

    /// A packet that every point sees.
    fn packet(&mut self, ends: [Endpoint; 2], flags: TcpFlags, numbers: [u32; 2], payload: u32) {
        self.packet_at(0..self.trackers.len(), ends, flags, numbers, payload);
    }

    fn packet_at(
        &mut self,
        points: std::ops::Range<usize>,
        [from, to]: [Endpoint; 2],
        flags: TcpFlags,
        [seq, ack]: [u32; 2],
        payload_len: u32,
    ) {
        self.frames += 1;
        self.time += 10_000;
        // Clients are left of the first point.
        let is_answer = to.port >= FIRST_PORT;
        let last = self.trackers.len() - 1;
        for point in points {
            let hops = if is_answer { last - point } else { point };
            let segment = Segment {
                seq: SeqNumber(seq),
                ack: SeqNumber(ack),
                flags,
                window: 500,
                ttl: 64 - hops as u8,
                ip_id: self.frames as u16 | 1,
                payload_len,
                timestamps: Some(TcpTimestamps {
                    value: (self.time / 1_000_000) as u32,
                    echo_reply: 7,
                }),
                options: OptionSummary::Other,
            };
            let time = Timestamp(self.time + hops as i64 * 200);
            let at = Sighting { time, frame: FrameRef::new(0, self.frames), segment };
            self.trackers[point].push_segment(from, to, at);
        }
    }

    /// A handshake, a request and an answer, both closed.
    fn connection(&mut self, client: Endpoint, server: Endpoint, [mine, theirs]: [u32; 2]) {
        let (there, back) = ([client, server], [server, client]);
        let (mine, theirs) = (SeqNumber(mine), SeqNumber(theirs));
        self.packet(there, SYN, [mine.0, 0], 0);
        self.packet(back, SYN | ACK, [theirs.0, (mine + 1).0], 0);
        self.packet(there, ACK, [(mine + 1).0, (theirs + 1).0], 100);
        self.packet(back, ACK | FIN, [(theirs + 1).0, (mine + 101).0], 300);
        self.packet(there, ACK | FIN, [(mine + 101).0, (theirs + 302).0], 0);
    }

    fn correlate(self) -> Correlation {
        let points: Vec<Point> =
            self.trackers.into_iter().enumerate().map(|(i, t)| point(&name(i), t)).collect();
        correlate(points)
    }
}

fn client(number: usize) -> Endpoint {
    let [_, _, high, low] = (number as u32 / 50_000).to_be_bytes();
    Endpoint::new([10, 1, high, low], FIRST_PORT + (number % 50_000) as u16)
}

fn server() -> Endpoint {
    Endpoint::new([10, 2, 0, 1], 443)
}

/// Numbers that no other connection has.
fn random(number: usize) -> [u32; 2] {
    let mix = |n: u64| (n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 21) as u32;
    [mix(2 * number as u64 + 1), mix(2 * number as u64 + 2)]
}

/// Legs of all points that are on a path with another one.
fn matched(found: &Correlation) -> usize {
    let several = found.paths.iter().filter(|p| p.legs.len() > 1);
    several.map(|p| p.legs.len()).sum()
}

#[test]
fn all_connections_have_the_same_numbers() {
    let mut row = Row::new(2);
    for i in 0..MANY {
        row.connection(client(i), server(), [0x1234_5678, 0x8765_4321]);
    }
    let found = row.correlate();
    assert_eq!(found.points[0].connections.len(), MANY);
    // What else they have in common tells them apart, or nothing does: no path has legs of two.
    for path in &found.paths {
        let ends: Vec<_> = path.legs.iter().map(|l| l.of(&found.points).orig).collect();
        assert!(ends.iter().all(|end| *end == ends[0]), "{}", path.name);
    }
}

#[test]
fn one_client_uses_one_port_again_and_again() {
    let mut row = Row::new(2);
    for i in 0..MANY {
        row.connection(client(0), server(), random(i));
    }
    let found = row.correlate();
    assert_eq!(found.points[0].connections.len(), MANY);
    assert_eq!(found.paths.len(), MANY);
    assert_eq!(matched(&found), 2 * MANY);
    assert!(found.paths.iter().all(|p| p.matched.tier == Tier::IsnPair));
}

#[test]
fn one_client_asks_and_no_server_answers() {
    let mut row = Row::new(2);
    for i in 0..MANY {
        // A scan: one port, one number, many hosts.
        let [_, a, b, c] = (i as u32).to_be_bytes();
        row.packet([client(0), Endpoint::new([11, a, b, c], 80)], SYN, [0x1234_5678, 0], 0);
    }
    let found = row.correlate();
    assert!(found.paths.len() >= MANY);
    assert!(found.paths.iter().all(|p| p.legs.len() <= 2));
}

#[test]
fn all_continue_what_one_point_alone_saw_begin() {
    let mut row = Row::new(2);
    for i in 0..FEW {
        // Up to 64 servers continue the connection of one client.
        let (client, [mine, theirs]) = (client(i / 64), random(i / 64));
        if i % 64 == 0 {
            row.connection(client, server(), [mine, theirs]);
        }
        let other = Endpoint::new([10, 3, 0, (i % 64) as u8], 8443);
        let numbers = [(SeqNumber(theirs) + 302).0, (SeqNumber(mine) + 102).0];
        row.packet_at(0..1, [other, client], ACK, numbers, 50);
    }
    let found = row.correlate();
    let strays: usize = found.paths.iter().map(|p| p.strays().count()).sum();
    assert_eq!(strays, FEW);
    assert_eq!(found.paths.len(), FEW.div_ceil(64));
}

#[test]
fn one_connection_is_continued_from_everywhere() {
    let mut row = Row::new(2);
    let [mine, theirs] = random(0);
    row.connection(client(0), server(), [mine, theirs]);
    // As many as are looked at for one client.
    for i in 0..1_000 {
        let [.., high, low] = (i as u32).to_be_bytes();
        let other = Endpoint::new([10, 3, high, low], 8443);
        row.packet(
            [other, client(0)],
            ACK,
            [(SeqNumber(theirs) + 302).0, (SeqNumber(mine) + 102).0],
            50,
        );
    }
    let found = row.correlate();
    assert_eq!(found.paths[0].regular().count(), 2);
}

#[test]
fn midstream_legs_have_the_same_numbers() {
    let mut row = Row::new(2);
    for i in 0..MANY {
        let (there, back) = ([client(i), server()], [server(), client(i)]);
        row.packet(there, ACK, [0x1234_5678, 0x8765_4321], 100);
        row.packet(back, ACK, [0x8765_4321, 0x1234_5678 + 100], 100);
    }
    let found = row.correlate();
    for path in &found.paths {
        let ends: Vec<_> = path.legs.iter().map(|l| l.of(&found.points).orig).collect();
        assert!(ends.iter().all(|end| *end == ends[0]), "{}", path.name);
    }
}

#[test]
fn fifty_points_of_one_capture() {
    let mut row = Row::new(50);
    let connections = 100;
    for i in 0..connections {
        row.connection(client(i), server(), random(i));
    }
    let found = row.correlate();
    assert_eq!(found.paths.len(), connections);
    assert_eq!(matched(&found), 50 * connections);
    assert!(found.clocks.iter().all(|clock| clock.is_some()));
}

/// Of clients; servers have lower ones.
const FIRST_PORT: u16 = 10_000;

/// Connections; unoptimised, what is in proportion takes seconds.
const MANY: usize = 10_000;
const FEW: usize = 3_200;
