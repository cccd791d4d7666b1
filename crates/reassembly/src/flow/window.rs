//! The window that an end announces.

use crosscap_packet::{Segment, SeqNumber, TcpFlags, Timestamp};

/// Times during which an end announced a window of 0.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct ZeroWindows {
    /// How often the window closed.
    pub episodes: u32,
    /// The longest time until it opened again, in nanoseconds.
    pub longest: i64,
    /// All these times, in nanoseconds.
    pub total: i64,
    /// Since when it has been closed, where it did not open again.
    pub closed_since: Option<Timestamp>,
}

impl ZeroWindows {
    pub(super) fn announced(&mut self, window: u16, time: Timestamp) {
        match (window, self.closed_since) {
            (0, None) => {
                self.episodes = self.episodes.saturating_add(1);
                self.closed_since = Some(time);
            }
            (1.., Some(since)) => {
                let nanos = time.since(since).max(0);
                self.longest = self.longest.max(nanos);
                self.total = self.total.saturating_add(nanos);
                self.closed_since = None;
            }
            _ => {}
        }
    }
}

/// What an end lets the other send.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Window {
    /// The last one announced, unscaled.
    pub(super) last: u16,
    /// The scale of what is announced, where it is known.
    pub(super) shift: Option<u8>,
    /// The sequence number behind the highest byte that any window has allowed, where the scale is known.
    pub(super) right_edge: Option<SeqNumber>,
}

impl Window {
    /// Takes an acknowledgement that is no RST.
    pub(super) fn announced(&mut self, segment: &Segment) {
        self.last = segment.window;
        // The window of a SYN is never scaled (RFC 7323 §2.2).
        let shift = if segment.flags.contains(TcpFlags::SYN) { Some(0) } else { self.shift };
        if let Some(shift) = shift {
            let edge = segment.ack + (u32::from(segment.window) << shift);
            if self.right_edge.is_none_or(|old| edge.ahead_of(old) > 0) {
                self.right_edge = Some(edge);
            }
        }
    }
}
