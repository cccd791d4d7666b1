//! What matching needs of each leg, a few hundred bytes, so that each connection is unpacked once.

use crosscap_packet::{Endpoint, FrameRef, SeqNumber, Timestamp};
use crosscap_reassembly::{Connection, Direction, Flow, Sighting};
use rayon::prelude::*;

use crate::selection::Kinds;
use crate::{Leg, Point};

/// One leg.
#[derive(Clone, Debug)]
pub(crate) struct LegKey {
    pub(crate) leg: Leg,
    pub(crate) orig: Endpoint,
    pub(crate) resp: Endpoint,
    pub(crate) flows: [FlowKey; 2],
    pub(crate) begin: Timestamp,
    /// From its first packet to its last, nanoseconds.
    pub(crate) lasted: i64,
    pub(crate) first_frame: FrameRef,
    pub(crate) incarnation: u32,
}

/// One direction of a leg.
#[derive(Clone, Debug, Default)]
pub(crate) struct FlowKey {
    pub(crate) isn: Option<SeqNumber>,
    pub(crate) first: Option<Sighting>,
    pub(crate) last: Option<Sighting>,
    /// Behind everything sent.
    pub(crate) next: Option<SeqNumber>,
    pub(crate) acked: Option<SeqNumber>,
    pub(crate) last_time: Option<Timestamp>,
    pub(crate) packets: u64,
    pub(crate) bytes: u64,
    pub(crate) syns: u32,
    /// It has sent a FIN.
    pub(crate) closed: bool,
    pub(crate) kinds: Kinds,
    /// Bytes between those captured were not.
    pub(crate) missed: bool,
}

/// All legs, in order of the points' names and of connections: what is found does not depend on the order of the points.
#[derive(Debug)]
pub(crate) struct Legs {
    pub(crate) keys: Vec<LegKey>,
    /// Where each point's legs begin.
    begins: Vec<usize>,
}

impl Legs {
    pub(crate) fn of(points: &[Point]) -> Self {
        let mut order: Vec<usize> = (0..points.len()).collect();
        order.sort_by_key(|&point| &points[point].name);
        let mut begins = vec![0; points.len()];
        let mut legs = Vec::new();
        for point in order {
            begins[point] = legs.len();
            let connections = 0..points[point].connections.len();
            legs.extend(connections.map(|connection| Leg {
                point,
                connection,
                stray: false,
                stage: 0,
            }));
        }
        let keys = legs.into_par_iter().map(|leg| LegKey::new(leg, &leg.of(points))).collect();
        Self { begins, keys }
    }

    pub(crate) fn key(&self, leg: Leg) -> &LegKey {
        &self.keys[self.place(leg)]
    }

    /// Those of a point, in order of connections.
    pub(crate) fn at(&self, point: usize) -> impl Iterator<Item = &LegKey> {
        self.keys[self.begins[point]..].iter().take_while(move |key| key.leg.point == point)
    }

    pub(crate) fn place(&self, leg: Leg) -> usize {
        self.begins[leg.point] + leg.connection
    }
}

impl LegKey {
    pub(crate) fn new(leg: Leg, c: &Connection) -> Self {
        Self {
            leg,
            orig: c.orig,
            resp: c.resp,
            flows: Direction::BOTH.map(|direction| FlowKey::new(c.flow(direction))),
            begin: c.first().time,
            lasted: c.last().time.since(c.first().time),
            first_frame: c.first().frame,
            incarnation: c.incarnation,
        }
    }

    pub(crate) fn flow(&self, direction: Direction) -> &FlowKey {
        &self.flows[direction as usize]
    }

    pub(crate) fn isns(&self) -> [Option<SeqNumber>; 2] {
        [self.flows[0].isn, self.flows[1].isn]
    }

    pub(crate) fn isn_pair(&self) -> Option<[SeqNumber; 2]> {
        Some([self.flows[0].isn?, self.flows[1].isn?])
    }

