//! What segments were: small conversations with a loss, written out.

use crosscap_packet::{OptionSummary, SeqNumber, SynOptions, TcpTimestamps};

use super::*;
use crate::{Cause, Certainty, SegmentClass};

const MS: i64 = 1_000_000;
const ACK: u8 = 0x10;

/// A sender at 10.0.0.1 with ISN 0, and a receiver with ISN 0.
struct Talk {
    tracker: Tracker,
    frames: u64,
    syn: SynOptions,
}

/// What a packet says besides numbers.
#[derive(Clone, Copy, Default)]
struct Extra {
    clock: Option<u32>,
    ip_id: u16,
    sack: Option<(u32, u32, bool)>,
    window: Option<u16>,
}

impl Talk {
    fn new() -> Self {
        Self::with(SynOptions::default())
    }

    fn with(syn: SynOptions) -> Self {
        let mut talk = Self { tracker: Tracker::new(), frames: 0, syn };
        talk.say(0, true, 0x02, 0, 0, 0, Extra::default());
        talk.say(MS, false, 0x12, 0, 1, 0, Extra::default());
        talk.say(MS, true, ACK, 1, 1, 0, Extra::default());
        talk
    }

    #[expect(clippy::too_many_arguments)]
    fn say(
        &mut self,
        time: i64,
        sender: bool,
        flags: u8,
        seq: u32,
        ack: u32,
        payload_len: u32,
        extra: Extra,
    ) -> (SegmentClass, Certainty) {
        self.frames += 1;
        let ends = ["10.0.0.1:40000", "10.0.0.2:80"].map(|e| e.parse::<Endpoint>().unwrap());
        let [src, dst] = if sender { ends } else { [ends[1], ends[0]] };
        let options = match extra.sack {
            Some((start, end, duplicate)) => {
                OptionSummary::Sack { start: SeqNumber(start), end: SeqNumber(end), duplicate }
            }
            // Without a window scale.
            None if flags & 2 != 0 => OptionSummary::Syn(self.syn),
            None => OptionSummary::Absent,
        };
        let segment = Segment {
            seq: SeqNumber(seq),
            ack: SeqNumber(ack),
            flags: TcpFlags(flags),
            window: extra.window.unwrap_or(60_000),
            ttl: 64,
            ip_id: extra.ip_id,
            payload_len,
            timestamps: extra.clock.map(|value| TcpTimestamps { value, echo_reply: 0 }),
            options,
        };
        let frame = FrameRef::new(0, self.frames);
        let at = Sighting { time: Timestamp(time), frame, segment };
        let judged = self.tracker.push_segment(src, dst, at);
        (judged.class, judged.certainty)
    }

    fn data(&mut self, ms: i64, seq: u32, extra: Extra) -> (SegmentClass, Certainty) {
        self.say(ms * MS, true, ACK, seq, 1, 100, extra)
    }

    fn ack(&mut self, ms: i64, ack: u32, extra: Extra) -> (SegmentClass, Certainty) {
        self.say(ms * MS, false, ACK, 1, ack, 0, extra)
    }

    fn sender(self) -> crate::Flow {
        self.tracker.finish().get(0).unwrap().flow(crate::Direction::Orig).clone()
    }
}

const NONE: Extra = Extra { clock: None, ip_id: 0, sack: None, window: None };

fn again(cause: Cause) -> SegmentClass {
    SegmentClass::Retransmission(cause)
}

#[test]
fn a_timeout_is_told_from_a_fast_retransmission() {
    let mut talk = Talk::new();
    talk.data(10, 1, NONE);
    assert_eq!(talk.data(230, 1, NONE), (again(Cause::Timeout), Certainty::Inferred));

    let mut talk = Talk::new();
    (0..5).for_each(|i| _ = talk.data(10, 1 + 100 * i, NONE));
    (0..4).for_each(|_| _ = talk.ack(12, 1, NONE));
    assert_eq!(talk.data(13, 1, NONE), (again(Cause::Fast), Certainty::Inferred));
    let flow = talk.sender();
    assert_eq!((flow.retransmits, flow.causes.fast, flow.causes.timeout), (1, 1, 0));
}

#[test]
fn a_syn_ack_sent_again_may_answer_a_syn_sent_again() {
    let syn_ack = |talk: &mut Talk, ms| talk.say(ms * MS, false, 0x12, 0, 1, 0, NONE);
    let mut talk = Talk::new();
    assert_eq!(syn_ack(&mut talk, 1_001), (again(Cause::Timeout), Certainty::Inferred));
    let syn = talk.say(1_002 * MS, true, 0x02, 0, 0, 0, NONE);
    assert_eq!(syn, (again(Cause::Timeout), Certainty::Decided));
    assert_eq!(syn_ack(&mut talk, 1_003), (again(Cause::Unknown), Certainty::Undecidable));
    assert_eq!(syn_ack(&mut talk, 3_003), (again(Cause::Timeout), Certainty::Inferred));
}

