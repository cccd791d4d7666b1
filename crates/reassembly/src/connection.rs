//! One use of a four-tuple.

use crosscap_packet::{Endpoint, FrameRef, IcmpError, TcpFlags, Timestamp};

use crate::flow::Verdict;
use crate::history::History;
use crate::silence::is_silence;
use crate::state::{self, EndState};
use crate::{ConnState, Flow, Pause, Phase, Reset, SegmentClass, Sighting, Silence, Silences};

/// Who sent a packet.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Direction {
    /// The originator, to the responder.
    Orig,
    /// The responder, to the originator.
    Resp,
}

impl Direction {
    /// Both directions.
    pub const BOTH: [Self; 2] = [Self::Orig, Self::Resp];

    /// The other direction.
    #[must_use]
    pub const fn reverse(self) -> Self {
        match self {
            Self::Orig => Self::Resp,
            Self::Resp => Self::Orig,
        }
    }
}

/// How long the responder took: from the last byte of a request to the first byte of what it sent next.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Wait {
    /// The packet with the last byte of the request.
    pub request: Sighting,
    /// The packet with the first byte of the answer.
    pub answer: Sighting,
}

impl Wait {
    /// Its length in nanoseconds.
    #[must_use]
    pub fn nanos(&self) -> i64 {
        self.answer.time.since(self.request.time)
    }
}

/// The ICMP errors about a connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct IcmpErrors {
    /// How many were captured.
    pub count: u64,
    /// When the first was.
    pub time: Timestamp,
    /// The frame of the first.
    pub frame: FrameRef,
    /// What the first says.
    pub first: IcmpError,
}

/// A TCP connection as one observation point saw it.
#[derive(Clone, Debug)]
pub struct Connection {
    /// The end that opened it.
    pub orig: Endpoint,
    /// The end that was called.
    pub resp: Endpoint,
    /// Which use of the four-tuple this is, from 1.
    pub incarnation: u32,
    /// Long silences; `None` where there was none.
    pub silences: Option<Box<Silences>>,
    /// The longest time the responder took to answer, where it ever did.
    pub longest_wait: Option<Box<Wait>>,
    /// ICMP errors that quote its segments; `None` where there was none.
    pub icmp_errors: Option<Box<IcmpErrors>>,
    /// The longest time between two packets that follow each other, whoever sent them; `None` while there is one packet.
    pub longest_pause: Option<Pause>,
    /// From the SYN to the SYN-ACK in nanoseconds: to the responder and back. `None` where either was sent twice.
    pub syn_rtt: Option<i64>,
    /// From the SYN-ACK to the originator's answer in nanoseconds. `None` where the SYN-ACK was sent twice.
    pub ack_rtt: Option<i64>,
    pub(crate) first_frame: FrameRef,
    pub(crate) flows: [Flow; 2],
    pub(crate) history: History,
    /// The last new payload of the originator, until the responder sends any.
    pub(crate) unanswered: Option<Sighting>,
}

impl Connection {
    pub(crate) fn new(orig: Endpoint, resp: Endpoint, incarnation: u32) -> Self {
        Self {
            orig,
            resp,
            incarnation,
            silences: None,
            longest_wait: None,
            icmp_errors: None,
            longest_pause: None,
            syn_rtt: None,
            ack_rtt: None,
            first_frame: FrameRef::new(0, 0),
            flows: Default::default(),
            history: History::default(),
            unanswered: None,
        }
    }

    /// The first packet of either end.
    #[must_use]
    pub fn first(&self) -> Sighting {
        self.ends(|flow| flow.first, |one, other| one.frame < other.frame)
    }

    /// The last packet of either end that was no copy.
    #[must_use]
    pub fn last(&self) -> Sighting {
        self.ends(|flow| flow.last, |one, other| one.frame > other.frame)
    }

    /// Of what both flows have, the one that `goes_first`.
    fn ends(
        &self,
        of: fn(&Flow) -> Option<Sighting>,
        goes_first: fn(&Sighting, &Sighting) -> bool,
    ) -> Sighting {
        match [of(&self.flows[0]), of(&self.flows[1])] {
            [Some(orig), Some(resp)] => {
                if goes_first(&orig, &resp) {
                    orig
                } else {
                    resp
                }
            }
            [Some(only), None] | [None, Some(only)] => only,
            [None, None] => unreachable!("a connection begins with a packet"),
        }
    }

    /// What one end sent.
    #[must_use]
    pub fn flow(&self, direction: Direction) -> &Flow {
        &self.flows[direction as usize]
    }

    /// Both initial sequence numbers, originator's first, where both were captured.
    #[must_use]
    pub fn isn_pair(&self) -> Option<[u32; 2]> {
        let [orig, resp] = &self.flows;
        Some([orig.isn?.0, resp.isn?.0])
    }

    /// Whether no SYN of either end was captured: the capture began in midstream, or these packets belong to a
    /// connection that has another four-tuple.
    #[must_use]
    pub fn is_midstream(&self) -> bool {
        self.flows.iter().all(|f| f.isn.is_none())
    }

