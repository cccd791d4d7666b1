//! What the next packets of a connection are judged by.

use crosscap_packet::{SeqNumber, Timestamp};

use super::rtt::Timing;
use super::window::Window;
use super::{End, Flow};
use crate::Cause;
use crate::coverage::Opener;

/// What an end did lately: a cache line.
#[derive(Clone, Debug, Default)]
#[repr(C, align(64))]
pub(crate) struct Live {
    pub(super) timing: Option<Timing>,
    /// When it last sent something that took sequence space; before that, when it sent the first packet.
    pub(super) sent_at: Timestamp,
    /// Boxed: nothing happens to most flows.
    pub(super) rare: Option<Box<Rare>>,
    pub(super) window: Window,
    /// Acknowledgements in a row that said the same, as far as anyone asks.
    pub(super) duplicates: u8,
}

/// What is known only of flows that lost, probed or acknowledged selectively.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rare {
    pub(super) last_keep_alive: Option<Timestamp>,
    /// An initial sequence number that it gave before [`Flow::isn`].
    pub(super) other_isn: Option<SeqNumber>,
    /// While it makes up for a loss: why, and the offset at which it is over.
    pub(super) recovery: Option<(Cause, i64)>,
    /// The offset that a pure acknowledgement was sent with, where that is behind everything captured: what lies before
    /// it had been sent.
    pub(super) named: Option<(i64, Opener)>,
    /// The highest sequence number it has acknowledged selectively.
    pub(super) sacked: Option<SeqNumber>,
    /// Retransmissions that may yet turn out to have been for nothing, the latest first: start, end, cause counted.
    pub(super) resent: [Option<(i64, i64, Cause)>; 4],
}

impl Live {
    pub(super) fn rare(&self) -> Option<&Rare> {
        self.rare.as_deref()
    }

    pub(super) fn rare_mut(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    /// A SYN may have told how the windows that this end announces are scaled.
    pub(crate) fn scale_window(&mut self, shift: Option<u8>) {
        self.window.shift = shift;
    }

    #[cfg(test)]
    pub(crate) fn rare_size(&self) -> usize {
        self.rare.as_ref().map_or(0, |_| size_of::<Rare>())
    }
}

impl<'a> End<'a> {
    pub(crate) fn new(flow: &'a mut Flow, live: &'a mut Live) -> Self {
        Self { flow, live }
    }
}

const _: () = assert!(size_of::<Live>() == 64);
