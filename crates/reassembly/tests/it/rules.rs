//! The rules of streams, one by one.

use crosscap_packet::{FrameRef, SeqNumber, TcpFlags};
use crosscap_reassembly::{
    AsideKind, Assembly, Chunk, Extent, GapKind, OnGap, OverlapPolicy, Payload, Stream,
};
use std::io::Read;

use crate::model::{PUSH, sighting};

/// Packets of one flow, with ACKs of the other.
#[derive(Default)]
struct Packets {
    assembly: Assembly<&'static [u8]>,
    frame: u64,
}

impl Packets {
    fn send(mut self, seq: u32, flags: TcpFlags, payload: &'static str) -> Self {
        self.frame += 1;
        let at = sighting(self.frame, SeqNumber(seq), flags, payload.len() as u32);
        self.assembly.push(&at, payload.as_bytes());
        self
    }

    fn acked(mut self, ack: u32) -> Self {
        self.assembly.acked(SeqNumber(ack));
        self
    }

    fn stream(self) -> Stream<&'static [u8]> {
        self.assembly.finish(OverlapPolicy::First)
    }

    /// Data as it is, gaps as a letter and their length.
    fn told(self) -> String {
        tell(&self.stream())
    }
}

fn tell(stream: &Stream<&[u8]>) -> String {
    let told = stream.chunks().map(|chunk| match chunk {
        Chunk::Data { payload, .. } => String::from_utf8(payload.to_vec()).unwrap(),
        Chunk::Gap { len, kind, .. } => {
            let kind = match kind {
                GapKind::Acknowledged => "acked",
                GapKind::Cut => "cut",
                GapKind::LeftOut => "left out",
                _ => "unknown",
            };
            format!("[{len} {kind}]")
        }
    });
    told.collect()
}

fn asides(stream: &Stream<&'static [u8]>) -> Vec<(AsideKind, Option<i64>, &'static str)> {
    let text = |p: &'static [u8]| std::str::from_utf8(p).unwrap();
    stream.asides().iter().map(|a| (a.kind, a.offset, text(a.payload))).collect()
}

const SYN: TcpFlags = TcpFlags::SYN;
const ACK: TcpFlags = TcpFlags::ACK;
const FIN: TcpFlags = TcpFlags(0x11);
const RST: TcpFlags = TcpFlags(0x14);

#[test]
fn offset_0_is_behind_a_syn_that_comes_late() {
    let stream = Packets::default().send(105, PUSH, "cd").send(100, SYN, "").stream();
    assert_eq!(tell(&stream), "[4 unknown]cd");
    assert!(stream.from_start() && !stream.to_end());
}

#[test]
fn data_on_the_syn_is_at_offset_0() {
    assert_eq!(Packets::default().send(100, SYN, "ab").send(103, PUSH, "c").told(), "abc");
}

#[test]
fn what_lies_before_the_syn_is_put_aside() {
    let packets = Packets::default().send(100, SYN, "").send(100, PUSH, "xab");
    let stream = packets.stream();
    assert_eq!(tell(&stream), "ab");
    assert_eq!(asides(&stream), [(AsideKind::BeforeStart, Some(-1), "x")]);
}

#[test]
fn the_newest_syn_that_the_data_fits_counts() {
    let syns = || Packets::default().send(100, SYN, "").send(3_000_000_000, SYN, "");
    assert_eq!(syns().send(3_000_000_001, PUSH, "ab").told(), "ab");
    assert_eq!(syns().send(101, PUSH, "ab").told(), "ab");
    // Both are near, one fits exactly.
    let near = || Packets::default().send(100, SYN, "").send(500, SYN, "");
    assert_eq!(near().send(101, PUSH, "ab").told(), "ab");
    assert_eq!(near().send(501, PUSH, "ab").told(), "ab");
    assert_eq!(near().send(503, PUSH, "ab").told(), "[2 unknown]ab");
}

#[test]
fn without_a_syn_offset_0_is_the_lowest_byte() {
    let stream = Packets::default().send(5, PUSH, "ef").send(u32::MAX, PUSH, "a").stream();
    assert_eq!(tell(&stream), "a[5 unknown]ef");
    assert!(!stream.from_start());
}

#[test]
fn keep_alive_probes_are_no_data() {
    // First of all, and below everything.
    let stream = Packets::default().send(99, ACK, "x").send(100, PUSH, "ab").stream();
    assert_eq!(tell(&stream), "ab");
    assert_eq!(asides(&stream), [(AsideKind::BeforeStart, Some(-1), "x")]);
    // The next number is known from an ACK.
    let packets = Packets::default().send(100, ACK, "").send(99, ACK, "x").send(100, PUSH, "ab");
    assert_eq!(packets.told(), "ab");
    // Over known data, whatever the policy.
    let packets = || Packets::default().send(100, PUSH, "ab").send(101, ACK, "x");
    let stream = packets().assembly.finish(OverlapPolicy::Last);
    assert_eq!((tell(&stream), stream.conflict_count()), ("ab".to_owned(), 0));
    // Nothing but probes.
    assert_eq!(Packets::default().send(99, ACK, "x").acked(100).told(), "");
    // A single byte with PSH is a keystroke.
    assert_eq!(Packets::default().send(99, PUSH, "x").send(100, PUSH, "a").told(), "xa");
}

