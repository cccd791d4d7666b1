//! A connection that more packets may come for.

use crosscap_packet::{Endpoint, TcpFlags};

use crate::flow::{End, Live, Recent, Verdict};
use crate::silence::is_silence;
use crate::state::EndState;
use crate::{
    Connection, Direction, Flow, Pause, Phase, Reset, SegmentClass, Sighting, Silence, Wait,
};

/// A connection, and what its next packets are judged by.
///
/// What nearly every packet needs lies in the first cache lines of each part: with many connections, a packet costs
/// about as many waits for memory as it needs lines.
#[derive(Clone, Debug)]
pub(crate) struct Tracked {
    pub(crate) connection: Connection,
    pub(crate) live: [Live; 2],
}

/// What was found out about a connection and does not change any more.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct SoFar {
    /// Both ends have sent something, and one of them something other than SYNs.
    talking: bool,
    /// Both ends have closed, or one has sent a RST.
    ended: bool,
    /// That was told.
    has_left: bool,
    /// [`Connection::unanswered`] is there.
    asked: bool,
}

impl Tracked {
    pub(crate) fn new(orig: Endpoint, resp: Endpoint, incarnation: u32) -> Self {
        let connection = Connection::new(orig, resp, incarnation);
        Self { connection, live: Default::default() }
    }

    /// Sets what follows from the rest.
    pub(crate) fn catch_up(&mut self) {
        self.connection.catch_up();
        self.scale_windows();
    }

    /// See [`Connection::flip`].
    pub(crate) fn flip(&mut self) {
        self.connection.flip();
        self.live.swap(0, 1);
    }

    /// Takes the next packet.
    pub(crate) fn push(
        &mut self,
        direction: Direction,
        at: Sighting,
        recent: &mut Recent,
    ) -> Verdict {
        let Self { connection, live } = self;
        let before = connection.last;
        if before.is_none() {
            connection.first_frame = at.frame;
        }
        let silent = before.is_some_and(|before| is_silence(before.time, at.time));
        let silent_since = silent.then(|| connection.last());
        let [orig, resp] = &mut connection.flows;
        let [orig_live, resp_live] = live;
        let (mut orig, mut resp) = (End::new(orig, orig_live), End::new(resp, resp_live));
        let verdict = match direction {
            Direction::Orig => orig.push(&mut resp, at, recent),
            Direction::Resp => resp.push(&mut orig, at, recent),
        };
        if verdict.class == SegmentClass::Copy {
            return verdict;
        }
        connection.last = Some(at.into());
        let flags = at.segment.flags;
        if let Some(before) = before {
            let pause = Pause { before, after: at.into() };
            if connection.longest_pause.is_none_or(|old| old.nanos() < pause.nanos()) {
                connection.longest_pause = Some(pause);
            }
            // A handshake that waits for its next try is no silence of a connection.
            if connection.so_far.talking {
                connection.listen(direction, silent_since, at);
            }
        }
        connection.time_handshake(direction, &at);
        connection.measure_wait(direction, at, &verdict);
        connection.write_history(direction, &at, &verdict);
        connection.advance_state(direction, &at);
        if flags.contains(TcpFlags::RST) {
            connection.take_reset(direction, at);
        }
        if !connection.so_far.talking || flags.intersects(TcpFlags::FIN | TcpFlags::RST) {
            connection.so_far = SoFar::of(connection);
        }
        if flags.contains(TcpFlags::SYN) {
            self.scale_windows();
        }
        verdict
    }

    /// Whether it has ended; says so only once.
    pub(crate) fn is_leaving(&mut self) -> bool {
        let so_far = &mut self.connection.so_far;
        so_far.ended && !std::mem::replace(&mut so_far.has_left, true)
    }

    /// Bytes it takes, without silences and other rare things of the connection.
    #[cfg(test)]
    pub(crate) fn size(&self) -> usize {
        size_of::<Self>() + self.live.iter().map(Live::rare_size).sum::<usize>()
    }

    fn scale_windows(&mut self) {
        let [orig, resp] = &self.connection.flows;
        let shifts = [orig.window_scale(resp), resp.window_scale(orig)];
        for (live, shift) in self.live.iter_mut().zip(shifts) {
            live.scale_window(shift);
        }
    }
}

impl SoFar {
    pub(crate) fn of(connection: &Connection) -> Self {
        let has_said_more = |f: &Flow| f.packets - u64::from(f.copies) > u64::from(f.syns);
        let [orig, resp] = &connection.flows;
        let talking =
            (orig.packets > 0 && resp.packets > 0) && (has_said_more(orig) || has_said_more(resp));
        Self {
            talking,
            ended: connection.is_closed() || connection.is_reset(),
            has_left: connection.so_far.has_left,
            asked: connection.unanswered.is_some(),
        }
    }
}