#[test]
fn a_selective_acknowledgement_asks_for_what_lies_below_it() {
    let mut talk = Talk::new();
    (0..3).for_each(|i| _ = talk.data(10, 1 + 100 * i, NONE));
    talk.ack(12, 1, Extra { sack: Some((101, 301, false)), ..NONE });
    assert_eq!(talk.data(13, 1, NONE), (again(Cause::Fast), Certainty::Inferred));
}

#[test]
fn the_last_segment_sent_again_before_the_timer_is_a_probe() {
    let mut talk = Talk::new();
    talk.data(10, 1, NONE);
    talk.ack(20, 101, NONE);
    talk.data(30, 101, NONE);
    assert_eq!(talk.data(60, 101, NONE), (again(Cause::TailProbe), Certainty::Inferred));
}

#[test]
fn a_last_segment_alone_is_probed_once_before_the_timer_by_who_knows_selective_acknowledgements() {
    for (sack_permitted, first) in [(true, Cause::TailProbe), (false, Cause::Timeout)] {
        let mut talk = Talk::with(SynOptions { sack_permitted, ..SynOptions::default() });
        talk.data(10, 1, NONE);
        talk.ack(11, 101, NONE);
        talk.data(30, 101, NONE);
        assert_eq!(talk.data(235, 101, NONE), (again(first), Certainty::Inferred));
        assert_eq!(talk.data(440, 101, NONE), (again(Cause::Timeout), Certainty::Inferred));
    }
}

#[test]
fn what_was_asked_for_once_and_lost_again_waits_for_the_timer() {
    let mut talk = Talk::new();
    (0..3).for_each(|i| _ = talk.data(10, 1 + 100 * i, NONE));
    talk.ack(12, 1, Extra { sack: Some((101, 301, false)), ..NONE });
    assert_eq!(talk.data(13, 1, NONE).0, again(Cause::Fast));
    talk.say(14 * MS, true, 0x11, 301, 1, 0, NONE);
    assert_eq!(talk.data(215, 1, NONE).0, again(Cause::Timeout));
    // So does what was sent before, up to the FIN.
    talk.ack(217, 301, NONE);
    assert_eq!(talk.say(218 * MS, true, 0x11, 301, 1, 0, NONE).0, again(Cause::Timeout));
}

#[test]
fn the_timer_runs_out_for_the_oldest_byte_while_new_ones_are_sent() {
    let mut talk = Talk::new();
    (0..11).for_each(|i| _ = talk.data(10 + 20 * i, 1 + 100 * i as u32, NONE));
    talk.ack(11, 1, NONE);
    assert_eq!(talk.data(215, 1, NONE), (again(Cause::Timeout), Certainty::Inferred));
}

#[test]
fn what_lies_below_the_number_of_an_acknowledgement_had_been_sent() {
    let mut talk = Talk::new();
    talk.data(10, 1, NONE);
    talk.ack(11, 101, NONE);
    talk.say(12 * MS, true, ACK, 201, 1, 0, Extra { ip_id: 7, ..NONE });
    let judged = talk.data(13, 101, Extra { ip_id: 6, ..NONE });
    assert_eq!(judged, (SegmentClass::OutOfOrder, Certainty::Inferred));
    talk.say(14 * MS, true, ACK, 301, 1, 0, Extra { ip_id: 8, ..NONE });
    let judged = talk.data(230, 201, Extra { ip_id: 9, ..NONE });
    assert_eq!(judged, (again(Cause::Timeout), Certainty::Inferred));
    assert_eq!(talk.data(240, 301, NONE), (SegmentClass::New, Certainty::Decided));
    // Beyond the window it names nothing.
    talk.say(250 * MS, true, ACK, 400_000, 1, 0, NONE);
    assert_eq!(talk.data(260, 401, NONE), (SegmentClass::New, Certainty::Decided));
}

#[test]
fn a_fin_is_sent_again_only_where_it_was() {
    let fin = |talk: &mut Talk, ms, seq| talk.say(ms * MS, true, 0x11, seq, 1, 0, NONE).0;
    let mut talk = Talk::new();
    talk.data(10, 1, NONE);
    assert_eq!(fin(&mut talk, 20, 101), SegmentClass::New);
    assert_eq!(fin(&mut talk, 30, 2_000_000), SegmentClass::BeyondWindow);
    assert_eq!(fin(&mut talk, 250, 101), again(Cause::Timeout));
    let flow = talk.sender();
    assert_eq!((flow.fins, flow.retransmits), (3, 1));
}