    /// Zeek's `conn_state`.
    #[must_use]
    pub fn conn_state(&self) -> ConnState {
        let [orig, resp] = &self.flows;
        state::conn_state(orig.state, resp.state, orig.bytes + resp.bytes > 0)
    }

    /// Zeek's `history`.
    #[must_use]
    pub fn history(&self) -> &str {
        self.history.as_str()
    }

    /// Whether either end has sent a RST.
    #[must_use]
    pub fn is_reset(&self) -> bool {
        self.flows.iter().any(|f| f.reset.is_some())
    }

    /// Whether both ends have sent a FIN.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.flows.iter().all(|f| f.fin.is_some())
    }

    /// The first FIN or RST of either end, and whose it is.
    #[must_use]
    pub fn first_close(&self) -> Option<(Direction, Sighting)> {
        let closings = Direction::BOTH.map(|end| Some((end, self.flow(end).closing()?)));
        closings.into_iter().flatten().min_by_key(|(_, at)| at.frame)
    }

    /// How long one end had closed and the other had not, in nanoseconds: from the first FIN to the first FIN or RST of
    /// the other end. `None` where either is missing.
    #[must_use]
    pub fn half_closed(&self) -> Option<i64> {
        let (first, fin) = self.first_close()?;
        self.flow(first).fin.filter(|at| at.frame == fin.frame)?;
        Some(self.flow(first.reverse()).closing()?.time.since(fin.time))
    }

    /// The last new payload of the originator, where the responder has sent no payload since.
    #[must_use]
    pub fn unanswered_request(&self) -> Option<Sighting> {
        self.unanswered
    }

    /// The direction of a packet from `src`.
    pub(crate) fn direction_from(&self, src: Endpoint) -> Direction {
        if src == self.orig { Direction::Orig } else { Direction::Resp }
    }

    pub(crate) fn icmp_error(&mut self, frame: FrameRef, time: Timestamp, error: &IcmpError) {
        let new = || Box::new(IcmpErrors { count: 0, time, frame, first: *error });
        self.icmp_errors.get_or_insert_with(new).count += 1;
    }

    pub(crate) fn push(&mut self, direction: Direction, at: Sighting) -> Verdict {
        let segment = at.segment;
        let before = self.flows.iter().any(|f| f.packets > 0).then(|| self.last());
        if before.is_none() {
            self.first_frame = at.frame;
        }
        // A handshake that waits for its next try is no silence of a connection.
        let talking = self.flows.iter().all(|f| f.packets > 0)
            && self.flows.iter().any(|f| f.packets - u64::from(f.copies) > u64::from(f.syns));
        let [orig, resp] = &mut self.flows;
        let (flow, peer) = match direction {
            Direction::Orig => (orig, resp),
            Direction::Resp => (resp, orig),
        };
        let verdict = flow.push(peer, at);
        if verdict.class == SegmentClass::Copy {
            return verdict;
        }
        let reset = segment.flags.contains(TcpFlags::RST);
        if let Some(before) = before {
            let pause = Pause { before: before.into(), after: at.into() };
            if self.longest_pause.is_none_or(|old| old.nanos() < pause.nanos()) {
                self.longest_pause = Some(pause);
            }
            if talking {
                self.listen(direction, before, at, reset);
            }
        }
        self.time_handshake(direction, &at);
        self.measure_wait(direction, at, &verdict);
        self.write_history(direction, &at, &verdict);
        self.advance_state(direction, &at);
        if self.is_closed() || self.is_reset() {
            self.flows.iter_mut().for_each(Flow::closed);
        }
        if reset {
            let flow = &mut self.flows[direction as usize];
            let own_ttl = flow.first.filter(|first| first.frame != at.frame);
            let own_ttl = own_ttl.map(|first| first.segment.ttl == segment.ttl);
            flow.reset.get_or_insert_with(|| Box::new(Reset::new(at, own_ttl)));
        }
        verdict
    }

    fn time_handshake(&mut self, direction: Direction, at: &Sighting) {
        let flags = at.segment.flags;
        let [orig, resp] = &self.flows;
        match direction {
            Direction::Resp if flags.contains(TcpFlags::SYN | TcpFlags::ACK) => {
                let syn = orig.first.filter(|_| (orig.syns, resp.syns) == (1, 1));
                self.syn_rtt = syn.map(|syn| at.time.since(syn.time));
            }
            Direction::Orig
                if self.ack_rtt.is_none()
                    && flags.contains(TcpFlags::ACK)
                    && !flags.contains(TcpFlags::RST)
                    && resp.syns == 1 =>
            {
                // Only the first answer is one.
                let syn_ack = resp.first.filter(|s| {
                    s.segment.flags.contains(TcpFlags::SYN) && at.segment.ack == s.segment.seq + 1
                });
                self.ack_rtt = syn_ack.map(|s| at.time.since(s.time));
            }
            _ => {}
        }
    }

    fn listen(&mut self, direction: Direction, before: Sighting, at: Sighting, reset: bool) {
        if is_silence(before.time, at.time) {
            let phase = if self.flows.iter().any(|f| f.fin.is_some_and(|fin| fin.frame < at.frame))
            {
                Phase::HalfClosed
            } else {
                Phase::Established
            };
            let silence = Silence { before, after: at, first_speaker: direction, phase };
            self.silences.get_or_insert_default().broken(silence);
        }
        if !reset && let Some(silences) = &mut self.silences {
            silences.heard(direction);
        }
    }

    fn measure_wait(&mut self, direction: Direction, at: Sighting, verdict: &Verdict) {
        if verdict.new_bytes == 0 {
            return;
        }
        match direction {
            Direction::Orig => self.unanswered = Some(at),
            Direction::Resp => {
                if let Some(request) = self.unanswered.take() {
                    let wait = Wait { request, answer: at };
                    if self.longest_wait.as_ref().is_none_or(|old| old.nanos() < wait.nanos()) {
                        self.longest_wait = Some(Box::new(wait));
                    }
                }
            }
        }
    }

    fn write_history(&mut self, direction: Direction, at: &Sighting, verdict: &Verdict) {
        let flow = &self.flows[direction as usize];
        let case = |letter: u8| match direction {
            Direction::Orig => letter.to_ascii_uppercase(),
            Direction::Resp => letter,
        };
        let flags = at.segment.flags;
        let history = &mut self.history;
        let has = |flag| flags.contains(flag);
        let (syn, fin, reset) = (has(TcpFlags::SYN), has(TcpFlags::FIN), has(TcpFlags::RST));
        if syn && (fin || reset) {
            history.push_once(case(b'q'));
        } else if fin && reset {
            history.push_once(case(b'i'));
        }
        if syn && !verdict.is_resent() {
            history.push(case(if has(TcpFlags::ACK) { b'h' } else { b's' }));
        }
        if verdict.new_bytes > 0 {
            history.push_once(case(b'd'));
        }
        if matches!(verdict.class, SegmentClass::Retransmission(_)) && !syn {
            // A SYN sent again has no letter, and must not use up the first.
            let syns = flow.syns.saturating_sub(1);
            history.push_logarithmic(case(b't'), flow.retransmits.saturating_sub(syns).into());
        }
        if fin && flow.fin.is_some_and(|first| first.frame == at.frame) {
            history.push(case(b'f'));
        }
        if reset {
            // Again only for another sequence number (Zeek).
            if flow.reset.as_ref().is_none_or(|r| r.at.segment.seq != at.segment.seq) {
                history.push(case(b'r'));
            }
        } else if !syn && !fin && at.segment.payload_len == 0 && !verdict.is_probe() {
            history.push_once(case(b'a'));
        }
        if at.segment.window == 0 && flow.zero_windows > 0 && !(syn || fin || reset) {
            history.push_logarithmic(case(b'w'), flow.zero_windows.into());
        }
        if verdict.acked_gap {
            let peer = direction.reverse();
            let letter = if peer == Direction::Orig { b'G' } else { b'g' };
            history.push_logarithmic(letter, self.flows[peer as usize].gaps.into());
        }
    }

    fn advance_state(&mut self, direction: Direction, at: &Sighting) {
        let flags = at.segment.flags;
        let peer = self.flows[direction.reverse() as usize].state;
        let state = &mut self.flows[direction as usize].state;
        let has = |flag| flags.contains(flag);
        if has(TcpFlags::RST) {
            // After both have closed, a RST only tidies up.
            if !(*state == EndState::Closed && peer == EndState::Closed) {
                *state = EndState::Reset;
            }
            return;
        }
        match *state {
            EndState::Inactive if has(TcpFlags::SYN | TcpFlags::ACK) => {
                *state = EndState::SynAckSent
            }
            EndState::Inactive if has(TcpFlags::SYN) => *state = EndState::SynSent,
            EndState::Inactive => *state = EndState::Partial,
            EndState::SynSent if peer == EndState::SynAckSent && has(TcpFlags::ACK) => {
                *state = EndState::Established;
                self.flows[direction.reverse() as usize].state = EndState::Established;
            }
            _ => {}
        }
        let state = &mut self.flows[direction as usize].state;
        if has(TcpFlags::FIN) && *state != EndState::Reset {
            *state = EndState::Closed;
        }
    }

    /// Forgets what only further packets need.
    pub(crate) fn finish(&mut self) {
        self.flows.iter_mut().for_each(Flow::finish);
    }

    /// Bytes it takes while it is tracked, without silences and other rare things.
    #[cfg(test)]
    pub(crate) fn size(&self) -> usize {
        size_of::<Self>() + self.flows.iter().map(Flow::live_size).sum::<usize>()
    }

    /// Exchanges originator and responder: for a midstream guess that turned out wrong.
    pub fn flip(&mut self) {
        std::mem::swap(&mut self.orig, &mut self.resp);
        self.flows.swap(0, 1);
        self.history.flip();
        if let Some(silences) = &mut self.silences {
            silences.flip();
        }
        // Waits are the responder's; those measured belong to the other end.
        self.longest_wait = None;
        self.unanswered = None;
    }
}
