//! Captures that record each packet several times: at an interface a whole batch, then the same batch at the next one.

use crosscap_packet::{Endpoint, FrameRef, Segment, SeqNumber, TcpFlags, TcpTimestamps, Timestamp};
use crosscap_reassembly::{Direction, Flow, SegmentClass, Sighting, Tracker};
use proptest::prelude::*;

use crate::model::{PUSH, sighting};

/// A packet of one of several clients, or of the server to it.
type Packet = (u16, Direction, Segment);

/// What is on the wire: conversations of which some segments are sent again.
#[derive(Clone, Copy, Debug)]
struct Sender {
    /// Bytes of a segment.
    len: u32,
    /// IPv4, with a counter in the IP header; otherwise only timestamps tell segments apart.
    has_ids: bool,
    /// Every so many segments, the one before is sent again at once.
    again: u32,
}

impl Sender {
    /// Some connections: their handshakes, segments of each in turn, the acknowledgements of all of it, and their ends.
    fn wire(self, clients: u16, segments: u32) -> Vec<Packet> {
        let mut wire = Vec::new();
        for client in 0..clients {
            wire.push(self.packet(client, Direction::Orig, TcpFlags::SYN, [100, 0], 0, 1));
            wire.push(self.packet(client, Direction::Resp, TcpFlags(0x12), [500, 101], 0, 1));
            wire.push(self.packet(client, Direction::Orig, TcpFlags::ACK, [101, 501], 0, 2));
        }
        let mut count = 2;
        for i in 0..segments {
            for client in 0..clients {
                let seq = 501 + i * self.len;
                wire.push(self.packet(client, Direction::Resp, PUSH, [seq, 101], self.len, count));
                if i % self.again == self.again - 1 {
                    let before = seq - self.len * (i.min(1));
                    let again = [before, 101];
                    wire.push(self.packet(
                        client,
                        Direction::Resp,
                        PUSH,
                        again,
                        self.len,
                        count + 1,
                    ));
                }
            }
            count += 2;
        }
        for i in 1..=segments {
            for client in 0..clients {
                let numbers = [101, 501 + i * self.len];
                wire.push(self.packet(client, Direction::Orig, TcpFlags::ACK, numbers, 0, 2 + i));
            }
        }
        let end = 501 + segments * self.len;
        for client in 0..clients {
            let ends = [
                (Direction::Resp, TcpFlags(0x11), [end, 101]),
                (Direction::Orig, TcpFlags::ACK, [101, end + 1]),
                (Direction::Orig, TcpFlags(0x11), [101, end + 1]),
                (Direction::Resp, TcpFlags::ACK, [end + 1, 102]),
            ];
            for (from, flags, numbers) in ends {
                wire.push(self.packet(client, from, flags, numbers, 0, count));
                count += 1;
            }
        }
        wire
    }

    fn packet(
        self,
        client: u16,
        from: Direction,
        flags: TcpFlags,
        [seq, ack]: [u32; 2],
        len: u32,
        count: u32,
    ) -> Packet {
        let plain = sighting(0, SeqNumber(seq), flags, len).segment;
        let timestamps = (!self.has_ids).then_some(TcpTimestamps { value: count, echo_reply: 7 });
        let ip_id = if self.has_ids { count as u16 } else { 0 };
        (client, from, Segment { ack: SeqNumber(ack), ip_id, timestamps, ..plain })
    }
}

/// The packets in batches of `batch`, each of them recorded `times` times, one after the other. Frames in files of `file`
/// packets; whether each packet is a copy.
fn capture(
    wire: &[Packet],
    batch: usize,
    times: usize,
    file: usize,
) -> Vec<(Packet, Sighting, bool)> {
    let mut all: Vec<(Packet, Sighting, bool)> = Vec::new();
    for (i, packets) in wire.chunks(batch).enumerate() {
        for interface in 0..times {
            for (j, &packet) in packets.iter().enumerate() {
                // A packet in a microsecond, and as much between the batches.
                let first = i * batch * (times + 1) + interface * packets.len();
                let time = Timestamp((first + j) as i64 * 1_000);
                let number = all.len();
                let frame = FrameRef::new((number / file) as u16, (number % file) as u64 + 1);
                let at = Sighting { time, frame, segment: packet.2 };
                all.push((packet, at, interface > 0));
            }
        }
    }
    all
}

