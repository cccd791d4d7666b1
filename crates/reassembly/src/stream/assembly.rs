//! Segments of one flow, to be put together.

use crosscap_packet::{FrameRef, Segment, SeqNumber, TcpFlags};

use super::number::{Numbering, Place, is_near};
use super::{LeftOut, Payload};
use crate::Sighting;

/// Takes the segments of one flow in capture order and makes a [`Stream`] of them. Payload is not copied: a segment
/// costs what its handle does and 24 bytes.
///
/// - A sequence number lies next to the highest one so far: streams may be longer than 4 GiB, segments may come in any
///   order. What is more than 1 GiB away is no part of the stream, unless three numbers in a row agree on it; it is an
///   [`AsideKind::OutsideWindow`]. Where the capture missed more than 2 GiB at once, the gap is too short by a multiple
///   of 4 GiB, or bytes come to lie before it.
/// - Offset 0 follows the SYN, even one captured later. Of SYNs with several numbers the newest counts that the data
///   fits. Where there is none, offset 0 is the lowest byte captured, keep-alive probes aside.
/// - A keep-alive probe is one byte just below the next number, or in the first packet of all, with ACK and without
///   SYN, FIN or PSH.
/// - The first FIN captured is the end of the stream.
///
/// ```
/// use crosscap_packet::{Decoded, FrameRef, LinkType, Timestamp, decode};
/// use crosscap_reassembly::{Assembly, OnGap, OverlapPolicy, Sighting};
/// use std::io::Read;
///
/// // Sequence numbers 7 and 3, each with "abcd".
/// let frames = [7, 3].map(|seq| [
///     0x45, 0, 0, 44, 0, 1, 0x40, 0, 64, 6, 0, 0, 10, 1, 0, 2, 10, 96, 0, 10, // IPv4
///     0x9d, 0xe6, 0, 80, 0, 0, 0, seq, 0, 0, 0, 0, 0x50, 0x18, 0xff, 0xff, 0, 0, 0, 0, // TCP
///     b'a', b'b', b'c', b'd',
/// ]);
/// let mut assembly = Assembly::new();
/// for (number, frame) in (1..).zip(&frames) {
///     let Decoded::Tcp(packet) = decode(LinkType::RAW, frame, 44) else { panic!("not TCP") };
///     let at = Sighting {
///         time: Timestamp(0),
///         frame: FrameRef::new(0, number),
///         segment: packet.segment,
///     };
///     assembly.push(&at, packet.payload);
/// }
/// let stream = assembly.finish(OverlapPolicy::First);
/// let mut text = String::new();
/// stream.reader(OnGap::Error).read_to_string(&mut text)?;
/// assert_eq!(text, "abcdabcd");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Assembly<P> {
    pub(super) numbering: Numbering,
    /// Different numbers of SYNs, the newest last; at most [`MAX_ISNS`].
    pub(super) isns: Vec<SeqNumber>,
    pub(super) held: Vec<Held<P>>,
    /// Whether payload was placed: from then on, positions stay.
    begun: bool,
    strays: Strays,
    /// The lowest position that a number named.
    pub(super) low: Option<i64>,
    /// The position behind the highest byte that the sender has sent.
    high: Option<i64>,
    pub(super) acked: Option<i64>,
    pub(super) fin: Option<i64>,
    limit: u32,
    pub(super) left_out: LeftOut,
    /// From the lowest to the highest byte left out.
    pub(super) left_out_range: Option<(i64, i64)>,
}

/// The latest stray numbers in a row, which the next may confirm.
#[derive(Clone, Copy, Debug, Default)]
struct Strays {
    /// Where their segments begin among those held.
    from: usize,
    fin: Option<i64>,
    left_out: Option<(i64, i64)>,
}

