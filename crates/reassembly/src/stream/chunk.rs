//! What a stream consists of.

use crosscap_packet::FrameRef;

use super::Payload;

/// A part of a stream. Never empty.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Chunk<P> {
    /// Captured bytes.
    Data {
        /// Stream offset of the first.
        offset: u64,
        /// Where they lie.
        payload: P,
        /// The frame that brought them.
        frame: FrameRef,
    },
    /// Bytes that are not there.
    Gap {
        /// Stream offset of the first.
        offset: u64,
        /// How many.
        len: u64,
        /// Why.
        kind: GapKind,
    },
}

/// Why bytes are missing.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum GapKind {
    /// The peer acknowledged them: they were sent and received, and the capture lost them.
    Acknowledged,
    /// Their segment was captured up to the snap length only.
    Cut,
    /// They were captured, but [`Assembly::with_limit`](super::Assembly::with_limit) left no room. Where segments were
    /// left out, all gaps from the lowest to the highest of them count as this.
    LeftOut,
    /// Nothing says whether the peer received them: lost on the way, by the capture, or never sent. Also the last
    /// number acknowledged, where nothing was captured there and no FIN: it may be that of the FIN.
    Unknown,
}

/// Payload that is no part of the stream, in capture order.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Aside<P> {
    /// Why.
    pub kind: AsideKind,
    /// How far its first byte lies from stream offset 0; negative where it lies below. `None` where that means nothing.
    pub offset: Option<i64>,
    /// Where it lies.
    pub payload: P,
    /// The frame that brought it.
    pub frame: FrameRef,
}

/// Why payload is no part of the stream.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum AsideKind {
    /// Below offset 0: at or before the SYN, or a keep-alive probe before the first byte captured.
    BeforeStart,
    /// Behind the FIN.
    AfterFin,
    /// More than 1 GiB away from all that was sent and acknowledged before, which is the largest window (RFC 7323
    /// §2.3), and not confirmed by the numbers that came next.
    OutsideWindow,
    /// In a RST: a message, not data (RFC 9293 §3.5.3).
    Reset,
}

impl<P: Payload> Chunk<P> {
    /// Stream offset of the first byte.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        match self {
            Self::Data { offset, .. } | Self::Gap { offset, .. } => *offset,
        }
    }

    /// How many bytes it spans.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "never empty")]
    pub fn len(&self) -> u64 {
        match self {
            Self::Data { payload, .. } => payload.len() as u64,
            Self::Gap { len, .. } => *len,
        }
    }

    /// The stream offset behind it.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.offset() + self.len()
    }

    /// Whether its bytes are missing.
    #[must_use]
    pub const fn is_gap(&self) -> bool {
        matches!(self, Self::Gap { .. })
    }

    /// Its part from one stream offset, inside of it or below, to another, inside or above.
    pub(super) fn within(self, start: u64, end: u64) -> Self {
        let start = self.offset().max(start);
        let end = self.end().min(end).max(start);
        let from = start - self.offset();
        match self {
            Self::Data { payload, frame, .. } => {
                let part = from as usize..(from + (end - start)) as usize;
                Self::Data { offset: start, payload: payload.part(part), frame }
            }
            Self::Gap { kind, .. } => Self::Gap { offset: start, len: end - start, kind },
        }
    }
}
