//! Against a model: a sender, a receiver, a network and two captures, all of which say what they did.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crosscap_packet::{
    FrameRef, OptionSummary, Segment, SeqNumber, SynOptions, TcpFlags, TcpTimestamps, Timestamp,
};
use crosscap_reassembly::{Direction, Sighting};
use proptest::prelude::*;

use super::judge::passages;
use super::window::Seen;
use super::{NeverSeen, Passage, PayloadDigest, Trace};
use crate::Clock;

const MS: i64 = 1_000_000;
const MSS: u32 = 1_000;
/// Near the end of the number space, so that it wraps.
const ISN: u32 = u32::MAX - 2_500;

/// What goes wrong, in percent of packets.
#[derive(Clone, Copy, Debug, Default)]
struct Faults {
    lost: u64,
    duplicated: u64,
    late: u64,
    changed: u64,
    missed_near: u64,
    missed_far: u64,
    /// Segments that the near capture sees as one.
    burst: u32,
    /// Whether the far capture sees segments joined.
    joined: bool,
    /// Whether neither IP IDs nor timestamps tell copies apart.
    plain: bool,
}

/// What happened, in the originator's direction.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
struct Truth {
    lost: u64,
    lost_bytes: u64,
    acks_lost: u64,
    duplicated: u64,
    changed: u64,
    missed_near: u64,
    missed_far: u64,
    acks_missed: u64,
    lost_frames: Vec<u64>,
    missed_frames: Vec<u64>,
}

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 >> 11
    }

    fn hits(&mut self, percent: u64) -> bool {
        self.next() % 100 < percent
    }
}

/// A capture that numbers what it is given.
#[derive(Default)]
struct Capture {
    trace: Trace,
    frames: u64,
    pending: Option<(Direction, i64, Segment, Vec<u8>)>,
    joins: bool,
}

impl Capture {
    fn next_frame(&self) -> u64 {
        self.frames + 1 + u64::from(self.pending.is_some())
    }

    fn take(&mut self, direction: Direction, time: i64, segment: Segment, payload: &[u8]) {
        if let Some((d, _, s, p)) = &mut self.pending
            && self.joins
            && *d == direction
            && s.seq_end() == segment.seq
            && (s.ack, s.timestamps) == (segment.ack, segment.timestamps)
            && !payload.is_empty()
            && s.payload_len > 0
            && s.payload_len < 5 * MSS
        {
            s.payload_len += segment.payload_len;
            p.extend(payload);
            return;
        }
        self.flush();
        self.pending = Some((direction, time, segment, payload.to_vec()));
    }

    fn flush(&mut self) {
        if let Some((direction, time, segment, payload)) = self.pending.take() {
            self.frames += 1;
            let frame = FrameRef::new(0, self.frames);
            let at = Sighting { time: Timestamp(time), frame, segment };
            self.trace.push(direction, &at, Some(PayloadDigest::of(&payload)));
        }
    }
}

#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Event {
    Send,
    Data { seq: u32, payload: Vec<u8>, ip_id: u16, tsval: u32 },
    Ack { ack: u32, sack: Option<(u32, u32, bool)>, ip_id: u16 },
    Timer,
}

struct Model {
    random: Random,
    faults: Faults,
    near: Capture,
    far: Capture,
    truth: Truth,
    queue: BinaryHeap<Reverse<(i64, u64, Event)>>,
    order: u64,
    ip_ids: [u16; 2],
    stream: Vec<u8>,
    sent: u32,
    acked: u32,
    progress: i64,
    got: Vec<bool>,
    next: u32,
}

fn segment(seq: u32, ack: u32, flags: TcpFlags, payload_len: u32) -> Segment {
    Segment {
        seq: SeqNumber(seq),
        ack: SeqNumber(ack),
        flags,
        window: 500,
        ttl: 64,
        ip_id: 0,
        payload_len,
        timestamps: None,
        options: OptionSummary::Other,
    }
}

