//! Answers bound clocks without a packet that both points saw.

use crosscap_packet::{
    OptionSummary, Segment, SeqNumber, SynOptions, TcpFlags, TcpTimestamps, Timestamp,
};
use crosscap_reassembly::{Connection, Sighting, Tracker};
use proptest::prelude::*;

use super::pairs::causal;
use super::*;

/// The handshake as a point sees it, microseconds after it began: SYN, SYN-ACK, ACK, each where `sees` says so.
fn leg(times: [i64; 3], sees: [bool; 3], server_isn: u32) -> Connection {
    let [client, server] = ["10.0.0.1:40000", "10.0.0.2:80"].map(|end| end.parse().unwrap());
    let (syn, ack) = (TcpFlags::SYN, TcpFlags::ACK);
    let packets = [
        (client, server, syn, 100, 0, [7_000, 0]),
        (server, client, syn | ack, server_isn, 101, [9_000, 7_000]),
        (client, server, ack, 101, server_isn + 1, [7_001, 9_000]),
    ];
    let mut tracker = Tracker::new();
    for (i, (src, dst, flags, seq, acked, [value, echo_reply])) in packets.into_iter().enumerate() {
        if !sees[i] {
            continue;
        }
        let options = match flags.contains(syn) {
            true => OptionSummary::Syn(SynOptions::default()),
            false => OptionSummary::Other,
        };
        let segment = Segment {
            seq: SeqNumber(seq),
            ack: SeqNumber(acked),
            flags,
            window: 500,
            ttl: 64,
            ip_id: i as u16,
            payload_len: 0,
            timestamps: Some(TcpTimestamps { value, echo_reply }),
            options,
        };
        let time = Timestamp(times[i] * 1_000);
        tracker.push_segment(
            src,
            dst,
            Sighting { time, frame: FrameRef::new(0, i as u64 + 1), segment },
        );
    }
    tracker.finish().at(0)
}

const ALL: [bool; 3] = [true; 3];
const REQUESTS: [bool; 3] = [true, false, true];
const ANSWERS: [bool; 3] = [false, true, false];

proptest! {
    #[test]
    fn an_answer_is_later_than_what_it_answers(
        offset in -10_000_000_000i64..10_000_000_000,
        // Client to first point, first to second, second to server: there and back.
        delays in prop::array::uniform6(1i64..100_000),
        which in 0usize..4,
        second_is_reference in any::<bool>(),
    ) {
        let [a, b, c, d, e, f] = delays;
        let served = a + b + c;
        let (back_far, back_near) = (served + d, served + d + e);
        let again = back_near + f;
        let near = [a, back_near, again + a];
        let far = [a + b, back_far, again + a + b].map(|t| t + offset);
        let (near_sees, far_sees) = [(ALL, ALL), (REQUESTS, ANSWERS), (ANSWERS, REQUESTS), (REQUESTS, REQUESTS)][which];
        let legs = [leg(near, near_sees, 5_000), leg(far, far_sees, 5_000)];
        let [reference, here] = if second_is_reference { [&legs[1], &legs[0]] } else { [&legs[0], &legs[1]] };
        let theta = if second_is_reference { -offset } else { offset } * 1_000;
        let mut found: Vec<_> = causal(reference, here).collect();
        // The only packet of a flow is its first and its last.
        found.dedup();
        prop_assert_eq!(found.len(), [4, 2, 2, 0][which]);
        for c in found {
            prop_assert!(if c.forward { theta <= c.difference } else { theta >= c.difference }, "{:?} {}", c, theta);
        }
    }
}

#[test]
fn the_answer_of_a_syn_proxy_proves_nothing_behind_it() {
    let front = leg([0, 10, 20], ANSWERS, 5_000);
    let behind = leg([30, 40, 50], REQUESTS, 800_000);
    assert_eq!(causal(&front, &behind).count(), 0);
    assert_eq!(causal(&behind, &front).count(), 0);
}
