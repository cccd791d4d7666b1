//! One direction of a connection.

mod again;
mod judge;
mod live;
mod pack;
mod recent;
mod rtt;
mod window;

use crosscap_packet::{FrameRef, Segment, SeqNumber, SynOptions, Timestamp};

use crate::Reset;
use crate::coverage::Coverage;
use crate::state::EndState;

pub(crate) use judge::Verdict;
pub(crate) use live::Live;
pub(crate) use pack::Pointer;
pub(crate) use recent::{COPY_WINDOW, Recent};
pub use rtt::Rtt;
pub use window::ZeroWindows;

/// A packet: when and where it was captured, and what its headers say.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Sighting {
    /// Capture time, in the clock of the observation point.
    pub time: Timestamp,
    /// The frame.
    pub frame: FrameRef,
    /// Its headers.
    pub segment: Segment,
}

/// What one end sent. Counts do not include copies by the capture, unless they say so.
///
/// In the order in which packets need it: nearly all make do with the first two cache lines, which are loaded
/// together.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
#[repr(C, align(128))]
pub struct Flow {
    base: SeqNumber,
    pub(crate) state: EndState,
    /// Whether [`Self::last`] said anything that no packet before it had said: a copy by the capture that comes late,
    /// between other packets, does not.
    pub(crate) last_is_news: bool,
    /// What is asked of every packet about what lies further behind.
    is: Is,
    coverage: Coverage,
    /// The highest acknowledgement sent.
    pub acked: Option<SeqNumber>,
    /// Packets captured, copies by the capture included.
    pub packets: u64,
    /// Distinct stream bytes captured.
    pub bytes: u64,
    /// Packets that the capture recorded twice: the same packet again within 10 ms, as it was, in parts, or put together
    /// from parts.
    pub copies: u32,
    /// SYNs or SYN-ACKs.
    pub syns: u32,
    /// The last packet that was no copy.
    pub last: Option<Sighting>,
    /// How long the other end took to acknowledge.
    pub rtt: Rtt,
    /// When and how long it announced a window of 0.
    pub closed_windows: ZeroWindows,
    /// Initial sequence number, where the SYN or SYN-ACK was captured.
    pub isn: Option<SeqNumber>,
    /// What the SYN or SYN-ACK says, where it was captured.
    pub syn_options: Option<SynOptions>,
    /// The first packet.
    pub first: Option<Sighting>,
    /// The first FIN.
    pub fin: Option<Sighting>,
    /// Boxed: most flows have none, and there are many flows.
    pub(crate) reset: Option<Box<Reset>>,
    /// Segments with FIN.
    pub fins: u32,
    /// Segments with RST.
    pub rsts: u32,
    /// Segments that carried nothing but what had been sent before: data, SYN or FIN. Probes do not count.
    pub retransmits: u32,
    /// Why, for those of [`Self::retransmits`] that it is known of.
    pub causes: Causes,
    /// Segments that brought what belongs before bytes already seen, and were sent before those.
    pub out_of_order: u32,
    /// Segments that brought new bytes together with some already seen.
    pub overlaps: u32,
    /// Segments with bytes beyond the window of the other end.
    pub beyond_window: u32,
    /// Segments that filled the window of the other end to the last byte.
    pub window_full: u32,
    /// Segments whose class this point cannot tell for sure ([`Certainty::Undecidable`](crate::Certainty)).
    pub undecidable: u32,
    /// Times that the other end acknowledged bytes which were not captured.
    pub gaps: u32,
    /// Keep-alive probes: at most one byte, just below the next sequence number (RFC 9293 §3.8.4).
    pub keep_alives: u32,
    /// Probes of a window that was 0 (RFC 9293 §3.8.6.1).
    pub window_probes: u32,
    /// Pure acknowledgements that repeated the one before (RFC 5681 §2).
    pub duplicate_acks: u32,
    /// Pure ACKs and data segments that announced a window of 0.
    pub zero_windows: u32,
    /// The shortest and the longest time between two keep-alive probes without data between them, in nanoseconds.
    pub keep_alive_interval: Option<(i64, i64)>,
}

/// What few packets change and all ask for; some of it copied from cache lines that few packets need.
#[derive(Clone, Copy, Debug, Default)]
struct Is {
    /// [`Flow::isn`] is known.
    begun: bool,
    /// Its window is 0: [`ZeroWindows::closed_since`].
    closed_to: bool,
    /// How often the first packet was recorded again.
    copied: u8,
}

/// An end of a connection that more packets may come for.
pub(crate) struct End<'a> {
    flow: &'a mut Flow,
    live: &'a mut Live,
}

/// How many retransmissions had which [`Cause`](crate::Cause).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Causes {
    /// The timer ran out.
    pub timeout: u32,
    /// Duplicate or selective acknowledgements.
    pub fast: u32,
    /// A probe with the last segment.
    pub tail_probe: u32,
    /// Sent again although it had arrived.
    pub spurious: u32,
}

impl Flow {
    /// Holes in the stream that are remembered, and the bytes of those that no longer are.
    pub(crate) fn holes(&self) -> (usize, u64) {
        (self.coverage.hole_count(), self.coverage.forgotten())
    }

    /// Forgets the lowest hole.
    pub(crate) fn forget_hole(&mut self) {
        self.coverage.forget_hole();
    }

    /// Sets what follows from the rest.
    pub(crate) fn catch_up(&mut self) {
        self.is.begun = self.isn.is_some();
        self.is.closed_to = self.closed_windows.closed_since.is_some();
    }

    /// The sequence number behind the last stream byte captured, a FIN aside; `None` before the first packet.
    #[must_use]
    pub fn stream_end(&self) -> Option<SeqNumber> {
        self.first?;
        // Truncation is the modulus.
        Some(self.base + self.coverage.high() as u32)
    }

    /// The sequence number behind everything sent so far; `None` before the first packet.
    #[must_use]
    pub fn next_seq(&self) -> Option<SeqNumber> {
        Some(self.stream_end()? + u32::from(self.fin.is_some()))
    }

    /// Stream bytes below the highest one captured that were not captured themselves.
    #[must_use]
    pub fn missing_bytes(&self) -> u64 {
        self.coverage.missing()
    }

    /// The last packet, where it says something that none before it had said: it can be told from copies of earlier ones.
    #[must_use]
    pub fn last_news(&self) -> Option<Sighting> {
        self.last.filter(|_| self.last_is_news)
    }

    /// The first RST.
    #[must_use]
    pub fn reset(&self) -> Option<Reset> {
        self.reset.as_deref().copied()
    }

    /// The first FIN or RST.
    #[must_use]
    pub fn closing(&self) -> Option<Sighting> {
        let reset = self.reset().map(|reset| reset.at);
        [self.fin, reset].into_iter().flatten().min_by_key(|at| at.frame)
    }

    /// The window scale that applies to what this end announces: `None` where too little of the handshake was captured.
    #[must_use]
    pub fn window_scale(&self, peer: &Self) -> Option<u8> {
        let scale = |flow: &Self| flow.syn_options.map(|o| o.window_scale);
        match (scale(self), scale(peer)) {
            (Some(Some(mine)), Some(Some(_))) => Some(mine),
            // It takes both (RFC 7323 §2.2).
            (Some(None), _) | (_, Some(None)) => Some(0),
            _ => None,
        }
    }

    /// The stream offset of a sequence number.
    pub(crate) fn offset(&self, seq: SeqNumber) -> i64 {
        // Next to the highest offset seen; truncation is the modulus.
        let high = self.coverage.high();
        high + i64::from(seq.ahead_of(self.base + high as u32))
    }
}