impl Connection {
    /// Sets what follows from the rest.
    pub(crate) fn catch_up(&mut self) {
        self.last = Some(self.last().into());
        self.flows.iter_mut().for_each(Flow::catch_up);
        self.so_far = SoFar::of(self);
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

    /// A packet came; `silent_since` is the one before, where that was long ago.
    fn listen(&mut self, direction: Direction, silent_since: Option<Sighting>, at: Sighting) {
        if let Some(before) = silent_since {
            let closed = |f: &Flow| f.fin.is_some_and(|fin| fin.frame < at.frame);
            let phase =
                if self.flows.iter().any(closed) { Phase::HalfClosed } else { Phase::Established };
            let silence = Silence { before, after: at, first_speaker: direction, phase };
            self.silences.get_or_insert_default().broken(silence);
        }
        if !at.segment.flags.contains(TcpFlags::RST)
            && let Some(silences) = &mut self.silences
        {
            silences.heard(direction);
        }
    }

    fn measure_wait(&mut self, direction: Direction, at: Sighting, verdict: &Verdict) {
        if verdict.new_bytes == 0 {
            return;
        }
        match direction {
            Direction::Orig => {
                self.unanswered = Some(at);
                self.so_far.asked = true;
            }
            Direction::Resp => {
                if std::mem::take(&mut self.so_far.asked)
                    && let Some(request) = self.unanswered.take()
                {
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
        // As Zeek's `update_history` does: what has several flags is nothing else.
        match (syn, fin, reset) {
            (_, true, true) => history.push_once(case(b'i')),
            (true, true, _) | (true, _, true) => history.push_once(case(b'q')),
            (true, ..) if verdict.is_resent() => {}
            (true, ..) => history.push(case(if has(TcpFlags::ACK) { b'h' } else { b's' })),
            (_, true, _) => {
                let end = |at: &Sighting| at.segment.seq_end();
                if flow.fin.is_some_and(|first| first == *at || end(&first) != end(at)) {
                    history.push(case(b'f'));
                }
            }
            // Again only for another sequence number.
            (.., true) => {
                let before = flow.reset.as_ref().map(|r| r.at.segment.seq);
                if before != Some(at.segment.seq) {
                    history.push(case(b'r'));
                }
            }
            _ if at.segment.payload_len > 0 => history.push_once(case(b'd')),
            _ if has(TcpFlags::ACK) => history.push_once(case(b'a')),
            _ => {}
        }
        if matches!(verdict.class, SegmentClass::Retransmission(_)) && !syn {
            // A SYN sent again has no letter, and must not use up the first.
            let syns = flow.syns.saturating_sub(1);
            history.push_logarithmic(case(b't'), flow.retransmits.saturating_sub(syns).into());
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

    /// As Zeek's `UpdateStateMachine` does.
    fn advance_state(&mut self, direction: Direction, at: &Sighting) {
        use EndState::{Closed, Established, Inactive, Partial, Reset, SynAckSent, SynSent};

        let has = |flag| at.segment.flags.contains(flag);
        let (syn, ack) = (has(TcpFlags::SYN), has(TcpFlags::ACK));
        let (fin, reset) = (has(TcpFlags::FIN), has(TcpFlags::RST));
        let [orig, resp] = &mut self.flows;
        let (flow, peer) = match direction {
            Direction::Orig => (orig, resp),
            Direction::Resp => (resp, orig),
        };
        if reset {
            // After both have closed, a RST only tidies up.
            if (flow.state, peer.state) != (Closed, Closed) {
                flow.state = Reset;
            }
            return;
        }
        match flow.state {
            Inactive if syn && direction == Direction::Resp => {
                // Also without ACK: a simultaneous open.
                flow.state = Established;
                if peer.state == SynSent {
                    peer.state = Established;
                }
            }
            Inactive if syn => flow.state = if ack { SynAckSent } else { SynSent },
            // An ACK before the SYN-ACK does not make a connection in midstream.
            Inactive if peer.state == SynSent && at.segment.payload_len == 0 => {}
            Inactive if ack && peer.state == Established => flow.state = Established,
            Inactive => flow.state = Partial,
            Partial if syn && !ack && peer.state == Inactive => flow.state = SynSent,
            _ => {}
        }
        if fin && flow.state != Reset {
            flow.state = Closed;
            // It reset after its FIN: still an ordinary end.
            if peer.state == Reset && peer.fin.is_some() {
                peer.state = Closed;
            }
        }
    }

    fn take_reset(&mut self, direction: Direction, at: Sighting) {
        let flow = &mut self.flows[direction as usize];
        let own_ttl = flow.first.filter(|first| first.frame != at.frame);
        let own_ttl = own_ttl.map(|first| first.segment.ttl == at.segment.ttl);
        flow.reset.get_or_insert_with(|| Box::new(Reset::new(at, own_ttl)));
    }
}
