//! The numbers that flows are made of.

use crosscap_packet::{SeqNumber, Timestamp};

use super::live::Rare;
use super::rtt::Timing;
use super::{Flow, Live, Sighting};
use crate::Cause;
use crate::coverage::Opener;
use crate::pack::Code;
use crate::pack::fields::{NOTHING, optional_seq, seq, sighting, time};
use crate::state::EndState;

/// A packet that may be one of some that are known already.
pub(crate) struct Pointer;

impl Pointer {
    /// `like` is what it resembles where it is none of them.
    pub(crate) fn code<C: Code>(
        c: &mut C,
        at: &mut Sighting,
        known: &[Option<Sighting>],
        like: &Sighting,
    ) {
        let mut which = 0;
        if !C::READS {
            let found = known.iter().position(|k| *k == Some(*at));
            which = found.map_or(0, |i| i as u64 + 1);
        }
        c.number(&mut which);
        let place = usize::try_from(which).unwrap_or(0).checked_sub(1);
        match place.and_then(|i| known.get(i).copied().flatten()) {
            Some(same) => *at = same,
            None => sighting(c, at, like),
        }
    }
}

impl Flow {
    pub(crate) fn is_small(&self) -> bool {
        self.coverage.hole_count() <= MAX_HOLES
    }

    /// All but its first packet, `first`, and the options of its SYN. `answer` is the first packet of the other end.
    pub(crate) fn code(&mut self, c: &mut impl Code, first: &Sighting, answer: &Sighting) {
        let mut is = [
            self.isn == Some(first.segment.seq),
            self.acked.is_some(),
            self.fin.is_some(),
            self.last.is_some(),
            self.last_is_news,
            self.rtt.count > 0,
            self.isn.is_some(),
            self.reset.is_some(),
            self.closed_windows.episodes > 0,
            self.keep_alive_interval.is_some(),
            self.closed_windows.closed_since.is_some(),
            self.is.copied > 0,
        ];
        c.flags(&mut is);
        let [isn_first, acked, fin, last, news, rtt, isn, reset, closed, interval, since, copied] =
            is;
        self.last_is_news = news;
        if copied {
            c.byte(&mut self.is.copied);
        }
        if isn_first {
            self.isn = Some(first.segment.seq);
        } else {
            optional_seq(c, &mut self.isn, isn, first.segment.seq);
        }
        seq(c, &mut self.base, first.segment.seq);
        self.coverage.code(c);
        c.near_u64(&mut self.bytes, self.coverage.high().unsigned_abs());
        c.number(&mut self.packets);
        let mut state = self.state as u8;
        c.byte(&mut state);
        self.state = EndState::from_u8(state);
        optional_seq(c, &mut self.acked, acked, answer.segment.seq);
        let known = [Some(*first), None, None];
        if fin {
            Pointer::code(c, self.fin.get_or_insert(NOTHING), &known, first);
        }
        let known = [Some(*first), self.fin, None];
        if last {
            let like = self.fin.unwrap_or(*first);
            Pointer::code(c, self.last.get_or_insert(NOTHING), &known, &like);
        }
        if reset {
            let known = [Some(*first), self.fin, self.last];
            let reset =
                self.reset.get_or_insert_with(|| Box::new(crate::Reset::new(NOTHING, None)));
            Pointer::code(c, &mut reset.at, &known, first);
            let mut is = [reset.own_ttl.is_some(), reset.own_ttl == Some(true)];
            c.flags(&mut is);
            **reset = crate::Reset::new(reset.at, is[0].then_some(is[1]));
        }
        self.code_counters(c);
        if rtt {
            self.rtt.code(c);
        }
        if closed {
            let z = &mut self.closed_windows;
            c.small(&mut z.episodes);
            c.near(&mut z.longest, 0);
            c.near(&mut z.total, z.longest);
        }
        let now = self.last.map_or(first.time, |last| last.time);
        c.option(&mut self.closed_windows.closed_since, since, |c, t| time(c, t, now));
        c.option(&mut self.keep_alive_interval, interval, |c, (min, max)| {
            c.near(min, 0);
            c.near(max, *min);
        });
    }