/// A segment with payload.
#[derive(Clone, Copy, Debug)]
pub(super) struct Held<P> {
    /// Its position; means nothing where it is not in the stream.
    pub(super) start: i64,
    pub(super) payload: P,
    pub(super) frame: FrameRef,
    /// Payload on the wire.
    pub(super) len: u32,
    pub(super) role: Role,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Role {
    Data,
    Probe,
    Stray,
    Reset,
}

impl<P: Payload> Held<P> {
    pub(super) fn is_probe(&self) -> bool {
        self.role == Role::Probe
    }

    pub(super) fn is_in_stream(&self) -> bool {
        matches!(self.role, Role::Data | Role::Probe)
    }

    pub(super) fn captured_end(&self) -> i64 {
        self.start + self.payload.len() as i64
    }

    pub(super) fn end(&self) -> i64 {
        self.start + i64::from(self.len)
    }
}

impl<P: Payload> Default for Assembly<P> {
    fn default() -> Self {
        Self::new()
    }
}

impl<P: Payload> Assembly<P> {
    /// An empty one, for up to [`Self::DEFAULT_LIMIT`] segments.
    #[must_use]
    pub fn new() -> Self {
        Self::with_limit(Self::DEFAULT_LIMIT)
    }

    /// One that keeps at most so many segments with payload: the first ones. [`Stream::left_out`] counts the others.
    #[must_use]
    pub fn with_limit(segments: u32) -> Self {
        Self {
            numbering: Numbering::default(),
            isns: Vec::new(),
            held: Vec::new(),
            begun: false,
            strays: Strays::default(),
            low: None,
            high: None,
            acked: None,
            fin: None,
            limit: segments,
            left_out: LeftOut::default(),
            left_out_range: None,
        }
    }

    /// Takes the next segment of the flow. `payload` is what was captured of its payload: less than
    /// [`Segment::payload_len`] where the snap length cut it; what is more does not count.
    pub fn push(&mut self, at: &Sighting, payload: P) {
        let segment = at.segment;
        let captured = payload.len().min(segment.payload_len as usize);
        let mut held = Held {
            start: 0,
            payload: payload.part(0..captured),
            frame: at.frame,
            len: segment.payload_len,
            role: Role::Data,
        };
        if segment.flags.contains(TcpFlags::RST) {
            held.role = Role::Reset;
            return self.hold(held);
        }
        let syn = segment.flags.contains(TcpFlags::SYN);
        if syn {
            self.synchronize(segment.seq);
        }
        let seq = segment.seq + u32::from(syn);
        if held.len > 0 && !self.begun {
            self.begin(seq);
        }
        let fin = segment.flags.contains(TcpFlags::FIN);
        if syn && held.len == 0 && !fin {
            return;
        }
        match self.numbering.place(seq) {
            Place::At(start) => held.start = start,
            Place::Jump(start) => {
                held.start = start;
                self.confirm_strays();
            }
            Place::Stray { at, first } => {
                self.stray(first);
                (held.start, held.role) = (at, Role::Stray);
                if fin {
                    let end = held.end();
                    self.strays.fin.get_or_insert(end);
                }
                return self.hold(held);
            }
        }
        let end = held.end();
        if self.is_probe(&segment, end) {
            held.role = Role::Probe;
        }
        let low = if held.is_probe() { end } else { held.start };
        self.low = Some(self.low.map_or(low, |l| l.min(low)));
        self.high = Some(self.high.map_or(end, |h| h.max(end)));
        if fin {
            self.fin.get_or_insert(end);
        }
        self.begun |= held.len > 0;
        self.hold(held);
    }

    /// Takes an acknowledgement of the other end, where it lies in the order of the capture: that of a segment with
    /// [`TcpFlags::ACK`] and without [`TcpFlags::RST`].
    pub fn acked(&mut self, ack: SeqNumber) {
        let at = match self.numbering.place(ack) {
            Place::At(at) => at,
            Place::Jump(at) => {
                self.confirm_strays();
                at
            }
            Place::Stray { first, .. } => return self.stray(first),
        };
        self.acked = Some(self.acked.map_or(at, |a| a.max(at)));
        self.low = Some(self.low.map_or(at, |l| l.min(at)));
    }

