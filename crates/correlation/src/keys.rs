//! What matching needs of each leg, some 370 bytes, so that each connection is unpacked once.

use crosscap_packet::{
    Endpoint, FrameRef, OptionSummary, Segment, SeqNumber, TcpFlags, TcpTimestamps, Timestamp,
};
use crosscap_reassembly::{Connection, Direction, Flow, Sighting};
use rayon::prelude::*;

use crate::resolution::resolution;
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
    /// How coarse times of its point are, nanoseconds.
    pub(crate) resolution: u32,
}

/// One direction of a leg.
#[derive(Clone, Debug, Default)]
pub(crate) struct FlowKey {
    pub(crate) isn: Option<SeqNumber>,
    pub(crate) first: Option<Glimpse>,
    /// The last packet, where it can be told from copies of earlier ones.
    pub(crate) last: Option<Glimpse>,
    /// Behind everything sent.
    pub(crate) next: Option<SeqNumber>,
    pub(crate) acked: Option<SeqNumber>,
    /// Of its last packet; of no meaning where there is none.
    pub(crate) last_time: Timestamp,
    pub(crate) packets: u64,
    pub(crate) bytes: u64,
    pub(crate) syns: u32,
    /// It has sent a FIN.
    pub(crate) closed: bool,
    pub(crate) kinds: Kinds,
    /// Bytes between those captured were not.
    pub(crate) missed: bool,
}

/// A packet that a leg remembers, without its frame and its options.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Glimpse {
    pub(crate) time: Timestamp,
    seq: SeqNumber,
    ack: SeqNumber,
    payload_len: u32,
    stamps: [u32; 2],
    window: u16,
    ip_id: u16,
    flags: TcpFlags,
    ttl: u8,
    is_stamped: bool,
}

impl Glimpse {
    fn of(at: Sighting) -> Self {
        let s = at.segment;
        let TcpTimestamps { value, echo_reply } = s.timestamps.unwrap_or_default();
        Self {
            time: at.time,
            seq: s.seq,
            ack: s.ack,
            payload_len: s.payload_len,
            stamps: [value, echo_reply],
            window: s.window,
            ip_id: s.ip_id,
            flags: s.flags,
            ttl: s.ttl,
            is_stamped: s.timestamps.is_some(),
        }
    }

    /// Its headers; of its options, the timestamps only.
    pub(crate) fn segment(&self) -> Segment {
        let [value, echo_reply] = self.stamps;
        Segment {
            seq: self.seq,
            ack: self.ack,
            flags: self.flags,
            window: self.window,
            ttl: self.ttl,
            ip_id: self.ip_id,
            payload_len: self.payload_len,
            timestamps: self.is_stamped.then_some(TcpTimestamps { value, echo_reply }),
            options: OptionSummary::Absent,
        }
    }
}

/// All legs, in order of the points' names and of connections: what is found does not depend on the order of the points.
#[derive(Debug)]
pub(crate) struct Legs {
    pub(crate) keys: Vec<LegKey>,
    /// Where each point's legs begin.
    begins: Vec<usize>,
    /// How coarse the times of each point are, nanoseconds; see [`resolution`].
    coarse: Vec<i64>,
}

impl Legs {
    pub(crate) fn of(points: &[Point]) -> Self {
        let mut order: Vec<usize> = (0..points.len()).collect();
        order.sort_by_key(|&point| &points[point].name);
        let mut begins = vec![0; points.len()];
        let mut keys = Vec::new();
        keys.reserve_exact(points.iter().map(|p| p.connections.len()).sum());
        for point in order {
            begins[point] = keys.len();
            let connections = (0..points[point].connections.len()).into_par_iter();
            keys.par_extend(connections.map(|connection| {
                let leg = Leg { point, connection, stray: false, stage: 0 };
                LegKey::new(leg, &leg.of(points))
            }));
        }
        let mut coarse = vec![0; points.len()];
        for mine in keys.chunk_by_mut(|a: &LegKey, b| a.leg.point == b.leg.point) {
            let seen = mine.iter().flat_map(|key| &key.flows).flat_map(|f| [f.first, f.last]);
            let resolution = resolution(seen.flatten().map(|at| at.time));
            coarse[mine[0].leg.point] = resolution;
            mine.iter_mut().for_each(|key| key.resolution = resolution as u32);
        }
        Self { keys, begins, coarse }
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

    /// How coarse the times of a point are, nanoseconds; 0 where it is as good as noise.
    pub(crate) fn resolution(&self, point: usize) -> i64 {
        self.coarse[point]
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
            resolution: 0,
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

    /// Whether only one end was captured.
    pub(crate) fn is_one_way(&self) -> bool {
        self.flows.iter().any(|flow| flow.first.is_none())
    }

    /// Whether a SYN or SYN-ACK that each saw once was another one, by the clock of its sender: not even one sent again.
    pub(crate) fn contradicts(&self, other: &Self) -> bool {
        let sole = |flow: &FlowKey| {
            let stamps =
                flow.first.filter(|_| flow.syns == 1).and_then(|at| at.segment().timestamps);
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
        let same = |x: Option<Glimpse>, y: Option<Glimpse>| {
            x.zip(y).is_some_and(|(x, y)| {
                x.segment().is_copy_of(&y.segment())
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
            return Some([first.segment().seq, next]);
        }
        let back = self.flow(direction.reverse());
        // A SYN acknowledges nothing yet.
        let first = back.first.filter(|s| s.segment().flags.contains(TcpFlags::ACK));
        let acked = back.acked?;
        Some([first.map_or(acked, |first| first.segment().ack), acked])
    }
}

impl FlowKey {
    fn new(flow: &Flow) -> Self {
        Self {
            isn: flow.isn,
            first: flow.first.map(Glimpse::of),
            last: flow.last_news().map(Glimpse::of),
            next: flow.next_seq(),
            acked: flow.acked,
            last_time: flow.last.map(|last| last.time).unwrap_or_default(),
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

// There are millions.
const _: () = assert!(size_of::<LegKey>() <= 368);
