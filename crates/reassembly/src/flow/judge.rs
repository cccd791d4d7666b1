//! What each segment was.

use crosscap_packet::{OptionSummary, Segment, SeqNumber, TcpFlags};

use super::recent::digest;
use super::rtt::Timing;
use super::{End, Sighting};
use crate::coverage::{Added, Opener};
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
    const fn new(class: SegmentClass, certainty: Certainty) -> Self {
        Self { class, certainty, new_bytes: 0, acked_gap: false }
    }

    const fn decided(class: SegmentClass) -> Self {
        Self::new(class, Certainty::Decided)
    }

    /// Whether it repeated at this point what it says.
    pub(crate) fn is_resent(&self) -> bool {
        matches!(self.class, SegmentClass::Retransmission(_)) && self.new_bytes == 0
    }

    pub(crate) fn is_probe(&self) -> bool {
        self.class == SegmentClass::KeepAlive
            || (self.class == SegmentClass::WindowProbe && self.new_bytes == 0)
    }
}

impl End<'_> {
    /// Takes the next packet of this flow; `peer` is the other one.
    pub(crate) fn push(&mut self, peer: &mut End<'_>, at: Sighting) -> Verdict {
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
        let more_sent = end > self.flow.coverage.high();
        let digest = digest(&segment);
        // What says something new cannot be a copy.
        let last = self.flow.last.map(|last| last.time);
        if !more_acked
            && !more_sent
            && last.is_some_and(|last| self.live.recent.has(&at, last, digest))
        {
            self.flow.copies += 1;
            return Verdict::decided(SegmentClass::Copy);
        }
        self.live.recent.remember(&at, last, digest);
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

    fn judge(&mut self, peer: &End<'_>, at: &Sighting, start: i64, end: i64) -> Verdict {
        let segment = &at.segment;
        let flags = segment.flags;
        if flags.contains(TcpFlags::SYN)
            && let Some(again) = self.take_syn(peer, at)
        {
            self.resent(at, start, end.max(start + 1), again.class);
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
        // What lies below the first byte is no stream.
        let from = if self.flow.is.begun { start.max(low) } else { start };
        let by = Opener::new(at.time, segment);
        let added = self.flow.coverage.add(from, end, by);
        self.flow.bytes += added.new;
        let fin_again = self.take_fin(at);
        let mut verdict = if segment.payload_len == 0 {
            match fin_again {
                None if !flags.contains(TcpFlags::SYN) => {
                    return Verdict::decided(SegmentClass::Control);
                }
                None | Some(false) => Verdict::decided(SegmentClass::New),
                Some(true) => self.why_again(peer, at, start, end + 1),
            }
        } else if added.new == 0 {
            self.why_again(peer, at, start, end)
        } else if peer_closed && segment.payload_len == 1 && start == high {
            Verdict::decided(SegmentClass::WindowProbe)
        } else if start >= high {
            // One byte more is a probe.
            let beyond = |edge: SeqNumber| segment.seq_end().ahead_of(edge) > 1;
            match peer.live.window.right_edge {
                Some(edge) if beyond(edge) => {
                    Verdict::new(SegmentClass::BeyondWindow, Certainty::Inferred)
                }
                _ => Verdict::decided(SegmentClass::New),
            }
        } else if added.new < u64::from(segment.payload_len) {
            Verdict::decided(SegmentClass::Overlap)
        } else {
            let first = self.flow.first.map(|f| Opener::new(f.time, &f.segment));
            self.before_others(peer, at, added.filled.or(first))
        };
        verdict.new_bytes = added.new;
        self.count(&verdict, &added, peer, segment);
        self.resent(at, start, end, verdict.class);
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
                self.flow.causes.timeout += 1;
                Some(Verdict::decided(SegmentClass::Retransmission(Cause::Timeout)))
            }
        }
    }

    fn begin_at(&mut self, isn: SeqNumber) {
        (self.flow.isn, self.flow.base) = (Some(isn), isn + 1);
        self.flow.is.begun = true;
    }

    /// Whether there was a FIN before; `None` where the segment has none.
    fn take_fin(&mut self, at: &Sighting) -> Option<bool> {
        at.segment.flags.contains(TcpFlags::FIN).then(|| {
            self.flow.fins += 1;
            let again = self.flow.fin.is_some();
            self.flow.fin.get_or_insert(*at);
            again
        })
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
    fn has_acked(&self, offset: i64, other: &Self) -> bool {
        self.flow.acked.is_some_and(|ack| other.flow.offset(ack) >= offset)
    }

    /// Why a segment was sent of which nothing is new.
    fn why_again(&self, peer: &End<'_>, at: &Sighting, start: i64, end: i64) -> Verdict {
        let (cause, certainty) = if peer.has_acked(end, self) {
            (Cause::Spurious, Certainty::Decided)
        } else if let Some((cause, until)) = self.live.rare().and_then(|rare| rare.recovery)
            && start < until
        {
            (cause, Certainty::Inferred)
        } else if self.is_asked_for(peer, start) {
            (Cause::Fast, Certainty::Inferred)
        } else {
            let silent = at.time.since(self.live.sent_at);
            let tail = end >= self.flow.coverage.high();
            match silent {
                MIN_TIMEOUT.. => (Cause::Timeout, Certainty::Inferred),
                // Two round trips without an answer (RFC 8985 §7.2), but no timeout yet.
                _ if tail && self.flow.rtt.shortest().is_some_and(|rtt| silent / 2 >= rtt) => {
                    (Cause::TailProbe, Certainty::Inferred)
                }
                _ => (Cause::Unknown, Certainty::Undecidable),
            }
        };
        Verdict::new(SegmentClass::Retransmission(cause), certainty)
    }

    /// Whether the other end has said that the byte at `start` is missing.
    fn is_asked_for(&self, peer: &End<'_>, start: i64) -> bool {
        let sacked = peer.live.rare().and_then(|rare| rare.sacked);
        let selectively = sacked.is_some_and(|end| self.flow.offset(end) > start);
        selectively
            || (peer.live.duplicates >= 3
                && peer.flow.acked.is_some_and(|ack| self.flow.offset(ack) == start))
    }

    /// What a segment is of which all is new, although later bytes had been seen: `opened` showed them first.
    fn before_others(&self, peer: &End<'_>, at: &Sighting, opened: Option<Opener>) -> Verdict {
        use Certainty::{Decided, Inferred, Undecidable};

        let ours = Opener::new(at.time, &at.segment);
        let again =
            |certainty| Verdict::new(SegmentClass::Retransmission(Cause::Unknown), certainty);
        let late = |certainty| Verdict::new(SegmentClass::OutOfOrder, certainty);
        let Some(opened) = opened else { return late(Undecidable) };
        let clock = match (ours.sent, opened.sent) {
            (Some(ours), Some(theirs)) => ours.ahead_of(theirs),
            _ => 0,
        };
        // Counted up for each packet by many stacks, at random by others.
        let counter = match (ours.ip_id, opened.ip_id) {
            (0, _) | (_, 0) => 0,
            (ours, theirs) => ours.wrapping_sub(theirs).cast_signed(),
        };
        let age = at.time.since(opened.time);
        let verdict = if clock != 0 {
            if clock > 0 { again(Decided) } else { late(Decided) }
        } else if counter != 0 && counter.unsigned_abs() < COUNTER_RANGE {
            if counter > 0 { again(Inferred) } else { late(Inferred) }
        } else if self.flow.rtt.shortest().is_some_and(|rtt| age < rtt / 2) {
            // Nobody resends sooner than the news of the gap can arrive.
            late(Inferred)
        } else if self.is_asked_for(peer, self.flow.offset(at.segment.seq)) || age >= MIN_TIMEOUT {
            again(Inferred)
        } else {
            late(Undecidable)
        };
        if verdict.class == SegmentClass::OutOfOrder {
            return verdict;
        }
        let start = self.flow.offset(at.segment.seq);
        let cause = self.why_again(peer, at, start, start + i64::from(at.segment.payload_len));
        Verdict { class: cause.class, ..verdict }
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
        if matches!(cause, Cause::Timeout | Cause::Fast) {
            rare.recovery.get_or_insert_with(|| (cause, self.flow.coverage.high()));
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

/// The shortest retransmission timeout of common stacks, in nanoseconds: Linux's.
const MIN_TIMEOUT: i64 = 200_000_000;

/// IP identifications further apart than this do not come from one counter.
const COUNTER_RANGE: u16 = 1_024;