    fn hold(&mut self, held: Held<P>) {
        if held.len == 0 {
            return;
        }
        if self.held.len() < self.limit as usize {
            self.held.push(held);
            return;
        }
        self.left_out.segments += 1;
        self.left_out.bytes += u64::from(held.len);
        let range = match held.role {
            Role::Data => &mut self.left_out_range,
            Role::Stray => &mut self.strays.left_out,
            Role::Probe | Role::Reset => return,
        };
        *range = hull(*range, Some((held.start, held.end())));
    }

    /// Takes the number of a SYN. Before there is data, the newest one is where the stream begins; afterwards, it counts
    /// only where there was none before.
    fn synchronize(&mut self, isn: SeqNumber) {
        if self.begun {
            if self.isns.is_empty() {
                self.isns.push(isn);
            }
            return;
        }
        self.isns.retain(|known| *known != isn);
        if self.isns.len() == MAX_ISNS {
            self.isns.remove(0);
        }
        self.isns.push(isn);
        self.restart(isn + 1);
    }

    /// The first payload: where no SYN counts that it fits, it is the beginning itself.
    fn begin(&mut self, seq: SeqNumber) {
        let mut newest_first = self.isns.iter().rev().map(|isn| *isn + 1);
        if self.isns.is_empty() {
            if self.numbering.has_begun() && !self.numbering.is_near(seq) {
                self.restart(seq);
            }
        } else if let Some(exact) = newest_first.clone().find(|start| *start == seq) {
            self.restart(exact);
        } else if !self.numbering.is_near(seq)
            && let Some(near) = newest_first.find(|start| is_near(seq.ahead_of(*start).into(), 0))
        {
            self.restart(near);
        }
    }

    /// Numbers anew from `seq` on. There is no payload yet.
    fn restart(&mut self, seq: SeqNumber) {
        if self.numbering.has_begun() && self.numbering.number(0) == seq {
            return;
        }
        let acked = self.acked.map(|at| self.numbering.number(at));
        self.numbering.restart(seq);
        self.acked = acked.map(|ack| self.numbering.nearest(0, ack)).filter(|at| is_near(*at, 0));
        self.low = Some(self.acked.unwrap_or(0).min(0));
        self.high = Some(0);
        self.fin = None;
    }

    /// A number far away: the `first`, or one more near the last.
    fn stray(&mut self, first: bool) {
        if first {
            self.strays = Strays { from: self.held.len(), fin: None, left_out: None };
        }
    }

    /// What was stray is data after all.
    fn confirm_strays(&mut self) {
        let Strays { from, fin, left_out } = std::mem::take(&mut self.strays);
        for held in self.held.iter_mut().skip(from).filter(|h| h.role == Role::Stray) {
            held.role = Role::Data;
            self.begun = true;
        }
        self.fin = self.fin.or(fin);
        self.left_out_range = hull(self.left_out_range, left_out);
    }

    fn is_probe(&self, segment: &Segment, end: i64) -> bool {
        segment.payload_len == 1
            && segment.flags.contains(TcpFlags::ACK)
            && !segment.flags.intersects(TcpFlags::SYN | TcpFlags::FIN | TcpFlags::PSH)
            && self.high.is_none_or(|high| high == end)
    }

    /// Segments that are kept where nothing else is said.
    pub const DEFAULT_LIMIT: u32 = 1 << 20;
}

/// From the lower start to the higher end.
fn hull(a: Option<(i64, i64)>, b: Option<(i64, i64)>) -> Option<(i64, i64)> {
    match (a, b) {
        (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
        (a, b) => a.or(b),
    }
}

/// SYNs with different numbers that are remembered.
const MAX_ISNS: usize = 4;

// One for each packet of the capture that carries payload.
const _: () = assert!(size_of::<Held<&[u8]>>() <= 40);
