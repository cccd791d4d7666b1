//! One use of a four-tuple.

use crosscap_packet::{Endpoint, FrameRef, IcmpError, Timestamp};

use crate::history::History;
use crate::state;
use crate::tracked::SoFar;
use crate::{ConnState, Flow, Moment, Pause, Sighting, Silences};

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
///
/// In the order in which packets need it.
#[derive(Clone, Debug)]
#[repr(C)]
pub struct Connection {
    /// The end that opened it.
    pub orig: Endpoint,
    /// The end that was called.
    pub resp: Endpoint,
    pub(crate) history: History,
    /// The longest time between two packets that follow each other, whoever sent them; `None` while there is one packet.
    pub longest_pause: Option<Pause>,
    /// The last packet that was no copy.
    pub(crate) last: Option<Moment>,
    pub(crate) so_far: SoFar,
    /// Long silences; `None` where there was none.
    pub silences: Option<Box<Silences>>,
    /// From the SYN-ACK to the originator's answer in nanoseconds. `None` where the SYN-ACK was sent twice.
    pub ack_rtt: Option<i64>,
    /// The last new payload of the originator, until the responder sends any.
    pub(crate) unanswered: Option<Sighting>,
    /// The longest time the responder took to answer, where it ever did.
    pub longest_wait: Option<Box<Wait>>,
    /// From the SYN to the SYN-ACK in nanoseconds: to the responder and back. `None` where either was sent twice.
    pub syn_rtt: Option<i64>,
    /// ICMP errors that quote its segments; `None` where there was none.
    pub icmp_errors: Option<Box<IcmpErrors>>,
    pub(crate) first_frame: FrameRef,
    /// Which use of the four-tuple this is, from 1.
    pub incarnation: u32,
    pub(crate) flows: [Flow; 2],
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
            last: None,
            so_far: SoFar::default(),
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
        state::conn_state(orig.state, resp.state, orig.bytes + resp.bytes > 0, self.history())
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
        self.so_far = SoFar::of(self);
    }
}
