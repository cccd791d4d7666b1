//! The packets of one leg, as far as comparing legs needs them.

use crosscap_packet::{FrameRef, OptionSummary, Segment, SynOptions, TcpFlags, Timestamp};
use crosscap_reassembly::{Direction, Sighting};

use super::PayloadDigest;
use crate::selection::Kinds;

/// The packets that a leg saw, in the order of its capture: 72 bytes for each.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    packets: [Vec<Traced>; 2],
    syns: [Option<Syn>; 2],
}

/// The first SYN or SYN-ACK of an end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Syn {
    pub(super) frame: FrameRef,
    pub(super) seq: u32,
    pub(super) ip_id: u16,
    /// Whether there was no other at this leg.
    pub(super) sole: bool,
    /// `None` where it was cut.
    pub(super) offer: Option<SynOffer>,
}

/// What a SYN or SYN-ACK offers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SynOffer {
    /// Largest segment, window scale, selective acknowledgements.
    pub options: SynOptions,
    /// Whether it has timestamps (RFC 7323 §3).
    pub timestamps: bool,
}

/// A packet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Traced {
    pub(super) time: Timestamp,
    pub(super) frame: FrameRef,
    pub(super) digest: Option<PayloadDigest>,
    pub(super) seq: u32,
    pub(super) ack: u32,
    pub(super) tsval: u32,
    pub(super) payload: u32,
    /// The first block of its selective acknowledgement.
    pub(super) sack: [u32; 2],
    pub(super) window: u16,
    pub(super) ip_id: u16,
    pub(super) ttl: u8,
    pub(super) flags: TcpFlags,
    has: u8,
}

impl Trace {
    /// Adds the next packet that the capture holds. `digest` is that of its payload, where all of it was captured.
    pub fn push(&mut self, direction: Direction, at: &Sighting, digest: Option<PayloadDigest>) {
        let s = &at.segment;
        let (sack, kind) = match s.options {
            OptionSummary::Sack { start, end, duplicate } => {
                ([start.0, end.0], SACK | if duplicate { DUPLICATE } else { 0 })
            }
            _ => ([0; 2], 0),
        };
        if s.flags.contains(TcpFlags::SYN) {
            let offer = match s.options {
                OptionSummary::Syn(options) => {
                    Some(SynOffer { options, timestamps: s.timestamps.is_some() })
                }
                _ => None,
            };
            match &mut self.syns[direction as usize] {
                Some(first) => first.sole = false,
                none => {
                    let (seq, ip_id) = (s.seq.0, s.ip_id);
                    *none = Some(Syn { frame: at.frame, seq, ip_id, sole: true, offer });
                }
            }
        }
        self.packets[direction as usize].push(Traced {
            time: at.time,
            frame: at.frame,
            digest,
            seq: s.seq.0,
            ack: if s.flags.contains(TcpFlags::ACK) { s.ack.0 } else { 0 },
            tsval: s.timestamps.map_or(0, |t| t.value),
            payload: s.payload_len,
            sack,
            window: s.window,
            ip_id: s.ip_id,
            ttl: s.ttl,
            flags: s.flags,
            has: kind | stamped(s),
        });
    }

    /// Adds what another leg of the same capture saw: one that continues this one from another address.
    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.packets.iter_mut().zip(&other.packets) {
            mine.extend(theirs);
            mine.sort_by_key(|p| p.frame);
        }
    }

    /// Leaves out packets of other kinds, and payload of those that stay: a sender's card puts other bytes into a packet with
    /// a FIN than it does into the next.
    pub(super) fn keep(&mut self, kinds: Kinds) {
        for packets in &mut self.packets {
            packets.retain(|p| kinds.has(p.kinds()));
            for p in packets {
                if p.flags.contains(TcpFlags::FIN) {
                    p.seq = p.seq.wrapping_add(p.payload);
                }
                (p.payload, p.digest) = (0, None);
            }
        }
    }

    /// Whether the options of any packet, with or without SYN, may have been cut before its timestamps.
    pub(super) fn may_lack_timestamps(&self, syn: bool) -> bool {
        let mut packets = self.packets.iter().flatten().filter(|p| p.is_syn() == syn);
        packets.any(|p| p.has & CUT != 0)
    }

    /// Forgets the timestamps of all packets with or without SYN, as another leg does not have them.
    pub(super) fn forget_timestamps(&mut self, syn: bool) {
        for p in self.packets.iter_mut().flatten().filter(|p| p.is_syn() == syn) {
            (p.has, p.tsval) = (p.has & !TIMESTAMPS, 0);
        }
    }

    /// How many packets it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.packets.iter().map(Vec::len).sum()
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn packets(&self, direction: Direction) -> &[Traced] {
        &self.packets[direction as usize]
    }

    pub(super) fn syn(&self, direction: Direction) -> Option<Syn> {
        self.syns[direction as usize]
    }
}

impl Traced {
    pub(super) fn has_timestamps(&self) -> bool {
        self.has & TIMESTAMPS != 0
    }

    /// The first block, and whether it tells of bytes that came twice.
    pub(super) fn sacked(&self) -> Option<([u32; 2], bool)> {
        (self.has & SACK != 0).then_some((self.sack, self.has & DUPLICATE != 0))
    }

    fn is_syn(&self) -> bool {
        self.flags.contains(TcpFlags::SYN)
    }

    fn kinds(&self) -> Kinds {
        let has = |flag| self.flags.contains(flag);
        let marked = Kinds::default()
            .with(Kinds::SYN, self.is_syn())
            .with(Kinds::FIN, has(TcpFlags::FIN))
            .with(Kinds::RESET, has(TcpFlags::RST));
        let other = if self.payload > 0 { Kinds::PAYLOAD } else { Kinds::BARE };
        marked.with(other, marked == Kinds::default())
    }

    pub(super) fn is_reset(&self) -> bool {
        self.flags.contains(TcpFlags::RST)
    }

    /// Sequence space; none for a reset, whose payload is no part of the stream.
    pub(super) fn seq_len(&self) -> u32 {
        if self.is_reset() {
            return 0;
        }
        self.payload
            + u32::from(self.flags.contains(TcpFlags::SYN))
            + u32::from(self.flags.contains(TcpFlags::FIN))
    }

    /// The fields that routers, NAT and taps leave alone.
    pub(super) fn key(&self) -> impl Ord + Copy + use<> {
        let numbers = (self.seq, self.ack, self.flags.0, self.payload);
        (numbers, self.ip_id, self.window, self.has & TIMESTAMPS, self.tsval)
    }

    /// What parts of one packet have in common however it was cut: segmentation offload copies both to every part, and
    /// receivers join only segments that agree in both.
    pub(super) fn class(&self) -> (bool, u32, u32) {
        (self.has_timestamps(), self.tsval, self.ack)
    }
}

/// Whether a packet has timestamps, or options that a snap length may have cut before them.
fn stamped(segment: &Segment) -> u8 {
    match (segment.timestamps, segment.options) {
        (Some(_), _) => TIMESTAMPS,
        (None, OptionSummary::Other) => CUT,
        _ => 0,
    }
}

const TIMESTAMPS: u8 = 1;
const SACK: u8 = 2;
const DUPLICATE: u8 = 4;
const CUT: u8 = 8;