/// What each packet was; the flow of each client and direction.
fn judge(
    tracker: &mut Tracker,
    packets: &[(Packet, Sighting, bool)],
    file: usize,
    is_ours: impl Fn(u16) -> bool,
) -> Vec<SegmentClass> {
    let mut judged = Vec::new();
    for (i, ((client, from, _), at, _)) in packets.iter().enumerate() {
        if i % file == 0 {
            tracker.begin_file(i as u64);
        }
        if is_ours(*client) {
            let client = Endpoint::new(std::net::Ipv4Addr::new(10, 0, 0, 1), 40_000 + client);
            let server = Endpoint::new(std::net::Ipv4Addr::new(10, 0, 0, 2), 80);
            let [src, dst] =
                if *from == Direction::Orig { [client, server] } else { [server, client] };
            judged.push(tracker.push_segment(src, dst, *at).class);
        }
    }
    judged
}

fn all_flows(tracker: Tracker) -> Vec<Flow> {
    let connections = tracker.finish();
    connections.iter().flat_map(|c| Direction::BOTH.map(|d| c.flow(d).clone())).collect()
}

/// What is no copy is judged as if there were none.
fn assert_copies_change_nothing(
    wire: &[Packet],
    batch: usize,
    times: usize,
    file: usize,
) -> Result<(), TestCaseError> {
    let packets = capture(wire, batch, times, file);
    let (mut tracker, mut plain) = (Tracker::new(), Tracker::new());
    let judged = judge(&mut tracker, &packets, file, |_| true);
    let once: Vec<_> = packets.iter().filter(|(.., is_copy)| !is_copy).copied().collect();
    let expected = judge(&mut plain, &once, usize::MAX, |_| true);
    let (copies, others): (Vec<_>, Vec<_>) =
        judged.into_iter().zip(&packets).partition(|(_, (.., is_copy))| *is_copy);
    prop_assert!(copies.iter().all(|(class, _)| *class == SegmentClass::Copy));
    let others: Vec<SegmentClass> = others.into_iter().map(|(class, _)| class).collect();
    prop_assert_eq!(others, expected);
    for (flow, plain) in all_flows(tracker).iter().zip(all_flows(plain)) {
        prop_assert_eq!(flow.packets, plain.packets * times as u64);
        prop_assert_eq!(u64::from(flow.copies), plain.packets * (times as u64 - 1));
        prop_assert_eq!((flow.retransmits, flow.causes), (plain.retransmits, plain.causes));
        prop_assert_eq!(flow.duplicate_acks, plain.duplicate_acks);
    }
    Ok(())
}

#[test]
fn bursts_recorded_twice_and_more_are_sent_once() {
    for has_ids in [true, false] {
        for burst in [1, 16, 64, 100, 250] {
            for times in [2, 3] {
                let sender = Sender { len: 1448, has_ids, again: 10 };
                let wire = sender.wire(1, 300);
                assert_copies_change_nothing(&wire, burst, times, usize::MAX).unwrap();
                let again = wire.iter().filter(|(_, d, _)| *d == Direction::Resp).count() - 303;
                let mut tracker = Tracker::new();
                let packets = capture(&wire, burst, times, usize::MAX);
                judge(&mut tracker, &packets, usize::MAX, |_| true);
                let flows = all_flows(tracker);
                assert_eq!((again, flows[1].retransmits), (30, 30), "{has_ids} {burst} {times}");
            }
        }
    }
}

#[test]
fn copies_are_told_across_files() {
    let wire = Sender { len: 10, has_ids: true, again: 7 }.wire(3, 200);
    assert_copies_change_nothing(&wire, 64, 2, 100).unwrap();
}

/// Each shard sees the packets of some connections only, and must say the same.
#[test]
fn who_else_is_in_the_capture_does_not_matter() {
    let wire = Sender { len: 10, has_ids: true, again: 7 }.wire(40, 50);
    // Far apart: beyond what is remembered, for some.
    for batch in [64, 500, 5_000] {
        let packets = capture(&wire, batch, 2, usize::MAX);
        let mut whole = Tracker::new();
        judge(&mut whole, &packets, usize::MAX, |_| true);
        let whole = all_flows(whole);
        for shards in [2, 7] {
            for shard in 0..shards {
                let mut tracker = Tracker::new();
                judge(&mut tracker, &packets, usize::MAX, |client| client % shards == shard);
                let ours = (0..40).filter(|client| client % shards == shard);
                let expected = ours.flat_map(|client| &whole[usize::from(client) * 2..][..2]);
                let expected: Vec<String> = expected.map(|f| format!("{f:?}")).collect();
                let flows: Vec<String> =
                    all_flows(tracker).iter().map(|f| format!("{f:?}")).collect();
                assert_eq!(flows, expected);
            }
        }
    }
}

