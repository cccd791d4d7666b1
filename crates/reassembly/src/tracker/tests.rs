//! Small conversations, written out.

use super::*;
use crate::{ConnState, Direction, Phase, ResetForm};
use crosscap_packet::{OptionSummary, Segment, SeqNumber, TcpOptions};

const FIN: TcpFlags = TcpFlags::FIN;
const SYN: TcpFlags = TcpFlags::SYN;
const RST: TcpFlags = TcpFlags::RST;
const ACK: TcpFlags = TcpFlags::ACK;
const SECOND: i64 = 1_000_000_000;

/// A tracker fed with `(nanoseconds, sender, flags, seq, ack, payload length)`.
struct Talk {
    tracker: Tracker,
    frames: u64,
}

impl Talk {
    fn new() -> Self {
        Self { tracker: Tracker::new(), frames: 0 }
    }

    fn say(
        &mut self,
        time: i64,
        from: Direction,
        flags: TcpFlags,
        seq: u32,
        ack: u32,
        len: u32,
    ) -> usize {
        self.frames += 1;
        let client: Endpoint = "10.0.0.1:40000".parse().unwrap();
        let server: Endpoint = "10.0.0.2:80".parse().unwrap();
        let (src, dst) = if from == Direction::Orig { (client, server) } else { (server, client) };
        let segment = Segment {
            seq: SeqNumber(seq),
            ack: SeqNumber(ack),
            flags,
            window: if flags.contains(RST) { 0 } else { 500 },
            ttl: 64,
            ip_id: self.frames as u16,
            payload_len: len,
            timestamps: None,
            options: OptionSummary::Absent,
        };
        let options = TcpOptions::default();
        let packet = TcpPacket { src, dst, segment, options, payload: &[], tunnel: None };
        self.tracker.push(FrameRef::new(0, self.frames), Timestamp(time), &packet).connection
    }

    fn handshake(&mut self, orig_isn: u32, resp_isn: u32) -> usize {
        self.say(0, Direction::Orig, SYN, orig_isn, 0, 0);
        self.say(1, Direction::Resp, SYN | ACK, resp_isn, orig_isn.wrapping_add(1), 0);
        self.say(2, Direction::Orig, ACK, orig_isn.wrapping_add(1), resp_isn.wrapping_add(1), 0)
    }

    fn only(self) -> Connection {
        let all = self.tracker.finish();
        assert_eq!(all.len(), 1);
        all.get(0).unwrap()
    }
}

#[test]
fn an_ordinary_connection_reads_as_zeek_writes_it() {
    let mut talk = Talk::new();
    talk.handshake(100, u32::MAX - 3);
    talk.say(3, Direction::Orig, ACK, 101, u32::MAX - 2, 10);
    talk.say(4, Direction::Resp, ACK, u32::MAX - 2, 111, 0);
    // The responder's stream wraps around.
    talk.say(5, Direction::Resp, ACK, u32::MAX - 2, 111, 20);
    talk.say(6, Direction::Orig, FIN | ACK, 111, 17, 0);
    talk.say(7, Direction::Resp, FIN | ACK, 17, 112, 0);
    talk.say(8, Direction::Orig, ACK, 112, 18, 0);
    let c = talk.only();
    assert_eq!((c.conn_state(), c.history()), (ConnState::Sf, "ShADadFf"));
    assert_eq!((c.flow(Direction::Orig).bytes, c.flow(Direction::Resp).bytes), (10, 20));
    assert_eq!(c.flow(Direction::Resp).next_seq(), Some(SeqNumber(18)));
    assert_eq!(c.isn_pair(), Some([100, u32::MAX - 3]));
    assert_eq!(c.longest_wait.unwrap().nanos(), 2);
}

#[test]
fn a_syn_sent_again_is_no_new_connection_and_another_isn_is() {
    let mut talk = Talk::new();
    talk.say(0, Direction::Orig, SYN, 100, 0, 0);
    assert_eq!(talk.say(SECOND, Direction::Orig, SYN, 100, 0, 0), 0);
    assert_eq!(talk.say(2 * SECOND, Direction::Orig, SYN, 900, 0, 0), 1);
    let all = talk.tracker.finish().into_iter().collect::<Vec<_>>();
    assert_eq!(all[0].flow(Direction::Orig).retransmits, 1);
    assert_eq!((all[0].incarnation, all[1].incarnation), (1, 2));
    assert_eq!(all[0].conn_state(), ConnState::S0);
}