    /// What its next packets are judged by; see [`Self::code`].
    pub(crate) fn code_live(
        &self,
        c: &mut impl Code,
        live: &mut Live,
        first: &Sighting,
        answer: &Sighting,
    ) {
        let now = self.last.map_or(first.time, |last| last.time);
        let acked = self.acked.unwrap_or(answer.segment.seq);
        live.code(c, now, acked, self.coverage.high(), self.fin.as_ref());
    }

    fn code_counters(&mut self, c: &mut impl Code) {
        c.counters([
            &mut self.syns,
            &mut self.fins,
            &mut self.retransmits,
            &mut self.duplicate_acks,
            &mut self.rsts,
            &mut self.copies,
            &mut self.keep_alives,
            &mut self.out_of_order,
            &mut self.gaps,
            &mut self.causes.timeout,
            &mut self.causes.fast,
            &mut self.causes.tail_probe,
            &mut self.causes.spurious,
            &mut self.undecidable,
            &mut self.overlaps,
            &mut self.beyond_window,
            &mut self.window_full,
            &mut self.zero_windows,
            &mut self.window_probes,
        ]);
    }
}

impl Live {
    /// All of it. `now` is when the last packet of the flow came, `acked` near to what it acknowledged, and `high` the
    /// stream offset that it has come to.
    fn code(
        &mut self,
        c: &mut impl Code,
        now: Timestamp,
        acked: SeqNumber,
        high: i64,
        fin: Option<&Sighting>,
    ) {
        let mut is = [self.window.right_edge.is_some(), self.timing.is_some(), self.rare.is_some()];
        c.flags(&mut is);
        let [edge, timing, rare] = is;
        // A FIN is mostly the last that takes sequence space.
        time(c, &mut self.sent_at, fin.map_or(now, |fin| fin.time));
        c.short(&mut self.window.last);
        optional_seq(c, &mut self.window.right_edge, edge, acked);
        c.byte(&mut self.duplicates);
        if timing {
            self.timing.get_or_insert_with(Timing::nothing).code(c, now, high);
        }
        if rare {
            self.rare_mut().code(c, now, acked, high);
        }
    }
}

impl Rare {
    fn code(&mut self, c: &mut impl Code, now: Timestamp, acked: SeqNumber, high: i64) {
        let mut is = [
            self.last_keep_alive.is_some(),
            self.other_isn.is_some(),
            self.recovery.is_some(),
            self.sacked.is_some(),
            self.named.is_some(),
        ];
        c.flags(&mut is);
        let [kept, other_isn, recovery, sacked, named] = is;
        c.option(&mut self.last_keep_alive, kept, |c, t| time(c, t, now));
        optional_seq(c, &mut self.other_isn, other_isn, SeqNumber(0));
        optional_seq(c, &mut self.sacked, sacked, acked);
        if recovery {
            let (why, until) = self.recovery.get_or_insert((Cause::Unknown, 0));
            cause(c, why);
            c.near(until, high);
        }
        if named {
            let (offset, by) = self.named.get_or_insert((0, Opener::NOBODY));
            c.near(offset, high);
            by.code(c);
        }
        let mut is = self.resent.map(|slot| slot.is_some());
        c.flags(&mut is);
        for (slot, _) in self.resent.iter_mut().zip(is).filter(|(_, is)| *is) {
            let (start, end, why) = slot.get_or_insert((0, 0, Cause::Unknown));
            c.near(start, high);
            c.near(end, *start);
            cause(c, why);
        }
    }
}

fn cause(c: &mut impl Code, cause: &mut Cause) {
    const ALL: [Cause; 5] =
        [Cause::Unknown, Cause::Timeout, Cause::Fast, Cause::TailProbe, Cause::Spurious];
    let mut place = ALL.iter().position(|c| c == cause).unwrap_or(0) as u8;
    c.byte(&mut place);
    *cause = ALL.get(usize::from(place)).copied().unwrap_or(Cause::Unknown);
}

/// A flow with more is not packed: it takes more than the rest anyway.
const MAX_HOLES: usize = 16;
