//! Who resets, told by the form of the reset.

use crosscap_packet::{OptionSummary, Segment, TcpFlags};

use crate::Sighting;

/// The first RST of a flow.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Reset {
    /// The packet.
    pub at: Sighting,
    /// What its form says of the sender.
    pub form: ResetForm,
    /// Whether it came with the time to live that the end's first packet had; `None` where it is that packet. Another one
    /// comes from elsewhere: a firewall that rejects, or a device that injects.
    pub own_ttl: Option<bool>,
}

impl Reset {
    pub(crate) fn new(at: Sighting, own_ttl: Option<bool>) -> Self {
        Self { at, form: ResetForm::of(&at.segment), own_ttl }
    }
}

/// The form of a RST (RFC 9293 §3.10.7.1 and what Linux sends).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum ResetForm {
    /// RST without ACK, window 0, no options: the host has no socket for the segment it answers, and takes its sequence
    /// number from that segment's acknowledgement.
    NoSocket,
    /// RST,ACK with sequence number 0 and window 0: the answer to a SYN for which nobody listens.
    Refused,
    /// RST,ACK with live numbers: the host aborts a connection it knows.
    Abort,
    /// Anything else, as some middleboxes send.
    Other,
}

impl ResetForm {
    /// As the connection table names it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoSocket => "no-socket",
            Self::Refused => "refused",
            Self::Abort => "abort",
            Self::Other => "other",
        }
    }

    /// The form of a segment that carries RST.
    #[must_use]
    pub fn of(segment: &Segment) -> Self {
        let bare = segment.window == 0 && segment.options == OptionSummary::Absent;
        match (segment.flags.contains(TcpFlags::ACK), bare) {
            (false, true) => Self::NoSocket,
            (true, true) if segment.seq.0 == 0 => Self::Refused,
            (true, _) => Self::Abort,
            (false, false) => Self::Other,
        }
    }
}