    pub(crate) fn is_midstream(&self) -> bool {
        self.flows.iter().all(|f| f.isn.is_none())
    }

    pub(crate) fn ends(&self) -> [Endpoint; 2] {
        [self.orig, self.resp]
    }

    /// Time of its last packet.
    pub(crate) fn end(&self) -> Timestamp {
        self.begin + self.lasted
    }

    /// See [`Connection::flip`].
    pub(crate) fn flip(&mut self) {
        std::mem::swap(&mut self.orig, &mut self.resp);
        self.flows.swap(0, 1);
    }

    /// Whether a SYN or SYN-ACK that each saw once was another one, by the clock of its sender: not even one sent again.
    pub(crate) fn contradicts(&self, other: &Self) -> bool {
        let sole = |flow: &FlowKey| {
            let stamps = flow.first.filter(|_| flow.syns == 1).and_then(|at| at.segment.timestamps);
            stamps.filter(|_| flow.isn.is_some()).map(|stamps| stamps.value)
        };
        let mut flows = self.flows.iter().zip(&other.flows);
        flows.any(|(a, b)| {
            let apart = sole(a).zip(sole(b)).map(|(a, b)| SeqNumber(a).ahead_of(SeqNumber(b)));
            apart.is_some_and(|ticks| ticks.unsigned_abs() > RETRYING)
        })
    }

    /// Whether both show the same packet, a host's translating it apart: the first or the last of either end.
    pub(crate) fn shares_packets(&self, other: &Self) -> bool {
        let same = |x: Option<Sighting>, y: Option<Sighting>| {
            x.zip(y).is_some_and(|(x, y)| {
                x.segment.is_copy_of(&y.segment)
                    && x.time.since(y.time).unsigned_abs() < TRANSLATING
            })
        };
        let mut flows = self.flows.iter().zip(&other.flows);
        flows.any(|(a, b)| same(a.first, b.first) || same(a.last, b.last))
    }

    /// The sequence numbers of one end that the leg tells of, from the first to behind the last: those that it saw, or
    /// where it saw none, those that were acknowledged.
    pub(crate) fn range(&self, direction: Direction) -> Option<[SeqNumber; 2]> {
        let flow = self.flow(direction);
        if let (Some(first), Some(next)) = (flow.first, flow.next) {
            return Some([first.segment.seq, next]);
        }
        let back = self.flow(direction.reverse());
        // A SYN acknowledges nothing yet.
        let first = back.first.filter(|s| s.segment.flags.contains(crosscap_packet::TcpFlags::ACK));
        let acked = back.acked?;
        Some([first.map_or(acked, |first| first.segment.ack), acked])
    }
}

impl FlowKey {
    fn new(flow: &Flow) -> Self {
        Self {
            isn: flow.isn,
            first: flow.first,
            last: flow.last_news(),
            next: flow.next_seq(),
            acked: flow.acked,
            last_time: flow.last.map(|last| last.time),
            packets: flow.packets,
            bytes: flow.bytes,
            syns: flow.syns,
            closed: flow.fin.is_some(),
            kinds: kinds(flow),
            missed: flow.missing_bytes() > 0,
        }
    }
}

/// Of the packets that an end sent.
fn kinds(flow: &Flow) -> Kinds {
    let marked = u64::from(flow.syns) + u64::from(flow.fins) + u64::from(flow.rsts);
    let others = flow.packets > marked + u64::from(flow.copies);
    Kinds::default()
        .with(Kinds::SYN, flow.syns > 0)
        .with(Kinds::FIN, flow.fins > 0)
        .with(Kinds::RESET, flow.rsts > 0)
        .with(Kinds::PAYLOAD, others && flow.bytes > 0)
        .with(Kinds::BARE, others && flow.bytes == 0)
}

/// How long a SYN is sent again, in ticks of the fastest usual clock: two minutes by default on Linux.
const RETRYING: u32 = 200_000;

/// How long a host takes at most to translate a packet, nanoseconds.
const TRANSLATING: u64 = 100_000_000;