impl Model {
    fn run(seed: u64, faults: Faults, segments: u32) -> (Capture, Capture, Truth) {
        let mut random = Random(seed | 1);
        let stream = (0..segments * MSS).map(|_| random.next() as u8).collect();
        let mut model = Self {
            random,
            faults,
            near: Capture::default(),
            far: Capture { joins: faults.joined, ..Capture::default() },
            truth: Truth::default(),
            queue: BinaryHeap::new(),
            order: 0,
            ip_ids: [1, 9_000],
            stream,
            sent: 0,
            acked: 0,
            progress: 0,
            got: vec![false; segments as usize],
            next: 0,
        };
        model.shake_hands();
        model.at(10 * MS, Event::Send);
        while let Some(Reverse((time, _, event))) = model.queue.pop() {
            model.step(time, event);
        }
        model.near.flush();
        model.far.flush();
        (model.near, model.far, model.truth)
    }

    fn at(&mut self, time: i64, event: Event) {
        self.order += 1;
        self.queue.push(Reverse((time, self.order, event)));
    }

    fn shake_hands(&mut self) {
        let options = SynOptions {
            maximum_segment_size: Some(MSS as u16),
            sack_permitted: true,
            window_scale: None,
        };
        let mut syn = segment(ISN, 0, TcpFlags::SYN, 0);
        syn.options = OptionSummary::Syn(options);
        let mut syn_ack = segment(77, ISN.wrapping_add(1), TcpFlags::SYN | TcpFlags::ACK, 0);
        syn_ack.options = OptionSummary::Syn(options);
        self.near.take(Direction::Orig, 0, syn, &[]);
        self.far.take(Direction::Orig, 5 * MS, syn, &[]);
        self.far.take(Direction::Resp, 5 * MS, syn_ack, &[]);
        self.near.take(Direction::Resp, 10 * MS, syn_ack, &[]);
    }

    fn step(&mut self, time: i64, event: Event) {
        match event {
            Event::Send => {
                let count = self.faults.burst.max(1).min(self.got.len() as u32 - self.sent);
                let first = self.sent;
                self.transmit(time, first, count);
                self.sent += count;
                if (self.sent as usize) < self.got.len() {
                    self.at(time + 2 * MS, Event::Send);
                }
                self.at(time + 60 * MS, Event::Timer);
            }
            Event::Timer => {
                if self.acked < self.sent {
                    if time >= self.progress + 50 * MS {
                        self.progress = time;
                        let first = self.acked;
                        self.transmit(time, first, 1);
                    }
                    self.at(time + 60 * MS, Event::Timer);
                }
            }
            Event::Data { seq, payload, ip_id, tsval } => {
                self.receive(time, seq, &payload, ip_id, tsval)
            }
            Event::Ack { ack, sack, ip_id } => {
                let packet = self.ack_segment(ack, sack, ip_id);
                self.near.take(Direction::Resp, time, packet, &[]);
                if ack > self.acked {
                    (self.acked, self.progress) = (ack, time);
                }
            }
        }
    }

    fn transmit(&mut self, time: i64, first: u32, count: u32) {
        let tsval = (time / MS) as u32;
        let mut all = self.data_segment(first, count * MSS, self.ip_ids[0], tsval);
        if self.faults.plain {
            (all.ip_id, all.timestamps) = (0, None);
        }
        let range = (first * MSS) as usize..((first + count) * MSS) as usize;
        let bytes = self.stream[range].to_vec();
        let frame = self.near.next_frame();
        let missed_near = self.faults.missed_near > 0 && self.random.hits(self.faults.missed_near);
        if !missed_near {
            self.near.take(Direction::Orig, time, all, &bytes);
        }
        for k in 0..count {
            let seq = first + k;
            let ip_id = self.ip_ids[0];
            self.ip_ids[0] += 1;
            let mut payload = bytes[(k * MSS) as usize..((k + 1) * MSS) as usize].to_vec();
            let lost = self.random.hits(self.faults.lost);
            if lost && !missed_near {
                self.truth.lost += 1;
                self.truth.lost_bytes += u64::from(MSS);
                self.truth.lost_frames.push(frame);
            }
            if lost {
                continue;
            }
            if missed_near {
                self.truth.missed_near += 1;
            } else if self.random.hits(self.faults.changed) {
                payload[3] ^= 1;
                self.truth.changed += 1;
            }
            let late = if self.random.hits(self.faults.late) { 17 * MS } else { 0 };
            let data = Event::Data { seq, payload, ip_id, tsval };
            let far_frame_missed = self.random.hits(self.faults.missed_far);
            if far_frame_missed && !missed_near {
                self.truth.missed_far += 1;
                self.truth.missed_frames.push(frame);
            }
            let arrives = time + 5 * MS + late;
            // An odd nanosecond: the far capture misses it.
            self.at(arrives + i64::from(far_frame_missed), data.clone());
            if !far_frame_missed && !missed_near && self.random.hits(self.faults.duplicated) {
                self.truth.duplicated += 1;
                self.at(arrives + 12 * MS, data);
            }
        }
    }

