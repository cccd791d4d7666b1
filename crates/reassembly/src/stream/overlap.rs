//! Which of several segments counts where they overlap.

use std::ops::Range;

use crosscap_packet::FrameRef;

use super::Payload;
use super::assembly::Held;
use super::resolve::{Piece, Span};

/// Whose bytes count where segments overlap.
///
/// Receivers differ in that, and senders of attacks know it. The rules are those of Novak and Sturges, *Target-Based TCP
/// Stream Reassembly* (2007), as Suricata has them. Each says when a later segment takes bytes from an earlier one;
/// segments are compared by the ranges they had on the wire. All of them are orders, so that the outcome for many
/// segments is that of the best one.
///
/// A keep-alive probe (see [`Assembly`](super::Assembly)) counts under every policy only where nothing
/// else was captured: its byte may be garbage (RFC 9293 §3.8.4). So do bytes that the snap length cut.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum OverlapPolicy {
    /// Never: what came first counts. Windows since Vista, and `tshark -z follow`.
    #[default]
    First,
    /// Always: what came last counts. tcpflow.
    Last,
    /// Where it begins before the other. BSD, macOS, Windows before Vista, IRIX, HP-UX 10.
    Bsd,
    /// Where it begins before the other, or with it and ends behind it. Linux since 2.4.
    Linux,
    /// Where it begins before the other, or with it and does not end before it. Linux before 2.4.
    OldLinux,
    /// Where it ends behind the other, or with it and does not begin behind it. Solaris, HP-UX 11.
    Solaris,
}

impl OverlapPolicy {
    /// Every policy.
    pub const ALL: [Self; 6] =
        [Self::First, Self::Last, Self::Bsd, Self::Linux, Self::OldLinux, Self::Solaris];

    /// Of overlapping segments, the one with the greatest rank counts. `order` is that of the capture.
    pub(super) const fn rank(self, start: i64, end: i64, order: u32) -> Rank {
        let order = order as i64;
        match self {
            Self::First => (0, 0, -order),
            Self::Last => (0, 0, order),
            Self::Bsd => (-start, 0, -order),
            Self::Linux => (-start, end, -order),
            Self::OldLinux => (-start, end, order),
            Self::Solaris => (end, -start, order),
        }
    }
}

pub(super) type Rank = (i64, i64, i64);

/// Two segments with different bytes for the same place: a broken or lying sender, or a broken capture.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Conflict {
    /// Stream offset of the first byte that differs.
    pub offset: u64,
    /// Bytes from there to the last one that differs. Some in between may agree.
    pub len: u64,
    /// The frame whose bytes are in the stream.
    pub kept: FrameRef,
    /// The frame whose bytes are not.
    pub other: FrameRef,
}

/// Compares all segments with what was kept of them; each captured byte is looked at once. `limit` conflicts are listed,
/// all are counted.
pub(super) fn conflicts<P: Payload>(
    held: &[Held<P>],
    spans: &[Span],
    pieces: &[Piece],
    origin: i64,
    limit: usize,
    mut compare: impl FnMut(P, P) -> Option<Range<usize>>,
) -> (Vec<Conflict>, u64) {
    let (mut found, mut count) = (Vec::new(), 0);
    for span in spans.iter().filter(|s| !s.is_probe) {
        let other = &held[span.order as usize];
        let from = pieces.partition_point(|p| p.end <= span.start);
        for piece in pieces[from..].iter().take_while(|p| p.start < span.end) {
            let kept = &held[piece.owner as usize];
            if piece.owner == span.order || kept.is_probe() {
                continue;
            }
            let (start, end) = (piece.start.max(span.start), piece.end.min(span.end));
            let part =
                |h: &Held<P>| h.payload.part((start - h.start) as usize..(end - h.start) as usize);
            if let Some(differing) = compare(part(kept), part(other)) {
                count += 1;
                if found.len() < limit {
                    let offset = (start - origin) as u64 + differing.start as u64;
                    let len = differing.len() as u64;
                    found.push(Conflict { offset, len, kept: kept.frame, other: other.frame });
                }
            }
        }
    }
    (found, count)
}

/// From the first to the last place where two slices of one length differ.
pub(super) fn differing(a: &[u8], b: &[u8]) -> Option<Range<usize>> {
    if a == b {
        return None;
    }
    let first = a.iter().zip(b).position(|(a, b)| a != b)?;
    let last = a.iter().zip(b).rposition(|(a, b)| a != b)?;
    Some(first..last + 1)
}
