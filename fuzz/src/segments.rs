//! TCP segments, and a model that puts them together byte by byte.

use std::collections::BTreeMap;

use crosscap_packet::{FrameRef, OptionSummary, Segment, SeqNumber, TcpFlags, Timestamp};
use crosscap_reassembly::{AsideKind, GapKind, OverlapPolicy, Sighting};

/// One thing of the input.
#[derive(Clone, Copy, Debug)]
pub enum Event {
    /// A segment of the flow.
    Sent(Sent),
    /// An acknowledgement of the peer.
    Acked(u32),
}

/// A segment.
#[derive(Clone, Copy, Debug)]
pub struct Sent {
    pub seq: u32,
    pub flags: TcpFlags,
    /// On the wire.
    pub len: u32,
    captured: u32,
    // Of the bytes: segments of a kind agree with each other.
    kind: u8,
}

impl Event {
    /// From eight bytes of the input; most numbers lie shortly behind `base`.
    pub fn new(base: u32, &[what, high, low, len, cut, flags, far, kind]: &[u8; 8]) -> Self {
        let near = u32::from(u16::from_be_bytes([high, low]));
        let near = if what & 0x80 == 0 { near & 0x3ff } else { near };
        let far = match far {
            0..200 => 0,
            200..215 => 7 << 28,
            215..230 => 5 << 28,
            230..245 => 3 << 28,
            _ => u32::from(kind) << 24,
        };
        let seq = base.wrapping_add(near).wrapping_add(far);
        if what & 7 == 7 {
            return Self::Acked(seq);
        }
        let len = if len < 250 { u32::from(len) & 0x3f } else { u32::from(len & 7) * 300 };
        let mut set = if flags & 1 == 0 { TcpFlags::ACK | TcpFlags::PSH } else { TcpFlags::ACK };
        for (condition, flag) in [
            (what & 7 == 6, TcpFlags::SYN),
            (flags & 0xf0 == 0x10, TcpFlags::FIN),
            (flags & 0xf0 == 0x20, TcpFlags::RST),
        ] {
            set = if condition { set | flag } else { set };
        }
        let captured = len.saturating_sub(u32::from(cut).saturating_sub(192));
        Self::Sent(Sent { seq, flags: set, len, captured, kind: kind & 1 })
    }
}

impl Sent {
    /// The packet, as frame `number`.
    pub fn sighting(&self, number: u64) -> Sighting {
        let segment = Segment {
            seq: SeqNumber(self.seq),
            ack: SeqNumber(0),
            flags: self.flags,
            window: 0,
            ttl: 64,
            ip_id: 0,
            payload_len: self.len,
            timestamps: None,
            options: OptionSummary::default(),
        };
        Sighting { time: Timestamp(0), frame: FrameRef::new(0, number), segment }
    }

    /// The captured part of its payload.
    pub fn payload(&self) -> Vec<u8> {
        let seq = self.data_seq();
        (0..self.captured).map(|i| seq.wrapping_add(i) as u8 ^ (self.kind * 0x55)).collect()
    }

    fn has(&self, flag: TcpFlags) -> bool {
        self.flags.contains(flag)
    }

    fn data_seq(&self) -> u32 {
        self.seq.wrapping_add(u32::from(self.has(TcpFlags::SYN)))
    }
}