#[test]
fn an_answer_to_another_syn_is_a_new_connection_though_that_was_not_captured() {
    // Whether the SYN of the first connection was captured, and what the second SYN-ACK says.
    for (has_syn, seq, ack, expected) in [
        (true, 900, 301, 1),
        (false, 900, 301, 1),
        // Another number for the same SYN: a SYN cookie.
        (true, 900, 101, 0),
        (false, 900, 101, 0),
        (true, 500, 101, 0),
        // Nonsense in answer to the same number.
        (true, 500, 301, 0),
    ] {
        let mut talk = Talk::new();
        if has_syn {
            talk.say(0, Direction::Orig, SYN, 100, 0, 0);
        }
        talk.say(1, Direction::Resp, SYN | ACK, 500, 101, 0);
        talk.say(2, Direction::Orig, ACK, 101, 501, 10);
        assert_eq!(talk.say(3, Direction::Resp, SYN | ACK | FIN | RST, 501, 111, 0), 0);
        let number = talk.say(SECOND, Direction::Resp, SYN | ACK, seq, ack, 0);
        assert_eq!(number, expected, "{has_syn} {seq} {ack}");
        if expected == 1 {
            talk.say(SECOND + 1, Direction::Orig, ACK, ack, seq + 1, 5);
            let all = talk.tracker.finish().into_iter().collect::<Vec<_>>();
            let bytes = |c: &Connection| c.flow(Direction::Orig).bytes;
            assert_eq!((bytes(&all[0]), bytes(&all[1]), all[1].orig.port), (10, 5, 40_000));
        }
    }
}

#[test]
fn simultaneous_open_is_one_connection() {
    let mut talk = Talk::new();
    talk.say(0, Direction::Orig, SYN, 100, 0, 0);
    assert_eq!(talk.say(1, Direction::Resp, SYN, 700, 0, 0), 0);
    assert_eq!(talk.only().isn_pair(), Some([100, 700]));
}

#[test]
fn states_are_those_of_zeek() {
    use Direction::{Orig, Resp};
    type Said = (Direction, TcpFlags, u32, u32, u32);
    let cases: [(&[Said], &str, &str); 14] = [
        // Several flags are nothing else.
        (&[(Orig, SYN | FIN, 100, 0, 0)], "SH", "Q"),
        (
            &[
                (Orig, SYN, 100, 0, 0),
                (Resp, SYN | ACK, 500, 101, 0),
                (Orig, ACK, 101, 501, 0),
                (Orig, FIN | RST | ACK, 101, 501, 0),
            ],
            "RSTO",
            "ShAI",
        ),
        // The SYN-ACK establishes, and so does the SYN of a simultaneous open.
        (&[(Orig, SYN, 100, 0, 0), (Resp, SYN | ACK, 500, 101, 0)], "S1", "Sh"),
        (&[(Orig, SYN, 100, 0, 0), (Resp, SYN, 500, 0, 0)], "S1", "Ss"),
        // Its SYN-ACKs have the same numbers.
        (
            &[
                (Orig, SYN, 100, 0, 0),
                (Resp, SYN, 500, 0, 0),
                (Orig, SYN | ACK, 100, 501, 0),
                (Resp, SYN | ACK, 500, 101, 0),
                (Orig, ACK, 101, 501, 5),
                (Orig, FIN | ACK, 106, 501, 0),
                (Resp, FIN | ACK, 501, 107, 0),
            ],
            "SF",
            "SsDFf",
        ),
        // The SYN was not captured.
        (&[(Resp, SYN | ACK, 500, 101, 0), (Orig, ACK, 101, 501, 0)], "S1", "hA"),
        // An ACK of the SYN is no answer yet.
        (&[(Orig, SYN, 100, 0, 0), (Resp, ACK, 500, 101, 0)], "S0", "Sa"),
        (&[(Orig, SYN, 100, 0, 0), (Resp, RST | ACK, 0, 101, 0)], "REJ", "Sr"),
        (&[(Orig, SYN, 100, 0, 0), (Orig, RST, 101, 0, 0)], "RSTOS0", "SR"),
        (&[(Resp, SYN | ACK, 500, 101, 0), (Resp, RST, 501, 0, 0)], "RSTRH", "hr"),
        // A RST in midstream follows no SYN.
        (&[(Resp, ACK, 500, 101, 10), (Orig, RST, 101, 0, 0)], "OTH", "dR"),
        (&[(Orig, SYN, 100, 0, 0), (Orig, FIN, 101, 0, 0)], "SH", "SF"),
        (&[(Resp, SYN | ACK, 500, 101, 0), (Resp, FIN | ACK, 501, 101, 0)], "SHR", "hf"),
        // Closed, reset, and closed by the other end all the same.
        (
            &[
                (Orig, SYN, 100, 0, 0),
                (Resp, SYN | ACK, 500, 101, 0),
                (Orig, ACK, 101, 501, 0),
                (Orig, FIN | ACK, 101, 501, 0),
                (Orig, RST, 102, 0, 0),
                (Resp, FIN | ACK, 501, 102, 0),
            ],
            "SF",
            "ShAFRf",
        ),
    ];
    for (said, state, history) in cases {
        let mut talk = Talk::new();
        for (time, (from, flags, seq, ack, len)) in (0..).zip(said) {
            talk.say(time, *from, *flags, *seq, *ack, *len);
        }
        let c = talk.only();
        assert_eq!((c.conn_state().as_str(), c.history()), (state, history));
    }
}

