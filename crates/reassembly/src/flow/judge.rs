//! What each segment was.

use crosscap_packet::{OptionSummary, Segment, SeqNumber, TcpFlags};

use super::recent::{COPY_WINDOW, Recent};
use super::rtt::Timing;
use super::{End, Sighting};
use crate::coverage::{Added, Opener};
use crate::state::EndState;
use crate::{Cause, Certainty, SegmentClass};

/// What a segment was, against what its flow had sent before.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Verdict {
    pub(crate) class: SegmentClass,
    pub(crate) certainty: Certainty,
    pub(crate) new_bytes: u64,
    /// It acknowledged, for the first time, bytes of the other end that were not captured.
    pub(crate) acked_gap: bool,
}

impl Verdict {
    pub(super) const fn new(class: SegmentClass, certainty: Certainty) -> Self {
        Self { class, certainty, new_bytes: 0, acked_gap: false }
    }

    const fn decided(class: SegmentClass) -> Self {
        Self::new(class, Certainty::Decided)
    }

    /// Whether it repeated at this point what it says.
    pub(crate) fn is_resent(&self) -> bool {
        matches!(self.class, SegmentClass::Retransmission(_)) && self.new_bytes == 0
    }
}

impl End<'_> {
    /// Takes the next packet of this flow; `peer` is the other one.
    pub(crate) fn push(
        &mut self,
        peer: &mut End<'_>,
        at: Sighting,
        recent: &mut Recent,
    ) -> Verdict {
        let segment = at.segment;
        let flags = segment.flags;
        self.flow.packets += 1;
        let syn = flags.contains(TcpFlags::SYN);
        if self.flow.packets == 1 {
            self.flow.first = Some(at);
            self.live.sent_at = at.time;
            self.flow.base = segment.seq + u32::from(syn);
        }
        let start = self.flow.offset(segment.seq + u32::from(syn));
        let end = start + i64::from(segment.payload_len);
        let more_acked = flags.contains(TcpFlags::ACK)
            && self.flow.acked.is_none_or(|highest| segment.ack.ahead_of(highest) > 0);
        let more_sent = segment.payload_len > 0 && end > self.flow.coverage.high();
        // What says something new cannot be a copy.
        let last = self.flow.last.as_ref();
        if !more_acked
            && !more_sent
            && let Some(last) = last
            && let Some(certainty) = self.is_copy(&at, last, recent)
            // Put together from parts of which not all were captured.
            && !self.flow.coverage.has_hole_in(start, end)
        {
            self.flow.copies += 1;
            if self.is_first(&at) {
                self.flow.is.copied = self.flow.is.copied.saturating_add(1);
            }
            return Verdict::new(SegmentClass::Copy, certainty);
        }
        recent.remember(&at, last);
        self.flow.last_is_news =
            more_acked || self.flow.last.is_none_or(|last| is_stamped_later(&at, &last));
        self.flow.last = Some(at);
        if flags.contains(TcpFlags::RST) {
            // What a RST carries is a message, not stream data (RFC 9293 §3.5.3).
            self.flow.rsts += 1;
            self.flow.syns += u32::from(syn);
            self.flow.fins += u32::from(flags.contains(TcpFlags::FIN));
            self.flow.last_is_news = self.flow.rsts == 1;
            return Verdict::decided(SegmentClass::Control);
        }
        let mut verdict = self.judge(peer, &at, start, end);
        if verdict.certainty == Certainty::Undecidable {
            self.flow.undecidable += 1;
        }
        self.flow.last_is_news |= verdict.new_bytes > 0
            || (flags.contains(TcpFlags::FIN) && self.flow.fin.is_some_and(|fin| fin == at));
        if flags.contains(TcpFlags::ACK) {
            verdict.acked_gap = self.acknowledge(peer, &at, more_acked);
        }
        verdict
    }

    /// Whether the packet was recorded before, and how sure that is.
    ///
    /// Without an IP identification, what is sent again within a tick of the sender's clock looks the same. Then the first
    /// packet tells, which nobody sends again before an answer can come: the others were recorded as often as it. Resets
    /// have no identification and come in rows; they are not judged without.
    fn is_copy(&self, at: &Sighting, last: &Sighting, recent: &mut Recent) -> Option<Certainty> {
        if at.segment.ip_id != 0 {
            return recent.find(at, last, u8::MAX);
        }
        let most = if self.is_first(at) { u8::MAX } else { self.flow.is.copied };
        if most == 0 || at.segment.flags.contains(TcpFlags::RST) {
            return None;
        }
        recent.find(at, last, most).map(|certainty| certainty.min(Certainty::Inferred))
    }

    /// Whether it looks like the first packet of its flow, and comes soon after it.
    fn is_first(&self, at: &Sighting) -> bool {
        self.flow.first.is_some_and(|first| {
            first.segment.is_copy_of(&at.segment)
                && at.time.since(first.time).saturating_abs() <= COPY_WINDOW
        })
    }

    fn judge(&mut self, peer: &End<'_>, at: &Sighting, start: i64, end: i64) -> Verdict {
        let segment = &at.segment;
        let flags = segment.flags;
        if flags.contains(TcpFlags::SYN)
            && let Some(again) = self.take_syn(peer, at)
        {
            // The SYN takes the number before offset 0.
            self.resent(at, start - 1, end, again.class);
            return again;
        }
        let control = flags.intersects(TcpFlags::SYN | TcpFlags::FIN);
        let peer_closed = peer.flow.is.closed_to;
        if segment.payload_len <= 1
            && start == self.flow.coverage.high() - 1
            && !control
            && self.flow.fin.is_none()
        {
            return self.probe(peer, at, peer_closed);
        }
        let high = self.flow.coverage.high();
        let low = self.flow.coverage.low();
        // What lies below the first byte or behind the FIN is no stream.
        let from = if self.flow.is.begun { start.max(low) } else { start };
        // Unless the other end took no notice of it: an injected FIN hides no data.
        let last = self
            .fin_offset()
            .filter(|fin| peer.flow.acked.is_some_and(|ack| self.flow.offset(ack) == fin + 1));
        let last = last.unwrap_or(i64::MAX);
        let by = Opener::new(at.time, segment);
        let added = if from < last || start == end {
            self.flow.coverage.add(from, end.min(last), by)
        } else {
            Added::default()
        };
        self.flow.bytes += added.new;
        let fin_again = self.take_fin(at, end);
        let mut verdict = if segment.payload_len == 0 {
            match fin_again {
                None if !flags.contains(TcpFlags::SYN) => {
                    self.note_named(peer, at, start);
                    return Verdict::decided(SegmentClass::Control);
                }
                Some(false) => match self.named_before(start + 1) {
                    Some(by) => self.before_others(peer, at, Some(by)),
                    None if Self::is_beyond(peer, segment) => {
                        Verdict::new(SegmentClass::BeyondWindow, Certainty::Inferred)
                    }
                    None => Verdict::decided(SegmentClass::New),
                },
                None => Verdict::decided(SegmentClass::New),
                Some(true) => self.why_again(peer, at, start, end + 1),
            }
        } else if start >= last {
            Verdict::new(SegmentClass::BeyondWindow, Certainty::Inferred)
        } else if added.new == 0 {
            self.why_again(peer, at, start, end)
        } else if peer_closed && segment.payload_len == 1 && start == high {
            Verdict::decided(SegmentClass::WindowProbe)
        } else if let Some(by) = self.named_before(end)
            && start >= high
        {
            self.before_others(peer, at, Some(by))
        } else if start >= high && Self::is_beyond(peer, segment) {
            Verdict::new(SegmentClass::BeyondWindow, Certainty::Inferred)
        } else if start >= high {
            Verdict::decided(SegmentClass::New)
        } else if added.new < u64::from(segment.payload_len) {
            Verdict::decided(SegmentClass::Overlap)
        } else {
            let first = self.flow.first.map(|f| Opener::new(f.time, &f.segment));
            self.before_others(peer, at, added.filled.or(first))
        };
        verdict.new_bytes = added.new;
        self.count(&verdict, &added, peer, segment);
        self.resent(at, start, end + i64::from(flags.contains(TcpFlags::FIN)), verdict.class);
        if verdict.class == SegmentClass::New
            && segment.payload_len > 0
            && self.live.timing.is_none()
        {
            self.live.timing = Some(Timing::start(end, at.time, segment));
        }
        verdict
    }

    /// Takes a SYN; what it is where it is not the first.
    fn take_syn(&mut self, peer: &End<'_>, at: &Sighting) -> Option<Verdict> {
        let segment = &at.segment;
        self.flow.syns += 1;
        if let OptionSummary::Syn(options) = segment.options {
            self.flow.syn_options = Some(options);
        }
        match self.flow.isn {
            None => {
                if self.flow.coverage.is_empty() {
                    self.begin_at(segment.seq);
                } else {
                    self.flow.isn = Some(segment.seq);
                    self.flow.is.begun = true;
                    let floor = self.flow.offset(segment.seq + 1);
                    self.flow.coverage.begins_at(floor, Opener::new(at.time, segment));
                }
                None
            }
            Some(isn) => {
                // Another number from a host that has sent nothing else: it began anew, and means the new one, unless
                // the other end has taken the old one.
                if isn != segment.seq
                    && self.flow.coverage.is_empty()
                    && peer.flow.acked != Some(isn + 1)
                {
                    self.begin_at(segment.seq);
                    self.live.rare_mut().other_isn = Some(isn);
                }
                self.flow.retransmits += 1;
                let (cause, certainty) = self.why_syn_again(peer, segment.flags);
                if let Some(count) = self.flow.causes.of(cause) {
                    *count += 1;
                }
                Some(Verdict::new(SegmentClass::Retransmission(cause), certainty))
            }
        }
    }

    fn begin_at(&mut self, isn: SeqNumber) {
        (self.flow.isn, self.flow.base) = (Some(isn), isn + 1);
        self.flow.is.begun = true;
    }

    /// Whether its FIN, at `end`, had been sent before; `None` where the segment has none.
    fn take_fin(&mut self, at: &Sighting, end: i64) -> Option<bool> {
        at.segment.flags.contains(TcpFlags::FIN).then(|| {
            self.flow.fins += 1;
            // One behind the first was not.
            let first = self.fin_offset();
            self.flow.fin.get_or_insert(*at);
            first.is_some_and(|first| end <= first)
        })
    }

    /// Where its stream ends, if it has ended.
    fn fin_offset(&self) -> Option<i64> {
        if !matches!(self.flow.state, EndState::Closed | EndState::Reset) {
            return None;
        }
        self.flow.fin.map(|fin| self.flow.offset(fin.segment.seq_end() - 1))
    }

    /// Whether it goes beyond the window of the other end, as far as windows were seen. One byte more is a probe.
    fn is_beyond(peer: &End<'_>, segment: &Segment) -> bool {
        let edge = peer.live.window.right_edge;
        edge.is_some_and(|edge| segment.seq_end().ahead_of(edge) > 1)
    }

    /// Takes the sequence number of a pure acknowledgement: that of the next byte its sender will send.
    fn note_named(&mut self, peer: &End<'_>, at: &Sighting, start: i64) {
        let known = self.flow.coverage.high() + i64::from(self.flow.fin.is_some());
        // Beyond the window it is no number of this stream.
        let beyond = |edge| at.segment.seq.ahead_of(edge) > 0;
        if start <= known
            || self.flow.packets == 1
            || peer.live.window.right_edge.is_none_or(beyond)
        {
            return;
        }
        let named = &mut self.live.rare_mut().named;
        if named.is_none_or(|(before, _)| before < start) {
            *named = Some((start, Opener::new(at.time, &at.segment)));
        }
    }

    /// The acknowledgement that told that what ends at `end` had been sent.
    fn named_before(&self, end: i64) -> Option<Opener> {
        let (named, by) = self.live.rare()?.named?;
        (end <= named).then_some(by)
    }

    fn probe(&mut self, peer: &End<'_>, at: &Sighting, peer_closed: bool) -> Verdict {
        if peer_closed {
            self.flow.window_probes += 1;
            return Verdict::new(SegmentClass::WindowProbe, Certainty::Inferred);
        }
        self.flow.keep_alives += 1;
        let last = self.live.rare_mut().last_keep_alive.replace(at.time);
        if let Some(last) = last {
            let nanos = at.time.since(last).max(0);
            let (min, max) = self.flow.keep_alive_interval.unwrap_or((nanos, nanos));
            self.flow.keep_alive_interval = Some((min.min(nanos), max.max(nanos)));
        }
        // A last byte that is still unacknowledged may be meant as itself.
        let acked = at.segment.payload_len == 0 || peer.has_acked(self.flow.coverage.high(), self);
        let certainty = if acked { Certainty::Decided } else { Certainty::Inferred };
        Verdict::new(SegmentClass::KeepAlive, certainty)
    }

    /// Whether this end has acknowledged `other` up to `offset`.
    pub(super) fn has_acked(&self, offset: i64, other: &Self) -> bool {
        self.flow.acked.is_some_and(|ack| other.flow.offset(ack) >= offset)
    }

    fn count(&mut self, verdict: &Verdict, added: &Added, peer: &End<'_>, segment: &Segment) {
        match verdict.class {
            SegmentClass::Retransmission(cause) => {
                self.flow.retransmits += 1;
                if let Some(count) = self.flow.causes.of(cause) {
                    *count += 1;
                }
            }
            SegmentClass::OutOfOrder => self.flow.out_of_order += 1,
            SegmentClass::Overlap => self.flow.overlaps += 1,
            SegmentClass::BeyondWindow => self.flow.beyond_window += 1,
            SegmentClass::WindowProbe => self.flow.window_probes += 1,
            _ => {}
        }
        if added.new > 0 {
            if let Some(rare) = &mut self.live.rare {
                rare.last_keep_alive = None;
            }
            if peer.live.window.right_edge == Some(segment.seq + segment.payload_len) {
                self.flow.window_full += 1;
            }
        }
    }

    /// Notes when sequence space was sent, and what was sent again.
    fn resent(&mut self, at: &Sighting, start: i64, end: i64, class: SegmentClass) {
        self.live.sent_at = at.time;
        let again = match class {
            SegmentClass::Retransmission(cause) => Some(cause),
            SegmentClass::Overlap => None,
            _ => return,
        };
        if let Some(timing) = &mut self.live.timing {
            timing.sent_again(start, &at.segment);
        }
        let Some(cause) = again else { return };
        let rare = self.live.rare_mut();
        let until = self.flow.coverage.high() + i64::from(self.flow.fin.is_some());
        match cause {
            // Ends what the other was about.
            Cause::Timeout => rare.recovery = Some((cause, until)),
            Cause::Fast => _ = rare.recovery.get_or_insert((cause, until)),
            _ => {}
        }
        rare.resent.rotate_right(1);
        rare.resent[0] = Some((start, end, cause));
    }

    /// Takes what a packet of this end acknowledges; whether that were bytes which were not captured.
    fn acknowledge(&mut self, peer: &mut End<'_>, at: &Sighting, more: bool) -> bool {
        let segment = &at.segment;
        let flags = segment.flags;
        let control = flags.intersects(TcpFlags::SYN | TcpFlags::FIN);
        if !control && segment.window == 0 {
            self.flow.zero_windows += 1;
        }
        if let Some(rare) = &mut peer.live.rare
            && peer.flow.coverage.is_empty()
            && let Some(isn) = rare.other_isn.take_if(|isn| *isn + 1 == segment.ack)
        {
            peer.begin_at(isn);
        }
        let acked = peer.flow.offset(segment.ack);
        let mut gap = false;
        if more {
            let low = peer.flow.coverage.low();
            let before = self.flow.acked.map_or(low, |a| peer.flow.offset(a));
            gap = peer.flow.packets > 0 && peer.flow.coverage.has_hole_in(before, acked);
            self.flow.acked = Some(segment.ack);
            self.live.duplicates = 0;
            if let Some(rare) = &mut peer.live.rare {
                rare.recovery.take_if(|(_, until)| acked >= *until);
            }
            if let Some(timing) = peer.live.timing
                && timing.acknowledged(acked, at.time, segment, &mut peer.flow.rtt)
            {
                peer.live.timing = None;
            }
        } else if !control
            && segment.payload_len == 0
            && self.flow.acked == Some(segment.ack)
            && peer.flow.packets > 0
            && peer.flow.coverage.high() > acked
            && (self.live.window.last == segment.window
                || matches!(segment.options, OptionSummary::Sack { .. }))
        {
            self.live.duplicates = self.live.duplicates.saturating_add(1);
            self.flow.duplicate_acks += 1;
        }
        if let OptionSummary::Sack { start, end, duplicate } = segment.options {
            if duplicate {
                peer.came_twice(start, end);
            } else {
                let sacked = self.live.rare_mut().sacked.get_or_insert(end);
                if end.ahead_of(*sacked) > 0 {
                    *sacked = end;
                }
            }
        }
        if !flags.contains(TcpFlags::SYN) {
            let closes = segment.window == 0;
            if closes != self.flow.is.closed_to {
                self.flow.closed_windows.announced(segment.window, at.time);
                self.flow.is.closed_to = closes;
            }
        }
        self.live.window.announced(segment);
        if gap {
            peer.flow.gaps += 1;
        }
        gap
    }

    /// The other end says that it got these bytes a second time.
    fn came_twice(&mut self, start: SeqNumber, end: SeqNumber) {
        let (start, end) = (self.flow.offset(start), self.flow.offset(end));
        let Some(rare) = &mut self.live.rare else { return };
        let said = rare.resent.iter_mut().find(|slot| {
            slot.is_some_and(|(from, to, cause)| {
                from < end && start < to && cause != Cause::Spurious
            })
        });
        if let Some((_, _, cause)) = said.and_then(Option::take) {
            if let Some(count) = self.flow.causes.of(cause) {
                *count -= 1;
            }
            self.flow.causes.spurious += 1;
        }
    }
}

impl super::Causes {
    fn of(&mut self, cause: Cause) -> Option<&mut u32> {
        match cause {
            Cause::Timeout => Some(&mut self.timeout),
            Cause::Fast => Some(&mut self.fast),
            Cause::TailProbe => Some(&mut self.tail_probe),
            Cause::Spurious => Some(&mut self.spurious),
            Cause::Unknown => None,
        }
    }
}

fn is_stamped_later(at: &Sighting, last: &Sighting) -> bool {
    match (at.segment.timestamps, last.segment.timestamps) {
        (Some(now), Some(before)) => SeqNumber(now.value).ahead_of(SeqNumber(before.value)) > 0,
        _ => false,
    }
}
