//! More connections and holes than are kept.

use crosscap_packet::{Endpoint, SeqNumber, TcpFlags};
use crosscap_reassembly::{ConnState, Connections, Direction, Limits, Tracker};

use crate::model::{PUSH, sighting};

const SYN_ACK: TcpFlags = TcpFlags(0x12);
const FIN_ACK: TcpFlags = TcpFlags(0x11);

#[derive(Default)]
struct Talk {
    tracker: Tracker,
    frames: u64,
}

impl Talk {
    fn new(limits: Limits) -> Self {
        Self { tracker: Tracker::with_limits(limits), frames: 0 }
    }

    /// A segment of the client with this number, or of the server to it.
    fn push(&mut self, client: u32, from: Direction, seq: u32, flags: TcpFlags, len: u32) {
        self.frames += 1;
        let client = Endpoint::new(std::net::Ipv4Addr::from_bits(client), 40_000);
        let server = Endpoint::new(std::net::Ipv4Addr::new(10, 0, 0, 1), 80);
        let (src, dst) = if from == Direction::Orig { (client, server) } else { (server, client) };
        let mut at = sighting(self.frames, SeqNumber(seq), flags, len);
        at.time.0 = self.frames as i64 * 50_000_000;
        self.tracker.push_segment(src, dst, at);
    }

    fn open(&mut self, client: u32) {
        self.push(client, Direction::Orig, 0, TcpFlags::SYN, 0);
        self.push(client, Direction::Resp, 0, SYN_ACK, 0);
        self.push(client, Direction::Orig, 1, TcpFlags::ACK, 0);
    }

    fn close(&mut self, client: u32) {
        self.push(client, Direction::Orig, 1, FIN_ACK, 0);
        self.push(client, Direction::Resp, 1, FIN_ACK, 0);
    }

    fn states(self) -> (u64, [usize; 3]) {
        let all: Connections = self.tracker.finish();
        let frames: Vec<u64> = all.iter().map(|c| c.first().frame.number()).collect();
        assert!(frames.is_sorted(), "in order of their first packets");
        let count = |state| all.iter().filter(|c| c.conn_state() == state).count();
        (all.evicted(), [ConnState::S0, ConnState::Sf, ConnState::S1].map(count))
    }
}

fn connections(connections: usize) -> Limits {
    Limits { connections, ..Limits::default() }
}

#[test]
fn a_flood_of_syns_evicts_none_but_syns() {
    let mut talk = Talk::new(connections(800));
    (0..100).for_each(|client| talk.open(client));
    (100..200).for_each(|client| talk.open(client));
    (100..200).for_each(|client| talk.close(client));
    (1_000..50_000).for_each(|client| talk.push(client, Direction::Orig, 0, TcpFlags::SYN, 0));
    let (evicted, [unanswered, closed, open]) = talk.states();
    assert_eq!((closed, open), (100, 100));
    assert_eq!(evicted as usize + unanswered, 49_000);
    assert!(unanswered <= 600);
}

#[test]
fn closed_ones_go_before_open_ones_and_open_ones_last() {
    let mut talk = Talk::new(connections(80));
    (0..60).for_each(|client| talk.open(client));
    (100..1_000).for_each(|client| {
        talk.open(client);
        talk.close(client);
    });
    // Not one of those that are open, though they are the oldest.
    (0..60).for_each(|client| talk.push(client, Direction::Orig, 1, PUSH, 10));
    let (evicted, [_, closed, open]) = talk.states();
    assert_eq!((open, closed as u64 + evicted), (60, 900));
    let mut talk = Talk::new(connections(80));
    (0..1_000).for_each(|client| talk.open(client));
    let (evicted, [_, _, open]) = talk.states();
    assert_eq!(open as u64 + evicted, 1_000);
    assert!(open <= 80);
}

#[test]
fn one_that_was_evicted_begins_anew() {
    let mut talk = Talk::new(connections(8));
    (0..40).for_each(|client| talk.push(client, Direction::Orig, 0, TcpFlags::SYN, 0));
    talk.push(0, Direction::Resp, 0, SYN_ACK, 0);
    let all = talk.tracker.finish();
    let last = all.at(all.len() - 1);
    assert_eq!(
        (last.incarnation, last.orig.port, last.flow(Direction::Orig).packets),
        (1, 40_000, 0)
    );
}

#[test]
fn holes_that_are_forgotten_are_counted() {
    // Of one stream, ...
    let mut talk = Talk::default();
    talk.open(1);
    (1..=5_000).for_each(|i| talk.push(1, Direction::Orig, 1 + 2 * i, PUSH, 1));
    assert_eq!(talk.tracker.finish().forgotten_holes(), 5_000 - 4_096);
    // ... and of all.
    let mut talk = Talk::new(Limits { holes: 100, ..Limits::default() });
    (0..50).for_each(|client| talk.open(client));
    for i in 1..=10 {
        (0..50).for_each(|client| talk.push(client, Direction::Orig, 1 + 2 * i, PUSH, 1));
    }
    let all = talk.tracker.finish();
    assert_eq!(all.forgotten_holes(), 400);
    assert!(all.iter().all(|c| c.flow(Direction::Orig).missing_bytes() == 11));
}
