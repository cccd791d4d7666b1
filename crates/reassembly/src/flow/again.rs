//! Why something was sent again.

use crosscap_packet::TcpFlags;

use super::judge::Verdict;
use super::{End, Flow, Sighting};
use crate::coverage::Opener;
use crate::{Cause, Certainty, SegmentClass};

impl End<'_> {
    /// Why a segment was sent that had been sent before.
    pub(super) fn why_again(&self, peer: &End<'_>, at: &Sighting, start: i64, end: i64) -> Verdict {
        let (cause, certainty) = if peer.has_acked(end, self) {
            (Cause::Spurious, Certainty::Decided)
        } else if self.is_tail_probe(peer, at, start, end) {
            (Cause::TailProbe, Certainty::Inferred)
        } else if self.has_timed_out(peer, at, start) {
            (Cause::Timeout, Certainty::Inferred)
        } else if let Some((cause, until)) = self.live.rare().and_then(|rare| rare.recovery)
            && start < until
        {
            (cause, Certainty::Inferred)
        } else if self.is_asked_for(peer, start) {
            (Cause::Fast, Certainty::Inferred)
        } else {
            (Cause::Unknown, Certainty::Undecidable)
        };
        Verdict::new(SegmentClass::Retransmission(cause), certainty)
    }

    /// Why a SYN was sent again: only a timer does that. A SYN-ACK also answers each SYN (RFC 9293 §3.10.7.4), captured or
    /// not.
    pub(super) fn why_syn_again(&self, peer: &End<'_>, flags: TcpFlags) -> (Cause, Certainty) {
        let asked = peer.flow.last.is_some_and(|last| {
            last.segment.flags.contains(TcpFlags::SYN) && last.time.since(self.live.sent_at) >= 0
        });
        match (flags.contains(TcpFlags::ACK), asked) {
            (false, _) => (Cause::Timeout, Certainty::Decided),
            (true, false) => (Cause::Timeout, Certainty::Inferred),
            (true, true) => (Cause::Unknown, Certainty::Undecidable),
        }
    }

    /// Whether it is the last segment, sent for the second time after two round trips without an answer (RFC 8985 §7.2).
    ///
    /// Linux waits 200 ms more where nothing else is on its way. That is about when the timer would run out: stacks that
    /// take selective acknowledgements probe first.
    fn is_tail_probe(&self, peer: &End<'_>, at: &Sighting, start: i64, end: i64) -> bool {
        let silent = at.time.since(self.live.sent_at);
        let (shortest, longest) = (self.flow.rtt.shortest(), self.flow.rtt.longest());
        let selective = |flow: &Flow| flow.syn_options.is_some_and(|o| o.sack_permitted);
        let latest = if selective(self.flow) && selective(peer.flow) {
            longest.unwrap_or_default().saturating_mul(2).saturating_add(MIN_TIMEOUT + TICK)
        } else {
            MIN_TIMEOUT - 1
        };
        let rare = self.live.rare();
        let again = rare.is_some_and(|rare| {
            rare.resent.iter().flatten().any(|(from, to, _)| (*from..*to).contains(&start))
        });
        end >= self.flow.coverage.high()
            && !again
            && rare.is_none_or(|rare| rare.recovery.is_none_or(|(_, until)| start >= until))
            && !self.is_asked_for(peer, start)
            && silent >= shortest.map_or(MIN_TIMEOUT, |rtt| rtt.saturating_mul(2))
            && silent <= latest
    }

    /// Whether its end had waited as long as the shortest timeouts, and heard nothing that it could have answered.
    fn has_timed_out(&self, peer: &End<'_>, at: &Sighting, start: i64) -> bool {
        // An answer to what passed here may come as late as from the far end and back.
        let rtt = |flow: &Flow| flow.rtt.shortest().unwrap_or_default();
        let least = rtt(self.flow).saturating_add(rtt(peer.flow)).saturating_add(MIN_TIMEOUT);
        let waits = |since| at.time.since(since) >= least;
        let oldest = self
            .live
            .timing
            .filter(|_| peer.flow.acked.is_some_and(|ack| self.flow.offset(ack) == start));
        peer.flow.last.is_none_or(|last| waits(last.time))
            && (waits(self.live.sent_at) || oldest.is_some_and(|t| waits(t.time())))
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
    pub(super) fn before_others(
        &self,
        peer: &End<'_>,
        at: &Sighting,
        opened: Option<Opener>,
    ) -> Verdict {
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
}

/// The shortest retransmission timeout of common stacks, in nanoseconds: Linux's.
const MIN_TIMEOUT: i64 = 200_000_000;

/// By how much timers may be late, in nanoseconds: two ticks of the slowest common clock.
const TICK: i64 = 20_000_000;

/// IP identifications further apart than this do not come from one counter.
const COUNTER_RANGE: u16 = 1_024;