#[test]
fn the_same_packet_much_later_is_sent_again() {
    let sender = Sender { len: 10, has_ids: true, again: 1_000 };
    let wire = &sender.wire(1, 1)[..5];
    let mut packets = capture(wire, 1, 1, usize::MAX);
    let mut again = packets[3];
    (again.1.time.0, again.1.frame) = (again.1.time.0 + 10_100_000, FrameRef::new(0, 6));
    packets.push(again);
    let mut tracker = Tracker::new();
    let judged = judge(&mut tracker, &packets, usize::MAX, |_| true);
    assert!(matches!(judged[5], SegmentClass::Retransmission(_)), "{:?}", judged[5]);
}

/// A packet in parts of `mss` bytes, as segmentation offload cuts it.
fn cut(whole: Segment, mss: u32) -> Vec<Segment> {
    let parts = (0..whole.payload_len.div_ceil(mss)).map(|i| Segment {
        seq: whole.seq + i * mss,
        payload_len: mss.min(whole.payload_len - i * mss),
        ip_id: if whole.ip_id == 0 { 0 } else { whole.ip_id + i as u16 },
        ..whole
    });
    parts.collect()
}

/// Packets of several segments, some of whose segments are sent again soon after, at one interface; then at another one,
/// where they are cut, or are whole while they were cut at the first.
#[test]
fn parts_of_a_packet_are_copies_of_it_and_it_of_them() {
    const MSS: u32 = 1448;
    for (has_ids, whole_first) in [(true, true), (true, false), (false, true), (false, false)] {
        let sender = Sender { len: 0, has_ids, again: 1 };
        let server =
            |seq, len, count| sender.packet(0, Direction::Resp, PUSH, [seq, 101], len, count);
        let mut wire = sender.wire(1, 0);
        wire.truncate(2);
        let (mut seq, mut id) = (501, 2);
        let mut sent_again = 0;
        for parts in [2, 3, 5, 45, 2, 17] {
            let len = (parts - 1) * MSS + 700;
            wire.push(server(seq, len, id));
            id += parts;
            // The last one, the first one and one in between, each with a number of its own.
            for part in [parts - 1, 0, parts / 2] {
                wire.push(server(seq + part * MSS, MSS.min(len - part * MSS), id));
                (id, sent_again) = (id + 1, sent_again + 1);
            }
            seq += len;
        }
        let mut packets = Vec::new();
        for is_copy in [false, true] {
            for &(client, from, segment) in &wire {
                let parts = if whole_first == is_copy { cut(segment, MSS) } else { vec![segment] };
                let parts = if segment.payload_len == 0 { vec![segment] } else { parts };
                for segment in parts {
                    let number = packets.len() as u64 + 1;
                    let time = Timestamp(number as i64 * 1_000);
                    let at = Sighting { time, frame: FrameRef::new(0, number), segment };
                    packets.push(((client, from, segment), at, is_copy));
                }
            }
            // Whoever has no number repeats the handshake at once, which tells that all is recorded twice.
            if !has_ids && !is_copy {
                let copies = packets[..2].to_vec();
                packets.splice(2..2, copies.into_iter().map(|(packet, at, _)| (packet, at, true)));
                for (i, (_, at, _)) in packets.iter_mut().enumerate() {
                    at.time = Timestamp(i as i64 * 1_000);
                    at.frame = FrameRef::new(0, i as u64 + 1);
                }
            }
        }
        let mut tracker = Tracker::new();
        let judged = judge(&mut tracker, &packets, usize::MAX, |_| true);
        for (class, (_, at, is_copy)) in judged.iter().zip(&packets) {
            assert_eq!(*class == SegmentClass::Copy, *is_copy, "{has_ids} {whole_first} {at:?}");
        }
        assert_eq!(all_flows(tracker)[1].retransmits, sent_again, "{has_ids} {whole_first}");
    }
}

/// Without a number, the second of two that say the same is sent again where packets are recorded once.
#[test]
fn what_was_sent_twice_within_a_tick_is_no_copy_where_others_have_none() {
    let sender = Sender { len: 10, has_ids: false, again: 1_000 };
    for times in [1, 2, 3] {
        let mut wire = sender.wire(1, 20);
        wire.insert(10, wire[9]);
        let mut tracker = Tracker::new();
        judge(&mut tracker, &capture(&wire, 1, times, usize::MAX), usize::MAX, |_| true);
        let flows = all_flows(tracker);
        let expected = (1, 24 * (times as u32 - 1));
        assert_eq!((flows[1].retransmits, flows[1].copies), expected, "{times}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn batches_of_any_length(
        clients in 1u16..6,
        segments in 1u32..80,
        again in 1u32..9,
        batch in 1usize..120,
        times in 2usize..4,
        file in 1usize..3_000,
    ) {
        let wire = Sender { len: 10, has_ids: true, again }.wire(clients, segments);
        assert_copies_change_nothing(&wire, batch, times, file)?;
    }
}
