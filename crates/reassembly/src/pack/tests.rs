//! What is packed comes out the same, and small.

use crosscap_packet::{Segment, SeqNumber, TcpFlags, TcpTimestamps, Timestamp};
use proptest::prelude::*;

use super::*;
use crate::flow::Recent;
use crate::{Direction, Sighting};
use talk::talk;

#[path = "../../tests/shared/talk.rs"]
mod talk;

/// A packet of a conversation, a little at random.
#[derive(Clone, Debug)]
struct Step {
    wait: i64,
    from_resp: bool,
    flags: u8,
    seq: i32,
    ack: i32,
    len: u32,
    window: u16,
    stamps: Option<(u32, u32)>,
    options: u8,
    ip_id: u16,
}

fn step() -> impl Strategy<Value = Step> {
    let wait = prop_oneof![-5i64..50_000_000, 0i64..5_000_000_000];
    let flags = prop_oneof![8 => Just(0x10), 1 => Just(0x11), 1 => Just(0x14), 1 => Just(0x02), 1 => Just(0x12), 1 => any::<u8>()];
    let near = || prop_oneof![10 => -20i32..40, 1 => any::<i32>()];
    let window = prop_oneof![Just(0u16), Just(500), any::<u16>()];
    let stamps = prop::option::of((0u32..9, any::<u32>()));
    (wait, any::<bool>(), flags, near(), near(), 0u32..20, window, stamps, 0u8..4, 0u16..50)
        .prop_map(|(wait, from_resp, flags, seq, ack, len, window, stamps, options, ip_id)| Step {
            wait,
            from_resp,
            flags,
            seq,
            ack,
            len,
            window,
            stamps,
            options,
            ip_id,
        })
}

fn sighting(step: &Step, frame: u64, time: i64) -> Sighting {
    use crosscap_packet::{OptionSummary, SynOptions};
    let number = |away: i32| SeqNumber(7).0.wrapping_add(away.cast_unsigned());
    let options = match step.options {
        0 => OptionSummary::Absent,
        1 => OptionSummary::Other,
        2 => OptionSummary::Syn(SynOptions { window_scale: Some(3), ..SynOptions::default() }),
        _ => OptionSummary::Sack {
            start: SeqNumber(number(step.ack)),
            end: SeqNumber(number(step.ack)) + 5,
            duplicate: step.len > 10,
        },
    };
    let segment = Segment {
        seq: SeqNumber(number(step.seq)),
        ack: SeqNumber(number(step.ack)),
        flags: TcpFlags(step.flags),
        window: step.window,
        ttl: 60 + step.options,
        ip_id: step.ip_id,
        payload_len: step.len,
        timestamps: step.stamps.map(|(value, echo_reply)| TcpTimestamps { value, echo_reply }),
        options,
    };
    Sighting { time: Timestamp(time), frame: FrameRef::new((frame / 30) as u16, frame), segment }
}

proptest! {
    /// Of any length, and whatever follows.
    #[test]
    fn numbers_come_out_as_they_went_in(numbers in prop::collection::vec((any::<u64>(), 0u32..64), 0..40)) {
        let numbers: Vec<u64> = numbers.into_iter().map(|(n, shift)| n >> shift).collect();
        let mut bytes = Vec::new();
        numbers.iter().for_each(|&n| Pack(&mut bytes).number(&mut n.clone()));
        let len = |n: u64| (u64::BITS - n.leading_zeros()).div_ceil(7).max(1) as usize;
        prop_assert_eq!(bytes.len(), numbers.iter().map(|&n| len(n)).sum::<usize>());
        let mut unpack = Unpack(&bytes);
        for n in numbers {
            let mut out = 0;
            unpack.number(&mut out);
            prop_assert_eq!(out, n);
        }
        prop_assert!(unpack.0.is_empty());
    }

    /// Packed at any time, a connection is what it was, and goes on as it would have.
    #[test]
    fn packing_changes_nothing(steps in prop::collection::vec(step(), 1..60), v6: bool, every in 1usize..5) {
        let texts = if v6 { ["[2001:db8::1]:40000", "[2001:db8:f::2]:80"] } else { ["10.0.0.1:40000", "10.0.0.2:80"] };
        let [orig, resp] = texts.map(|e| e.parse::<Endpoint>().unwrap());
        let mut plain = Tracked::new(orig, resp, 3);
        let mut packed = plain.clone();
        let [mut recent, mut recent_too] = [Recent::default(), Recent::default()];
        let mut time = 1_700_000_000_000_000_000;
        for (i, step) in steps.iter().enumerate() {
            time += step.wait;
            let at = sighting(step, i as u64 + 1, time);
            let direction = if step.from_resp { Direction::Resp } else { Direction::Orig };
            plain.push(direction, at, &mut recent);
            packed.push(direction, at, &mut recent_too);
            let mut bytes = Vec::new();
            if i % every == 0 && pack(&mut packed, &mut bytes) {
                prop_assert_eq!(ends(&bytes), (orig, resp));
                prop_assert_eq!(first_frame(&bytes), plain.connection.first_frame);
                packed = unpack(&bytes);
                prop_assert_eq!(format!("{:?}", look(&bytes)), format!("{:?}", packed.connection));
            }
            prop_assert_eq!(format!("{plain:?}"), format!("{packed:?}"));
        }
    }
}

/// Twelve packets with timestamps, closed by both ends, a request and an answer.
#[test]
fn an_ordinary_connection_is_small() {
    let [client, server] =
        ["10.1.2.3:43210", "10.96.0.10:8080"].map(|e| e.parse::<Endpoint>().unwrap());
    let (mut connection, mut recent) = (Tracked::new(client, server, 1), Recent::default());
    for (i, (from, segment)) in (0..).zip(talk([0x1234_5678, 0x9abc_def0], 0x4321)) {
        let time = Timestamp(1_700_000_000_123_456_789 + 187_654 * i);
        let frame = FrameRef::new(0, 1000 + 3 * i.cast_unsigned());
        let at = Sighting { time, frame, segment };
        connection.push(Direction::BOTH[from], at, &mut recent);
    }
    let mut bytes = Vec::new();
    assert!(pack(&mut connection, &mut bytes));
    let (unpacked, packed) = (connection.size(), bytes.len());
    // A slot and a place in the table come on top.
    assert!(packed <= 248, "{packed}");
    assert!(unpacked <= 2048, "{unpacked}");
}