/// Where a segment was put.
#[derive(Clone, Debug)]
struct Placed {
    frame: u64,
    at: i64,
    end: i64,
    bytes: Vec<u8>,
    place: Where,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Where {
    Stream,
    Probe,
    Outside,
    Reset,
}

/// A flow whose segments have come.
#[derive(Debug, Default)]
pub struct Model {
    /// The sequence number at position 0, and the highest position.
    zero: u32,
    top: Option<i64>,
    /// Numbers in a row far from all others: with the segment, where it was one, and whether it was kept.
    far: Vec<(i64, Option<(Placed, bool)>)>,
    isns: Vec<u32>,
    placed: Vec<Placed>,
    left_out: Vec<Placed>,
    pub left_out_count: (u64, u64),
    named: Vec<i64>,
    high: Option<i64>,
    acked: Option<i64>,
    fin: Option<i64>,
    far_fin: Option<i64>,
    begun: bool,
}

/// What comes out.
#[derive(Debug, Default)]
pub struct Outcome {
    /// By stream offset: value and frame.
    pub data: BTreeMap<u64, (u8, u64)>,
    pub len: u64,
    pub from_start: bool,
    pub to_end: bool,
    /// Kind, frame, bytes.
    pub asides: Vec<(AsideKind, u64, Vec<u8>)>,
    cut: Vec<(u64, u64)>,
    left_out: Option<(i64, i64)>,
    acked: i64,
}

impl Outcome {
    /// Why the byte at an offset is missing.
    pub fn kind(&self, at: u64) -> GapKind {
        let place = at as i64;
        if self.cut.iter().any(|(start, end)| (*start..*end).contains(&at)) {
            GapKind::Cut
        } else if self.left_out.is_some_and(|(low, high)| (low..high).contains(&place)) {
            GapKind::LeftOut
        } else if place < self.acked {
            GapKind::Acknowledged
        } else {
            GapKind::Unknown
        }
    }

    /// Offsets where the answer may change.
    pub fn edges(&self) -> impl Iterator<Item = u64> + '_ {
        let cut = self.cut.iter().flat_map(|(start, end)| [*start, *end]);
        let left_out = self.left_out.into_iter().flat_map(|(low, high)| [low, high]);
        let others = left_out.chain([self.acked]).filter_map(|at| at.try_into().ok());
        cut.chain(others)
    }
}

impl Model {
    /// Takes the next thing in capture order; no more than `limit` segments are kept.
    pub fn push(&mut self, frame: u64, event: &Event, limit: usize) {
        let sent = match event {
            Event::Acked(ack) => return self.ack(*ack),
            Event::Sent(sent) => sent,
        };
        let (seq, len) = (sent.data_seq(), i64::from(sent.len));
        let bytes = sent.payload();
        let placed = |at, place| Placed { frame, at, end: at + len, bytes, place };
        if sent.has(TcpFlags::RST) {
            self.keep(placed(0, Where::Reset), limit);
            return;
        }
        if sent.has(TcpFlags::SYN) {
            self.syn(seq);
        }
        if len > 0 && !self.begun {
            self.begin(seq);
        }
        let fin = sent.has(TcpFlags::FIN);
        if sent.has(TcpFlags::SYN) && len == 0 && !fin {
            return;
        }
        let Some(at) = self.number(seq) else {
            let at = self.far.last().map_or(0, |f| f.0);
            let placed = placed(at, Where::Outside);
            let kept = self.keep(placed.clone(), limit);
            if fin {
                self.far_fin.get_or_insert(placed.end);
            }
            if let Some(last) = self.far.last_mut() {
                last.1 = Some((placed, kept));
            }
            return;
        };
        let probe = len == 1
            && !sent.flags.intersects(TcpFlags::SYN | TcpFlags::FIN | TcpFlags::PSH)
            && (self.high.is_none() || self.high == Some(at + 1));
        let placed = placed(at, if probe { Where::Probe } else { Where::Stream });
        self.named.push(if probe { placed.end } else { at });
        self.high = self.high.max(Some(placed.end));
        if fin {
            self.fin.get_or_insert(placed.end);
        }
        self.begun |= len > 0;
        self.keep(placed, limit);
    }

    fn keep(&mut self, placed: Placed, limit: usize) -> bool {
        if placed.at == placed.end {
            return true;
        }
        if self.placed.len() < limit {
            self.placed.push(placed);
            return true;
        }
        self.left_out_count.0 += 1;
        self.left_out_count.1 += (placed.end - placed.at) as u64;
        if placed.place == Where::Stream {
            self.left_out.push(placed);
        }
        false
    }