#[test]
fn what_follows_a_fin_that_was_taken_is_no_stream() {
    for (acked, expected) in [(107, (5, 0, 1)), (106, (10, 1, 0))] {
        let mut talk = Talk::new();
        talk.handshake(100, 500);
        talk.say(3, Direction::Orig, ACK, 101, 501, 5);
        talk.say(4, Direction::Orig, FIN | ACK, 106, 501, 0);
        talk.say(5, Direction::Resp, ACK, 501, acked, 0);
        talk.say(6, Direction::Orig, ACK, 107, 501, 5);
        let c = talk.only();
        let flow = c.flow(Direction::Orig);
        assert_eq!((flow.bytes, flow.missing_bytes(), flow.beyond_window), expected);
    }
}

#[test]
fn data_on_the_syn_counts_once_whether_or_not_it_is_taken() {
    // No letter for data on a SYN, as Zeek has it.
    for (taken, history) in [(true, "ShA"), (false, "ShDT")] {
        let mut talk = Talk::new();
        talk.say(0, Direction::Orig, SYN, 100, 0, 4);
        talk.say(1, Direction::Resp, SYN | ACK, 500, if taken { 105 } else { 101 }, 0);
        let (seq, len) = if taken { (105, 0) } else { (101, 4) };
        talk.say(2, Direction::Orig, ACK, seq, 501, len);
        let c = talk.only();
        assert_eq!((c.flow(Direction::Orig).bytes, c.history()), (4, history));
        assert_eq!(c.flow(Direction::Orig).retransmits, u32::from(!taken));
    }
}

#[test]
fn resent_data_counts_once_and_keep_alives_do_not_count() {
    let mut talk = Talk::new();
    talk.handshake(0, 0);
    talk.say(3, Direction::Orig, ACK, 1, 1, 10);
    talk.say(4, Direction::Orig, ACK, 1, 1, 10); // again
    talk.say(5, Direction::Orig, ACK, 31, 1, 10); // leaves a hole of 20
    talk.say(6, Direction::Orig, ACK, 11, 1, 20); // fills it, sent later: lost once
    talk.say(7, Direction::Orig, ACK, 40, 1, 0); // keep-alive
    talk.say(8, Direction::Orig, ACK, 40, 1, 1); // keep-alive with a garbage byte
    let c = talk.only();
    let flow = c.flow(Direction::Orig);
    assert_eq!(
        (flow.bytes, flow.retransmits, flow.keep_alives, flow.missing_bytes()),
        (40, 2, 2, 0)
    );
}

#[test]
fn the_first_data_sent_again_has_its_letter_whatever_was_before() {
    let mut talk = Talk::new();
    talk.say(0, Direction::Orig, SYN, 0, 0, 0);
    talk.say(SECOND, Direction::Orig, SYN, 0, 0, 0);
    talk.say(SECOND + 1, Direction::Resp, SYN | ACK, 0, 1, 0);
    talk.say(SECOND + 2, Direction::Orig, ACK, 1, 1, 10);
    talk.say(2 * SECOND, Direction::Orig, ACK, 1, 1, 10);
    // Lost before it came here.
    talk.say(2 * SECOND + 1, Direction::Resp, ACK, 11, 11, 10);
    talk.say(2 * SECOND + 2, Direction::Resp, ACK, 1, 11, 10);
    talk.say(3 * SECOND, Direction::Resp, ACK, 1, 11, 10);
    assert_eq!(talk.only().history(), "ShDTdt");
}