#[test]
fn what_had_arrived_is_spurious_said_before_or_after() {
    let mut talk = Talk::new();
    talk.data(10, 1, NONE);
    talk.ack(12, 101, NONE);
    assert_eq!(talk.data(230, 1, NONE), (again(Cause::Spurious), Certainty::Decided));

    let mut talk = Talk::new();
    talk.data(10, 1, NONE);
    assert_eq!(talk.data(230, 1, NONE).0, again(Cause::Timeout));
    talk.ack(240, 101, Extra { sack: Some((1, 101, true)), ..NONE });
    let flow = talk.sender();
    assert_eq!((flow.causes.timeout, flow.causes.spurious, flow.retransmits), (0, 1, 1));
}

#[test]
fn the_senders_clock_tells_late_from_sent_again() {
    let stamped = |clock| Extra { clock: Some(clock), ..NONE };
    for (clock, expected) in [
        (4, (SegmentClass::OutOfOrder, Certainty::Decided)),
        (6, (again(Cause::Unknown), Certainty::Decided)),
    ] {
        let mut talk = Talk::new();
        talk.data(10, 101, stamped(5));
        assert_eq!(talk.data(11, 1, stamped(clock)), expected);
    }
    // The same tick: the counter of the IP layer decides, else nobody.
    let same = |ip_id| Extra { clock: Some(5), ip_id, ..NONE };
    for (ip_id, expected) in [
        (8, (SegmentClass::OutOfOrder, Certainty::Inferred)),
        (10, (again(Cause::Unknown), Certainty::Inferred)),
        (0, (SegmentClass::OutOfOrder, Certainty::Undecidable)),
    ] {
        let mut talk = Talk::new();
        talk.data(10, 101, same(9));
        assert_eq!(talk.data(11, 1, same(ip_id)), expected);
    }
}

#[test]
fn a_closed_window_is_probed_and_opens() {
    let mut talk = Talk::new();
    talk.data(10, 1, NONE);
    talk.ack(11, 101, Extra { window: Some(0), ..NONE });
    assert_eq!(talk.say(300 * MS, true, ACK, 100, 1, 0, NONE).0, SegmentClass::WindowProbe);
    assert_eq!(talk.say(600 * MS, true, ACK, 101, 1, 1, NONE).0, SegmentClass::WindowProbe);
    talk.ack(611, 102, NONE);
    let connection = talk.tracker.finish().get(0).unwrap();
    let receiver = connection.flow(crate::Direction::Resp);
    let closed = receiver.closed_windows;
    assert_eq!((closed.episodes, closed.longest, closed.closed_since), (1, 600 * MS, None));
    let sender = connection.flow(crate::Direction::Orig);
    assert_eq!((sender.window_probes, sender.keep_alives), (2, 0));
}

#[test]
fn keep_alives_tell_their_interval() {
    let mut talk = Talk::new();
    talk.data(10, 1, NONE);
    talk.ack(11, 101, NONE);
    for ms in [15_000, 30_000, 46_000] {
        let judged = talk.say(ms * MS, true, ACK, 100, 1, 0, NONE);
        assert_eq!(judged, (SegmentClass::KeepAlive, Certainty::Decided));
    }
    assert_eq!(talk.sender().keep_alive_interval, Some((15_000 * MS, 16_000 * MS)));
}

#[test]
fn bytes_beyond_the_window_and_overlaps_are_told() {
    let mut talk = Talk::new();
    talk.data(10, 1, NONE);
    assert_eq!(talk.data(11, 51, NONE), (SegmentClass::Overlap, Certainty::Decided));
    let judged = talk.data(12, 60_001, NONE);
    assert_eq!(judged, (SegmentClass::BeyondWindow, Certainty::Inferred));
    let flow = talk.sender();
    assert_eq!((flow.overlaps, flow.beyond_window, flow.bytes), (1, 1, 250));
}

#[test]
fn acknowledged_bytes_that_were_not_captured_are_a_gap() {
    let mut talk = Talk::new();
    talk.data(10, 1, NONE);
    talk.data(11, 201, NONE);
    talk.ack(12, 301, NONE);
    let connection = talk.tracker.finish().get(0).unwrap();
    assert_eq!(connection.flow(crate::Direction::Orig).gaps, 1);
    assert_eq!(connection.history(), "ShADaG");
}
