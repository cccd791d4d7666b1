//! What a segment was, and how sure that is.

/// What a segment was, told against everything that its end had sent before.
///
/// One point sees what passes it, not what was sent: see [`Certainty`]. Wireshark's thresholds on the time between
/// packets (3 ms for out-of-order, 20 ms for fast retransmissions) are not used.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum SegmentClass {
    /// Takes no sequence space: a pure acknowledgement, a RST.
    Control,
    /// The next bytes, or the first SYN or FIN; also bytes ahead of a gap.
    New,
    /// Brings bytes that belong before others already seen, and was sent before them.
    OutOfOrder,
    /// Brings only what had been sent before: seen here, or lost before it came here, as bytes behind it or the number of
    /// an acknowledgement of its sender have told.
    Retransmission(Cause),
    /// Some of its bytes had been seen, others are new.
    Overlap,
    /// At most one byte, just below the next sequence number (RFC 9293 §3.8.4).
    KeepAlive,
    /// The same, or one byte more, towards an end whose window is 0 (RFC 9293 §3.8.6.1).
    WindowProbe,
    /// New bytes beyond the right edge of the window, as far as windows were seen, or behind a FIN that the other end has
    /// acknowledged.
    BeyondWindow,
    /// No other packet: the capture recorded one twice, in parts perhaps. Nothing else counts it.
    Copy,
}

/// What made an end send again.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Cause {
    /// Its timer ran out (RFC 6298).
    Timeout,
    /// Three acknowledgements said the same, or a selective one told of the gap (RFC 5681 §3.2, RFC 6675).
    Fast,
    /// A probe with the last segment, sooner than the timer (RFC 8985 §7). Linux waits for a single segment nearly as long
    /// as the timer would: that is a probe here where both ends take selective acknowledgements, as its kernel counts it,
    /// and may be the timer of a stack that does not probe.
    TailProbe,
    /// Nothing: the other end had the bytes. It had acknowledged them, or said so afterwards by a duplicate selective
    /// acknowledgement (RFC 2883).
    Spurious,
    /// Not told by what was captured.
    Unknown,
}

/// How sure a [`SegmentClass`] is.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Certainty {
    /// This point cannot tell; the class is the likelier one.
    Undecidable,
    /// Follows from times or from how stacks behave.
    Inferred,
    /// Follows from numbers in the packets.
    Decided,
}

/// What [`Tracker::push`](crate::Tracker::push) found out about a packet.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Judgement {
    /// The index of its connection: they count from 0 in order of their first packets, as Wireshark's `tcp.stream` does
    /// in a single file. Where some are [evicted](crate::Connections::evicted) they are counted all the same.
    pub connection: usize,
    /// Who sent it.
    pub direction: crate::Direction,
    /// What it was.
    pub class: SegmentClass,
    /// How sure that is.
    pub certainty: Certainty,
    /// Stream bytes it brought that had not been seen.
    pub new_bytes: u32,
}