#[test]
fn a_packet_recorded_twice_changes_nothing_but_the_count() {
    let mut talk = Talk::new();
    talk.handshake(0, 0);
    talk.say(3, Direction::Orig, ACK, 1, 1, 10);
    talk.frames -= 1; // the same IP identification
    talk.say(4, Direction::Orig, ACK, 1, 1, 10);
    let c = talk.only();
    let flow = c.flow(Direction::Orig);
    assert_eq!((flow.bytes, flow.retransmits, flow.copies, flow.packets), (10, 0, 1, 4));
}

#[test]
fn packets_at_both_ends_of_time_are_no_copies() {
    let mut talk = Talk::new();
    talk.handshake(100, 200);
    talk.say(i64::MAX, Direction::Orig, ACK, 101, 201, 10);
    talk.say(i64::MIN, Direction::Orig, ACK, 101, 201, 10);
    let talk = talk.only();
    let flow = talk.flow(Direction::Orig);
    assert_eq!((flow.retransmits, flow.copies), (1, 0));
}

#[test]
fn midstream_takes_the_ephemeral_port_for_the_originator() {
    let mut talk = Talk::new();
    talk.say(0, Direction::Resp, ACK, 5000, 900, 100);
    talk.say(1, Direction::Orig, RST, 900, 0, 0);
    let c = talk.only();
    assert_eq!(c.orig.port, 40000);
    assert!(c.is_midstream());
    assert_eq!(c.flow(Direction::Orig).reset().unwrap().form, ResetForm::NoSocket);
    assert_eq!(c.flow(Direction::Resp).next_seq(), Some(SeqNumber(5100)));
}

#[test]
fn a_silence_is_outlived_only_if_the_other_end_answers_without_reset() {
    for (answer, outlived) in [(ACK, true), (RST, false)] {
        let mut talk = Talk::new();
        talk.handshake(0, 0);
        talk.say(10, Direction::Orig, ACK, 1, 1, 10);
        talk.say(20, Direction::Resp, ACK, 1, 11, 0);
        talk.say(20 + 900 * SECOND, Direction::Resp, ACK, 1, 11, 50);
        talk.say(21 + 900 * SECOND, Direction::Orig, answer, 11, 51, 0);
        let c = talk.only();
        let silences = c.silences.as_ref().unwrap();
        let found = silences.longest_outlived(Phase::Established, Direction::Resp);
        assert_eq!(found.map(|s| s.nanos()), outlived.then_some(900 * SECOND));
        assert_eq!(silences.unanswered().map(|s| s.nanos()), (!outlived).then_some(900 * SECOND));
        assert_eq!(c.longest_wait.unwrap().nanos(), 10 + 900 * SECOND);
    }
}

#[test]
fn a_flipped_connection_reads_as_if_seen_right() {
    let mut talk = Talk::new();
    talk.handshake(1, 2);
    talk.say(SECOND * 5, Direction::Resp, ACK, 3, 2, 7);
    talk.say(SECOND * 5, Direction::Orig, ACK, 2, 10, 0);
    let mut c = talk.only();
    c.flip();
    assert_eq!(c.orig.port, 80);
    assert_eq!(c.flow(Direction::Orig).bytes, 7);
    assert_eq!(c.history(), "sHaD");
    let silences = c.silences.unwrap();
    assert!(silences.longest_outlived(Phase::Established, Direction::Orig).is_some());
}

#[test]
fn an_icmp_error_goes_to_the_connection_it_quotes() {
    let mut talk = Talk::new();
    talk.say(0, Direction::Orig, SYN, 7, 0, 0);
    let [client, server] = ["10.0.0.1:40000", "10.0.0.2:80"].map(|e| e.parse().unwrap());
    let about = |src: Endpoint, dst: Endpoint| IcmpError {
        from: "10.0.0.254".parse().unwrap(),
        to: src.addr,
        icmp_type: 3,
        code: 1,
        mtu: None,
        src,
        dst,
        seq: SeqNumber(7),
    };
    let other = Endpoint { port: 41_000, ..client };
    talk.tracker.push_icmp(FrameRef::new(0, 2), Timestamp(5), &about(client, server));
    talk.tracker.push_icmp(FrameRef::new(0, 3), Timestamp(6), &about(other, server));
    talk.tracker.push_icmp(FrameRef::new(0, 4), Timestamp(7), &about(client, server));
    let errors = talk.only().icmp_errors.unwrap();
    assert_eq!((errors.count, errors.frame.number(), errors.time), (2, 2, Timestamp(5)));
    assert_eq!(errors.first, about(client, server));
}