    fn ack(&mut self, ack: u32) {
        if let Some(at) = self.number(ack) {
            self.acked = self.acked.max(Some(at));
            self.named.push(at);
        }
    }

    fn syn(&mut self, start: u32) {
        if self.begun {
            if self.isns.is_empty() {
                self.isns.push(start);
            }
            return;
        }
        self.isns.retain(|s| *s != start);
        self.isns.push(start);
        if self.isns.len() > 4 {
            self.isns.remove(0);
        }
        self.restart(start);
    }

    fn begin(&mut self, seq: u32) {
        let top = self.top.map(|top| self.zero.wrapping_add(top as u32));
        let is_near = top.is_some_and(|top| distance(top, seq).abs() <= WINDOW);
        if self.isns.is_empty() {
            if self.top.is_some() && !is_near {
                self.restart(seq);
            }
        } else if self.isns.contains(&seq) {
            self.restart(seq);
        } else if !is_near {
            let near = |start: &u32| distance(*start, seq).abs() <= WINDOW;
            if let Some(start) = self.isns.iter().rev().copied().find(near) {
                self.restart(start);
            }
        }
    }

    fn restart(&mut self, seq: u32) {
        if self.top.is_some() && self.zero == seq {
            return;
        }
        let ack = self.acked.map(|at| self.zero.wrapping_add(at as u32));
        let acked = ack.map(|ack| distance(seq, ack)).filter(|at| at.abs() <= WINDOW);
        self.zero = seq;
        self.top = Some(0);
        self.far.clear();
        self.acked = acked;
        self.named = vec![0];
        self.named.extend(acked);
        self.high = Some(0);
        self.fin = None;
    }

    /// The position of a number that counts.
    fn number(&mut self, seq: u32) -> Option<i64> {
        let Some(top) = self.top else {
            (self.zero, self.top) = (seq, Some(0));
            return Some(0);
        };
        let nearest = |to: i64| to + distance(self.zero.wrapping_add(to as u32), seq);
        let at = nearest(top);
        if (at - top).abs() <= WINDOW {
            self.top = Some(top.max(at));
            self.far.clear();
            return Some(at);
        }
        let last = self.far.last().map(|last| last.0);
        match last.map(|last| (last, nearest(last))) {
            Some((last, at)) if (at - last).abs() <= WINDOW => {
                if self.far.len() < 2 {
                    self.far.push((at, None));
                    return None;
                }
                self.top = Some(at);
                self.confirm();
                Some(at)
            }
            _ => {
                self.far = vec![(at, None)];
                self.far_fin = None;
                None
            }
        }
    }

    fn confirm(&mut self) {
        for (placed, kept) in std::mem::take(&mut self.far).into_iter().filter_map(|f| f.1) {
            if placed.at == placed.end {
                continue;
            }
            if kept {
                self.begun = true;
                for p in self.placed.iter_mut().filter(|p| p.frame == placed.frame) {
                    p.place = Where::Stream;
                }
            } else {
                self.left_out.push(placed);
            }
        }
        let far_fin = self.far_fin.take();
        self.fin = self.fin.or(far_fin);
    }