    fn data_segment(&self, seq: u32, len: u32, ip_id: u16, tsval: u32) -> Segment {
        let seq = ISN.wrapping_add(1 + seq * MSS);
        let mut packet = segment(seq, 78, TcpFlags::ACK, len);
        packet.ip_id = ip_id;
        packet.timestamps = Some(TcpTimestamps { value: tsval, echo_reply: 0 });
        packet
    }

    fn ack_segment(&self, ack: u32, sack: Option<(u32, u32, bool)>, ip_id: u16) -> Segment {
        let place = |n: u32| SeqNumber(ISN.wrapping_add(1 + n * MSS));
        let mut packet = segment(78, place(ack).0, TcpFlags::ACK, 0);
        packet.ip_id = ip_id;
        if let Some((start, end, duplicate)) = sack {
            packet.options =
                OptionSummary::Sack { start: place(start), end: place(end), duplicate };
        }
        packet
    }

    fn receive(&mut self, time: i64, seq: u32, payload: &[u8], ip_id: u16, tsval: u32) {
        if time % 2 == 0 {
            let mut packet = self.data_segment(seq, MSS, ip_id, tsval);
            packet.ttl = 62;
            if self.faults.plain {
                (packet.ip_id, packet.timestamps) = (0, None);
            }
            self.far.take(Direction::Orig, time, packet, payload);
        }
        let again = std::mem::replace(&mut self.got[seq as usize], true);
        while self.got.get(self.next as usize) == Some(&true) {
            self.next += 1;
        }
        let sack = if again {
            Some((seq, seq + 1, true))
        } else if seq >= self.next {
            let mut start = seq;
            while start > 0 && self.got[start as usize - 1] {
                start -= 1;
            }
            Some((start, seq + 1, false))
        } else {
            None
        };
        let id = self.ip_ids[1];
        self.ip_ids[1] += 1;
        let ack = self.next;
        if self.random.hits(self.faults.missed_far) {
            self.truth.acks_missed += 1;
        } else {
            let packet = self.ack_segment(ack, sack, id);
            self.far.take(Direction::Resp, time, packet, &[]);
        }
        if self.random.hits(self.faults.lost) {
            self.truth.acks_lost += 1;
        } else {
            self.at((time & !1) + 5 * MS, Event::Ack { ack, sack, ip_id: id });
        }
    }
}

fn compare(near: &Capture, far: &Capture) -> [Passage; 2] {
    compare_with(near, far, false)
}

fn compare_with(near: &Capture, far: &Capture, far_lossy: bool) -> [Passage; 2] {
    let clock = Clock::identity();
    let seen = |capture, point| -> Seen<'_> {
        let capture: &Capture = capture;
        Seen {
            trace: &capture.trace,
            point,
            span: Some([Timestamp(-10_000 * MS), Timestamp(1_000_000 * MS)]),
            clock: None,
            lossy: far_lossy && point == 1,
            one_direction: false,
        }
    };
    let mut ends = [seen(near, 0), seen(far, 1)];
    ends.iter_mut().for_each(|e| e.clock = Some(&clock));
    passages(ends, [&[], &[]]).unwrap()
}