#[test]
fn gaps_say_what_is_known_of_them() {
    let packets = Packets::default().send(100, PUSH, "ab").send(110, PUSH, "cd");
    assert_eq!(packets.acked(105).told(), "ab[3 acked][5 unknown]cd");
    // The last number acknowledged may be that of a FIN.
    let packets = || Packets::default().send(100, PUSH, "ab");
    assert_eq!(packets().acked(103).told(), "ab[1 unknown]");
    assert_eq!(packets().acked(105).told(), "ab[2 acked][1 unknown]");
    assert_eq!(packets().send(104, FIN, "").acked(105).told(), "ab[2 acked]");
    assert_eq!(packets().send(104, FIN, "").told(), "ab[2 unknown]");
    // Nothing was captured but ACKs.
    assert_eq!(Packets::default().acked(100).acked(110).told(), "[9 acked][1 unknown]");
}

#[test]
fn what_the_snap_length_cut_is_a_gap_unless_sent_again() {
    let cut = || {
        let mut assembly = Assembly::new();
        assembly.push(&sighting(1, SeqNumber(100), PUSH, 10), &b"ab"[..]);
        assembly
    };
    assert_eq!(tell(&cut().finish(OverlapPolicy::First)), "ab[8 cut]");
    for policy in OverlapPolicy::ALL {
        let mut assembly = cut();
        assembly.push(&sighting(2, SeqNumber(104), PUSH, 2), &b"ef"[..]);
        assembly.acked(SeqNumber(110));
        assert_eq!(tell(&assembly.finish(policy)), "ab[2 cut]ef[4 cut]");
    }
}

#[test]
fn what_follows_the_fin_is_put_aside() {
    let packets = Packets::default().send(100, FIN, "ab").send(101, PUSH, "bc").send(200, ACK, "d");
    let stream = packets.stream();
    assert_eq!(tell(&stream), "ab");
    assert!(stream.to_end());
    let after = AsideKind::AfterFin;
    assert_eq!(asides(&stream), [(after, Some(2), "c"), (after, Some(100), "d")]);
}

#[test]
fn what_a_reset_carries_is_put_aside() {
    let stream = Packets::default().send(100, PUSH, "ab").send(102, RST, "why").stream();
    assert_eq!(tell(&stream), "ab");
    assert_eq!(asides(&stream), [(AsideKind::Reset, None, "why")]);
}

#[test]
fn numbers_outside_any_window_move_nothing() {
    let far = 100 + (7 << 28);
    let stream = Packets::default()
        .send(99, SYN, "")
        .send(100, PUSH, "ab")
        .send(far, PUSH, "x")
        .send(far - (1 << 29), PUSH, "y")
        .send(102, PUSH, "cd")
        .acked(far)
        .send(104, PUSH, "ef")
        .acked(106)
        .stream();
    assert_eq!(tell(&stream), "abcdef");
    let outside = AsideKind::OutsideWindow;
    assert_eq!(asides(&stream), [(outside, None, "x"), (outside, None, "y")]);
}

#[test]
fn three_numbers_in_a_row_outweigh_all_before() {
    let far = 100 + (5 << 28);
    let stream = Packets::default()
        .send(100, PUSH, "ab")
        .send(far, PUSH, "cd")
        .acked(far + 2)
        .send(far + 2, FIN, "ef")
        .acked(far + 5)
        .stream();
    assert_eq!(tell(&stream), format!("ab[{} acked]cdef", (5 << 28) - 2));
    assert!(stream.asides().is_empty() && stream.to_end());
}

#[test]
fn the_limit_holds_and_what_it_costs_is_said() {
    let mut packets = Packets { assembly: Assembly::with_limit(2), ..Packets::default() };
    packets = packets.send(100, PUSH, "ab").send(110, PUSH, "cd").send(105, PUSH, "xyz");
    let stream = packets.acked(112).stream();
    assert_eq!(tell(&stream), "ab[3 acked][3 left out][2 acked]cd");
    assert_eq!((stream.left_out().segments, stream.left_out().bytes), (1, 3));
}

#[test]
fn conflicts_name_place_and_frames() {
    let packets = Packets::default().send(100, PUSH, "abcdef").send(101, PUSH, "bXdYf");
    let stream = packets.stream();
    assert_eq!(tell(&stream), "abcdef");
    let [conflict] = stream.conflicts() else { panic!("{:?}", stream.conflicts()) };
    assert_eq!((conflict.offset, conflict.len), (2, 3));
    let frames = (conflict.kept, conflict.other);
    assert_eq!(frames, (FrameRef::new(0, 1), FrameRef::new(0, 2)));
}

#[test]
fn places_in_files_are_cut_as_slices_are() {
    let mut assembly = Assembly::new();
    let extent = |position, len| Extent { position, len };
    assembly.push(&sighting(1, SeqNumber(100), PUSH, 4), extent(1000, 4));
    assembly.push(&sighting(2, SeqNumber(102), PUSH, 4), extent(2000, 4));
    let stream = assembly.finish(OverlapPolicy::First);
    let data: Vec<_> = stream
        .chunks()
        .map(|c| match c {
            Chunk::Data { payload, .. } => (payload.position, payload.len()),
            Chunk::Gap { .. } => panic!("{c:?}"),
        })
        .collect();
    assert_eq!(data, [(1000, 4), (2002, 2)]);
    let mut reader = stream.reader_with(OnGap::Error, |extent: Extent, frame, buffer| {
        buffer.fill(b'0' + frame.number() as u8);
        assert_eq!(extent.len(), buffer.len());
        Ok(())
    });
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    assert_eq!(text, "111122");
}
