//! What the network between two points did to the packets of a connection.
//!
//! A packet that one leg saw and the next did not was dropped in between, or dropped by the second capture, or never
//! sent. Which of them follows from what the ends of the connection did afterwards; where it does not, the packet is
//! counted as undecided.
//!
//! Limits: sequence numbers must be the same at both legs. Payload is compared by [`PayloadDigest`].

mod copies;
mod digest;
mod judge;
mod pairing;
mod path;
mod proof;
mod spans;
mod trace;
mod way;
mod window;

use crosscap_packet::{FrameRef, TcpFlags};

pub use digest::PayloadDigest;
pub use path::{Between, Hop, needs_traces};
pub use trace::{SynOffer, Trace};

use crate::Bounds;

/// Packets that had one fate.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Tally {
    /// How many: as the capture holds them where none of a packet's bytes escaped the fate, else as many as the largest
    /// segment makes of the bytes.
    pub packets: u64,
    /// Their payload in bytes, each copy counted.
    pub bytes: u64,
    /// The first of them, at most [`Self::MAX_FRAMES`], in order.
    pub frames: Vec<FrameRef>,
}

impl Tally {
    /// Frames that are named.
    pub const MAX_FRAMES: usize = 5;

    /// Whether there are any.
    #[must_use]
    pub const fn any(&self) -> bool {
        self.packets > 0
    }

    fn add(&mut self, packets: u64, bytes: u64, frame: FrameRef) {
        self.packets += packets;
        self.bytes += bytes;
        if self.frames.len() < Self::MAX_FRAMES && self.frames.last() != Some(&frame) {
            self.frames.push(frame);
        }
    }
}

/// One direction of a connection on its way from one leg to the next: from the *near* one, which lies towards the
/// sender, to the *far* one.
///
/// Only packets that both captures were running for are compared; the others count as [`Self::not_compared`].
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Passage {
    /// Packets of the near leg, copies by the capture aside.
    pub sent: u64,
    /// Packets of the far leg, copies by the capture aside.
    pub came: u64,
    /// Packet loss: segments with sequence space that passed the near leg and did not come to the far one, as nothing says
    /// that its capture missed them. Near frames. A capture that loses packets without any trace of it looks the same
    /// only where the receiver, too, behaves as though the segment had not come.
    pub lost: Tally,
    /// Packets without sequence space (acknowledgements, resets) that the far leg does not have: lost, or missed by its
    /// capture; nothing can tell. Near frames.
    pub bare_missing: Tally,
    /// Of the packets lost, missing and undecided, those that begin or end a connection.
    pub never_seen: NeverSeen,
    /// Segments that the far leg does not have, where the captures leave open why. Near frames.
    pub undecided: Tally,
    /// Capture loss: segments that arrived, since the receiver acknowledged them or a leg further on has them, without
    /// having been recorded at the far leg. Or they took another way. Near frames.
    pub unrecorded_far: Tally,
    /// Capture loss: segments at the far leg that the near one does not have, though their sender went on behind them. Far
    /// frames.
    pub unrecorded_near: Tally,
    /// Packets at the far leg that the near one does not have: missed by its capture, duplicated or injected; nothing can
    /// tell. Far frames.
    pub unexplained: Tally,
    /// Packets that were not sent by the sender, since what it did afterwards contradicts them. Far frames.
    pub injected: Tally,
    /// Packets that came more often than they were sent, apart in time or confirmed by the receiver (RFC 2883). Far
    /// frames.
    pub duplicated: Tally,
    /// Packets that the far capture holds more often than they were sent: duplicated, or recorded twice; nothing can tell.
    /// Far frames.
    pub repeated: Tally,
    /// Packets that arrived after one that had been sent later. Far frames.
    pub reordered: Tally,
    /// Packets that arrived with the same numbers and another payload. Near frames.
    pub changed: Tally,
    /// Segments that were cut or joined on their way, as recorded at the near leg and at the far one, where all of their
    /// bytes can be told from losses.
    pub recut: [u64; 2],
    /// How much lower the time to live was at the far leg: least and most. Negative where a device raised it.
    pub hops: Option<(i16, i16)>,
    /// What the SYN or SYN-ACK offered at the near and at the far leg, where it is not the same.
    pub offer: Option<[SynOffer; 2]>,
    /// How long packets took. `None` where the clocks are not bounded or no packet can be told from all others.
    pub delay: Option<Delay>,
    /// Packets of either leg that the other leg's capture may not have been running for, or that overlap with too many
    /// others.
    pub not_compared: u64,
}

/// Packets that begin or end a connection, where the far leg has not one of the kind and nothing says that it arrived:
/// what the one end decided, the other was not told there. Near frames.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct NeverSeen {
    /// SYN or SYN-ACK.
    pub syn: Tally,
    /// FIN.
    pub fin: Tally,
    /// RST. A reset is not acknowledged: the far capture may have missed it.
    pub reset: Tally,
}

impl NeverSeen {
    fn of_kind(&mut self, kind: TcpFlags) -> &mut Tally {
        match kind {
            TcpFlags::SYN => &mut self.syn,
            TcpFlags::FIN => &mut self.fin,
            _ => &mut self.reset,
        }
    }
}

/// One-way delays in nanoseconds, each with bounds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Delay {
    /// The shortest.
    pub min: Bounds,
    /// Half of the packets took no longer.
    pub median: Bounds,
    /// The longest.
    pub max: Bounds,
}

impl Passage {
    /// Whether the network did anything but to pass packets on, or a capture missed some.
    #[must_use]
    pub fn is_eventful(&self) -> bool {
        let tallies = [
            &self.lost,
            &self.bare_missing,
            &self.undecided,
            &self.unrecorded_far,
            &self.unrecorded_near,
            &self.unexplained,
            &self.injected,
            &self.duplicated,
            &self.repeated,
            &self.reordered,
            &self.changed,
        ];
        tallies.iter().any(|t| t.any()) || self.offer.is_some()
    }
}

#[cfg(test)]
mod tests;