/// Whether all of `few` are in `many`, each as often.
fn among(few: &[FrameRef], many: &[u64]) -> bool {
    few.iter().all(|f| many.contains(&f.number()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn whole_captures_tell_exactly_what_was_lost(
        seed in any::<u64>(), lost in 0..25u64, late in 0..10u64, duplicated in 0..10u64, changed in 0..5u64,
    ) {
        let faults = Faults { lost, late, duplicated, changed, ..Faults::default() };
        let (near, far, truth) = Model::run(seed, faults, 60);
        let [orig, resp] = compare(&near, &far);
        prop_assert_eq!((orig.lost.packets, orig.lost.bytes), (truth.lost, truth.lost_bytes));
        prop_assert!(among(&orig.lost.frames, &truth.lost_frames));
        prop_assert_eq!(resp.bare_missing.packets, truth.acks_lost);
        prop_assert_eq!(orig.duplicated.packets, truth.duplicated);
        // The second of two copies that differ from what was sent is told as a copy.
        prop_assert_eq!(orig.changed.packets, truth.changed);
        for way in [&orig, &resp] {
            for none in [&way.undecided, &way.unrecorded_far, &way.unrecorded_near, &way.injected, &way.unexplained] {
                prop_assert_eq!(none.packets, 0);
            }
            prop_assert_eq!(way.not_compared, 0);
        }
        if late == 0 && duplicated == 0 {
            prop_assert_eq!(orig.reordered.packets, 0);
            prop_assert_eq!(orig.hops.map(|h| h.1), (truth.lost < orig.sent - 1).then_some(2));
            prop_assert_eq!(orig.delay.map(|d| d.max.estimate), Some(5 * MS));
        }
    }

    #[test]
    fn segments_cut_differently_lose_the_same_bytes(
        seed in any::<u64>(), lost in 0..25u64, burst in 1..8u32, joined in any::<bool>(), changed in 0..3u64,
    ) {
        let faults = Faults { lost, burst, joined, changed, ..Faults::default() };
        let (near, far, truth) = Model::run(seed, faults, 60);
        let [orig, resp] = compare(&near, &far);
        prop_assert_eq!(orig.lost.bytes, truth.lost_bytes);
        prop_assert_eq!(resp.bare_missing.packets, truth.acks_lost);
        prop_assert!(among(&orig.lost.frames, &truth.lost_frames));
        prop_assert_eq!(orig.undecided.packets + orig.unrecorded_far.packets + orig.unexplained.packets, 0);
        prop_assert!(orig.changed.packets <= truth.changed);
        if lost == 0 {
            prop_assert_eq!(orig.changed.packets > 0, truth.changed > 0);
        }
    }

    #[test]
    fn numbers_alone_tell_how_much_was_lost(seed in any::<u64>(), lost in 0..25u64) {
        let (near, far, truth) = Model::run(seed, Faults { lost, plain: true, ..Faults::default() }, 60);
        let [orig, _] = compare(&near, &far);
        prop_assert_eq!((orig.lost.packets, orig.lost.bytes), (truth.lost, truth.lost_bytes));
    }

    #[test]
    fn what_the_far_capture_missed_is_not_called_lost(
        seed in any::<u64>(), missed_far in 1..20u64, late in 0..5u64,
    ) {
        let (near, far, truth) = Model::run(seed, Faults { missed_far, late, ..Faults::default() }, 60);
        let [orig, _] = compare(&near, &far);
        prop_assert_eq!(orig.lost.packets, 0);
        prop_assert_eq!(orig.unrecorded_far.packets + orig.undecided.packets, truth.missed_far);
        prop_assert!(among(&orig.unrecorded_far.frames, &truth.missed_frames));
    }

    #[test]
    fn what_the_near_capture_missed_is_not_called_injected(
        seed in any::<u64>(), missed_near in 1..20u64, lost in 0..10u64,
    ) {
        let (near, far, truth) = Model::run(seed, Faults { missed_near, lost, ..Faults::default() }, 60);
        let [orig, _] = compare(&near, &far);
        prop_assert_eq!((orig.lost.packets, orig.lost.bytes), (truth.lost, truth.lost_bytes));
        prop_assert_eq!(orig.injected.packets, 0);
        prop_assert_eq!(orig.unrecorded_near.packets + orig.unexplained.packets, truth.missed_near);
    }

    #[test]
    fn loss_and_capture_loss_together_are_never_confused(
        seed in any::<u64>(), missed_far in 0..10u64, lost in 0..10u64,
    ) {
        let (near, far, truth) = Model::run(seed, Faults { missed_far, lost, ..Faults::default() }, 60);
        let [orig, _] = compare_with(&near, &far, true);
        prop_assert!(orig.lost.packets <= truth.lost, "{} of {}", orig.lost.packets, truth.lost);
        prop_assert!(orig.unrecorded_far.packets <= truth.missed_far);
        let all = orig.lost.packets + orig.undecided.packets + orig.unrecorded_far.packets;
        prop_assert_eq!(all, truth.lost + truth.missed_far);
    }
}

fn seen(capture: &mut Capture, point: usize) -> Seen<'_> {
    capture.flush();
    let span = Some([Timestamp(-10_000 * MS), Timestamp(1_000_000 * MS)]);
    Seen { trace: &capture.trace, point, span, clock: None, lossy: false, one_direction: false }
}

/// Ten segments of one end that pass two captures, which `edit` may change.
fn ten(mut edit: impl FnMut(u32, &mut Segment, &mut Segment)) -> [Capture; 2] {
    let mut captures = [Capture::default(), Capture::default()];
    for k in 0..10 {
        let mut near = segment(1_000 + k * 10, 1, TcpFlags::ACK, 10);
        (near.ip_id, near.ttl) = (500 + k as u16, 60);
        let mut far = Segment { ttl: 59, ..near };
        edit(k, &mut near, &mut far);
        let time = i64::from(k) * 20 * MS;
        captures[0].take(Direction::Orig, time, near, &[k as u8; 10]);
        captures[1].take(Direction::Orig, time + MS, far, &[k as u8; 10]);
    }
    captures
}

fn between(captures: &mut [Capture; 2]) -> [Passage; 2] {
    let clock = Clock::identity();
    let [near, far] = captures;
    let mut ends = [seen(near, 0), seen(far, 1)];
    ends.iter_mut().for_each(|e| e.clock = Some(&clock));
    passages(ends, [&[], &[]]).unwrap()
}

#[test]
fn nothing_happened_to_what_only_lost_some_time_to_live() {
    let [orig, resp] = between(&mut ten(|_, _, _| ()));
    assert!(!orig.is_eventful() && !resp.is_eventful());
    assert_eq!((orig.sent, orig.came, orig.hops), (10, 10, Some((1, 1))));
    assert_eq!(orig.delay.map(|d| d.median.estimate), Some(MS));
}

#[test]
fn a_reset_that_its_sender_contradicts_was_injected() {
    for (ttl, injected) in [(40, 1), (59, 0)] {
        let mut captures = ten(|_, _, _| ());
        let mut reset = segment(1_050, 1, TcpFlags::RST, 0);
        reset.ttl = ttl;
        let mut late = Capture::default();
        std::mem::swap(&mut late, &mut captures[1]);
        // The far capture again, with the reset in the middle.
        for k in 0..10_u32 {
            let mut far = segment(1_000 + k * 10, 1, TcpFlags::ACK, 10);
            (far.ip_id, far.ttl) = (500 + k as u16, 59);
            captures[1].take(Direction::Orig, i64::from(k) * 20 * MS + MS, far, &[k as u8; 10]);
            if k == 4 {
                captures[1].take(Direction::Orig, i64::from(k) * 20 * MS + 2 * MS, reset, &[]);
            }
        }
        let [orig, _] = between(&mut captures);
        assert_eq!((orig.injected.packets, orig.unexplained.packets), (injected, 1 - injected));
        assert_eq!(orig.lost.packets, 0);
    }
}

#[test]
fn a_reset_and_a_fin_of_which_none_came_are_told() {
    let end = |kind: TcpFlags, came: u32| {
        let mut captures = ten(|_, _, _| ());
        for k in 0..2 {
            let mut last = segment(1_100, 1, kind | TcpFlags::ACK, 0);
            (last.ip_id, last.ttl) = (800 + k as u16, 60);
            let time = i64::from(300 + 50 * k) * MS;
            captures[0].take(Direction::Orig, time, last, &[]);
            if k < came {
                captures[1].take(Direction::Orig, time + MS, Segment { ttl: 59, ..last }, &[]);
            }
        }
        let [orig, resp] = between(&mut captures);
        assert!(!resp.is_eventful());
        orig
    };
    let count = |passage: &Passage| {
        let NeverSeen { syn, fin, reset } = &passage.never_seen;
        [syn, fin, reset].map(|tally| tally.packets)
    };
    let reset = end(TcpFlags::RST, 0);
    assert_eq!((count(&reset), reset.bare_missing.packets), ([0, 0, 2], 2));
    assert_eq!(reset.never_seen.reset.frames, reset.bare_missing.frames);
    let fin = end(TcpFlags::FIN, 0);
    assert_eq!((count(&fin), fin.lost.packets), ([0, 2, 0], 2));
    // One of them came: the end was told.
    for kind in [TcpFlags::RST, TcpFlags::FIN] {
        assert_eq!(count(&end(kind, 1)), [0; 3]);
    }
}

#[test]
fn devices_that_rewrite_identification_and_timestamps_lose_nothing() {
    let ts = |value| Some(TcpTimestamps { value, echo_reply: 0 });
    let [orig, _] = between(&mut ten(|k, near, far| {
        (near.timestamps, far.timestamps, far.ip_id) = (ts(k), None, 7_000 + k as u16);
    }));
    assert!(!orig.is_eventful(), "{orig:?}");
    let [orig, _] = between(&mut ten(|k, near, far| {
        (near.timestamps, far.timestamps, far.window) = (ts(k), ts(k + 9_000), 3);
    }));
    assert!(!orig.is_eventful(), "{orig:?}");
}

#[test]
fn a_clamped_segment_size_is_told() {
    let offer = |size| {
        OptionSummary::Syn(SynOptions {
            maximum_segment_size: Some(size),
            window_scale: Some(7),
            sack_permitted: true,
        })
    };
    let [orig, _] = between(&mut ten(|k, near, far| {
        if k == 0 {
            for (s, size) in [(near, 1_460), (far, 1_360)] {
                (s.flags, s.seq, s.payload_len) = (TcpFlags::SYN, SeqNumber(999), 0);
                s.options = offer(size);
            }
        }
    }));
    let sizes = orig.offer.map(|o| o.map(|o| o.options.maximum_segment_size));
    assert_eq!(sizes, Some([Some(1_460), Some(1_360)]));
}

#[test]
fn copies_of_a_capture_of_all_interfaces_are_nothing() {
    let mut captures = ten(|_, _, _| ());
    let mut twice = Capture::default();
    for k in 0..10_u32 {
        let mut far = segment(1_000 + k * 10, 1, TcpFlags::ACK, 10);
        (far.ip_id, far.ttl) = (500 + k as u16, 59);
        for late in [MS, 2 * MS] {
            twice.take(Direction::Orig, i64::from(k) * 20 * MS + late, far, &[k as u8; 10]);
        }
    }
    captures[1] = twice;
    let [orig, _] = between(&mut captures);
    assert!(!orig.is_eventful(), "{orig:?}");
    captures.swap(0, 1);
    let [orig, _] = between(&mut captures);
    assert!(!orig.is_eventful(), "{orig:?}");
}

#[test]
fn packets_that_only_one_capture_was_running_for_are_not_compared() {
    let clock = Clock::identity();
    let [mut near, mut far] = ten(|_, _, _| ());
    far = {
        far.flush();
        let mut late = Capture::default();
        for p in far.trace.packets(Direction::Orig).iter().skip(4) {
            let mut s = segment(p.seq, 1, TcpFlags::ACK, 10);
            (s.ip_id, s.ttl) = (p.ip_id, 59);
            let payload = [((p.seq - 1_000) / 10) as u8; 10];
            late.take(Direction::Orig, p.time.as_nanos(), s, &payload);
        }
        late
    };
    let mut ends = [seen(&mut near, 0), seen(&mut far, 1)];
    ends.iter_mut().for_each(|e| e.clock = Some(&clock));
    ends[1].span = Some([Timestamp(81 * MS), Timestamp(300 * MS)]);
    let [orig, _] = passages(ends, [&[], &[]]).unwrap();
    assert_eq!((orig.lost.packets, orig.not_compared), (0, 4));
}

#[test]
fn any_packets_at_all_end_in_time() {
    // Everything overlaps with everything, at both sides, differently.
    let mut captures = [Capture::default(), Capture::default()];
    let mut random = Random(7);
    for (side, capture) in captures.iter_mut().enumerate() {
        for k in 0..20_000 {
            let flags = TcpFlags((random.next() & 0x17) as u8);
            let mut s = segment(random.next() as u32 % 50_000, random.next() as u32, flags, 60_000);
            s.timestamps = Some(TcpTimestamps { value: k, echo_reply: side as u32 });
            capture.take(Direction::Orig, i64::from(k), s, &[]);
        }
        capture.flush();
    }
    let [near, far] = &mut captures;
    let _ = passages([seen(near, 0), seen(far, 1)], [&[], &[]]);
}
