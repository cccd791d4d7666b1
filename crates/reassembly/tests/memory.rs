//! What connections cost, by a counting allocator: a process of its own, with one test, so that nothing else counts.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::alloc::System;

use cap::Cap;
use crosscap_packet::{
    Endpoint, FrameRef, OptionSummary, Segment, SeqNumber, TcpFlags, TcpTimestamps, Timestamp,
};
use crosscap_reassembly::{Sighting, Tracker};

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

const CLOSED: usize = 400_000;
const OPEN: usize = 5_000;

/// Whether the responder sends it, its flags and its payload.
const TALK: [(usize, u8, u32); 12] = [
    (0, 0x02, 0),
    (1, 0x12, 0),
    (0, 0x10, 0),
    (0, 0x18, 300),
    (1, 0x10, 0),
    (1, 0x10, 1448),
    (1, 0x18, 900),
    (0, 0x10, 0),
    (0, 0x11, 0),
    (1, 0x10, 0),
    (1, 0x11, 0),
    (0, 0x10, 0),
];

struct Capture {
    tracker: Tracker,
    frames: u64,
}

impl Capture {
    fn push(&mut self, ends: [Endpoint; 2], at: (usize, u8), numbers: [u32; 2], len: u32) {
        let (from, flags) = at;
        self.frames += 1;
        let n = self.frames as u32;
        let segment = Segment {
            seq: SeqNumber(numbers[from]),
            ack: SeqNumber(numbers[1 - from]),
            flags: TcpFlags(flags),
            window: 502 + n as u16 % 7,
            ttl: 64 - from as u8,
            ip_id: n as u16 | 1,
            payload_len: len,
            timestamps: Some(TcpTimestamps { value: n, echo_reply: n ^ 5 }),
            options: OptionSummary::Other,
        };
        let time = Timestamp(1_700_000_000_123_456_789 + self.frames as i64 * 187_654);
        let at = Sighting { time, frame: FrameRef::new(0, self.frames), segment };
        self.tracker.push_segment(ends[from], ends[1 - from], at);
    }

    /// The first packets of a conversation.
    fn talk(&mut self, number: usize, packets: usize) {
        let n = number as u32;
        let client = format!("10.{}.{}.{}:{}", n >> 16, n >> 8 & 255, n & 255, 40_000 + n % 9_999);
        let ends = [client.parse().unwrap(), "10.96.0.10:8080".parse().unwrap()];
        let mut numbers = [n.wrapping_mul(0x9e37_79b9), n.wrapping_mul(0x85eb_ca6b)];
        for &(from, flags, len) in &TALK[..packets] {
            self.push(ends, (from, flags), numbers, len);
            numbers[from] = numbers[from].wrapping_add(len + u32::from(flags & 3 != 0));
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
    capture.push(ends, (0, 0x02), [99, 0], 0);
    capture.push(ends, (0, 0x18), [100, 0], 1);
    capture.push(ends, (0, 0x18), [100 + (7 << 28), 0], 1);
    let ahead = since(with_all);
    assert!(ahead <= 8_192, "{ahead} bytes for a byte 1.75 GiB ahead");

    let connections = capture.tracker.finish();
    assert_eq!((connections.len(), connections.evicted()), (OPEN + CLOSED + 1, 0));
    assert_eq!(connections.at(OPEN + CLOSED).flow(crosscap_reassembly::Direction::Orig).bytes, 2);
    let kept = (since(before) - OPEN * open) / CLOSED;
    assert!(kept <= 256, "{kept} bytes for a closed connection that is kept");
}