    /// What comes out under a policy.
    pub fn finish(&self, policy: OverlapPolicy) -> Outcome {
        let (origin, from_start) = self.origin();
        let limit = self.fin.map(|fin| fin.max(origin));
        let inside = |at: i64| at >= origin && limit.is_none_or(|limit| at < limit);
        let mut outcome = Outcome { from_start, to_end: self.fin.is_some(), ..Outcome::default() };
        let mut owners: BTreeMap<u64, &Placed> = BTreeMap::new();
        let mut top = self.left_out.iter().map(|p| p.end).max().unwrap_or(origin).max(origin);
        for p in &self.placed {
            let whole = |kind| (kind, p.frame, p.bytes.clone());
            match p.place {
                Where::Outside => outcome.asides.push(whole(AsideKind::OutsideWindow)),
                Where::Reset => outcome.asides.push(whole(AsideKind::Reset)),
                Where::Stream | Where::Probe => {
                    top = top.max(p.end);
                    let (mut before, mut after) = (Vec::new(), Vec::new());
                    for (at, byte) in (p.at..).zip(&p.bytes) {
                        if at < origin {
                            before.push(*byte);
                        } else if !inside(at) {
                            after.push(*byte);
                        } else {
                            let place = (at - origin) as u64;
                            if owners.get(&place).is_none_or(|old| takes(policy, old, p)) {
                                owners.insert(place, p);
                            }
                        }
                    }
                    outcome.asides.push((AsideKind::BeforeStart, p.frame, before));
                    outcome.asides.push((AsideKind::AfterFin, p.frame, after));
                    let clip =
                        |at: i64| (at.clamp(origin, limit.unwrap_or(at).max(origin))) - origin;
                    let captured = p.at + p.bytes.len() as i64;
                    outcome.cut.push((clip(captured) as u64, clip(p.end.max(origin)) as u64));
                }
            }
        }
        outcome.asides.retain(|(_, _, bytes)| !bytes.is_empty());
        for (place, owner) in owners {
            let byte = owner.bytes[(place as i64 + origin - owner.at) as usize];
            outcome.data.insert(place, (byte, owner.frame));
        }
        let acked = self.acked.unwrap_or(origin);
        let end = limit.unwrap_or(top.max(acked));
        outcome.len = (end - origin) as u64;
        let may_be_fin = limit.is_none() && acked > top;
        outcome.acked = acked - origin - i64::from(may_be_fin);
        let low = self.left_out.iter().map(|p| p.at).min();
        let high = self.left_out.iter().map(|p| p.end).max();
        outcome.left_out = low.zip(high).map(|(low, high)| (low - origin, high - origin));
        outcome
    }

    fn origin(&self) -> (i64, bool) {
        let kept = self.placed.iter().filter(|p| p.place == Where::Stream);
        let lowest = kept.chain(&self.left_out).map(|p| p.at).min();
        let near = lowest.or_else(|| self.named.iter().min().copied()).unwrap_or(0);
        let place = |start: &u32| near + distance(self.zero.wrapping_add(near as u32), *start);
        let starts: Vec<i64> =
            self.isns.iter().rev().map(place).filter(|at| (at - near).abs() <= WINDOW).collect();
        let exact = starts.iter().find(|at| **at == near);
        let below = starts.iter().find(|at| **at <= near);
        match exact.or(below).or(starts.first()) {
            Some(start) => (*start, true),
            None => (near, false),
        }
    }
}

fn takes(policy: OverlapPolicy, old: &Placed, new: &Placed) -> bool {
    match (old.place, new.place) {
        (Where::Probe, Where::Stream) => return true,
        (Where::Stream, Where::Probe) => return false,
        _ => {}
    }
    let same_start = new.at == old.at;
    match policy {
        OverlapPolicy::First => false,
        OverlapPolicy::Last => true,
        OverlapPolicy::Bsd => new.at < old.at,
        OverlapPolicy::Linux => new.at < old.at || (same_start && new.end > old.end),
        OverlapPolicy::OldLinux => new.at < old.at || (same_start && new.end >= old.end),
        _ => new.end > old.end || (new.end == old.end && new.at <= old.at),
    }
}

/// From one number to another, the short way.
fn distance(from: u32, to: u32) -> i64 {
    let ahead = i64::from(to) - i64::from(from);
    match ahead {
        ..-0x8000_0000 => ahead + (1 << 32),
        0x8000_0000.. => ahead - (1 << 32),
        _ => ahead,
    }
}

const WINDOW: i64 = 1 << 30;
