//! What connections cost, by a counting allocator: a process of its own, with one test, so that nothing else counts.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::alloc::System;

use cap::Cap;
use crosscap_packet::{Endpoint, FrameRef, Segment, SeqNumber, TcpFlags, Timestamp};
use crosscap_reassembly::{Sighting, Tracker};
use talk::talk;

#[path = "shared/talk.rs"]
mod talk;

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

const CLOSED: usize = 400_000;
const OPEN: usize = 5_000;

struct Capture {
    tracker: Tracker,
    frames: u64,
}

impl Capture {
    fn push(&mut self, ends: [Endpoint; 2], from: usize, segment: Segment) {
        self.frames += 1;
        let time = Timestamp(1_700_000_000_123_456_789 + self.frames as i64 * 187_654);
        let at = Sighting { time, frame: FrameRef::new(0, self.frames), segment };
        self.tracker.push_segment(ends[from], ends[1 - from], at);
    }

    /// The first packets of a conversation.
    fn talk(&mut self, number: usize, packets: usize) {
        let n = number as u32;
        let client = format!("10.{}.{}.{}:{}", n >> 16, n >> 8 & 255, n & 255, 40_000 + n % 9_999);
        let ends = [client.parse().unwrap(), "10.96.0.10:8080".parse().unwrap()];
        let numbers = [n.wrapping_mul(0x9e37_79b9), n.wrapping_mul(0x85eb_ca6b)];
        for (from, segment) in talk(numbers, self.frames as u32 + 1).take(packets) {
            self.push(ends, from, segment);
        }
    }
}

#[test]
fn connections_cost_what_is_promised() {
    let before = ALLOCATOR.allocated();
    let since = |before: usize| ALLOCATOR.allocated() - before;
    let mut capture = Capture { tracker: Tracker::new(), frames: 0 };

    (0..OPEN).for_each(|i| capture.talk(i, 7));
    let open = since(before) / OPEN;
    assert!(open <= 2_048, "{open} bytes for an open connection");

    // Some two megabytes are for those that ended just now, however many there are.
    (OPEN..OPEN + CLOSED / 2).for_each(|i| capture.talk(i, 12));
    let with_half = ALLOCATOR.allocated();
    (OPEN + CLOSED / 2..OPEN + CLOSED).for_each(|i| capture.talk(i, 12));
    let tracking = since(with_half) / (CLOSED / 2);
    assert!(tracking <= 256, "{tracking} bytes for a closed connection while packets come");

    // A byte as far ahead as sequence numbers go takes no room for what is missing.
    let ends = ["10.9.9.9:999".parse().unwrap(), "10.9.9.8:80".parse().unwrap()];
    let with_all = ALLOCATOR.allocated();
    let (_, syn) = talk([99, 0], 0).next().unwrap();
    capture.push(ends, 0, syn);
    for seq in [100, 100 + (7 << 28)] {
        let push = Segment { seq: SeqNumber(seq), flags: TcpFlags(0x18), payload_len: 1, ..syn };
        capture.push(ends, 0, push);
    }
    let ahead = since(with_all);
    assert!(ahead <= 8_192, "{ahead} bytes for a byte 1.75 GiB ahead");

    let connections = capture.tracker.finish();
    assert_eq!((connections.len(), connections.evicted()), (OPEN + CLOSED + 1, 0));
    assert_eq!(connections.at(OPEN + CLOSED).flow(crosscap_reassembly::Direction::Orig).bytes, 2);
    let kept = (since(before) - OPEN * open) / CLOSED;
    assert!(kept <= 256, "{kept} bytes for a closed connection that is kept");
}
