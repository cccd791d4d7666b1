//! How a connection began and ended, in Zeek's terms.

use std::fmt;

/// Zeek's `conn_state`.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum ConnState {
    /// Connection attempt seen, no reply.
    S0,
    /// Established, not terminated.
    S1,
    /// Established, close attempt by the originator seen, none by the responder.
    S2,
    /// Established, close attempt by the responder seen, none by the originator.
    S3,
    /// Normal establishment and termination.
    Sf,
    /// Connection attempt rejected.
    Rej,
    /// Established, the originator aborted.
    Rsto,
    /// The responder aborted.
    Rstr,
    /// The originator sent a SYN followed by a RST; no SYN-ACK was seen.
    Rstos0,
    /// The responder sent a SYN-ACK followed by a RST; no SYN was seen.
    Rstrh,
    /// The originator sent a SYN followed by a FIN; no SYN-ACK was seen.
    Sh,
    /// The responder sent a SYN-ACK followed by a FIN; no SYN was seen.
    Shr,
    /// No SYN seen, just midstream traffic.
    Oth,
}

impl ConnState {
    /// As Zeek writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::S0 => "S0",
            Self::S1 => "S1",
            Self::S2 => "S2",
            Self::S3 => "S3",
            Self::Sf => "SF",
            Self::Rej => "REJ",
            Self::Rsto => "RSTO",
            Self::Rstr => "RSTR",
            Self::Rstos0 => "RSTOS0",
            Self::Rstrh => "RSTRH",
            Self::Sh => "SH",
            Self::Shr => "SHR",
            Self::Oth => "OTH",
        }
    }
}

impl fmt::Display for ConnState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where one end stands, told from what it sent.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum EndState {
    #[default]
    Inactive,
    SynSent,
    SynAckSent,
    /// Seen only in midstream.
    Partial,
    Established,
    /// FIN sent.
    Closed,
    /// RST sent.
    Reset,
}

impl EndState {
    /// The one with this number; inactive where there is none.
    pub(crate) fn from_u8(number: u8) -> Self {
        let all = [
            Self::Inactive,
            Self::SynSent,
            Self::SynAckSent,
            Self::Partial,
            Self::Established,
            Self::Closed,
            Self::Reset,
        ];
        all.get(usize::from(number)).copied().unwrap_or_default()
    }
}

/// Zeek's mapping from the states of both ends (scripts/base/protocols/conn/main.zeek).
pub(crate) fn conn_state(
    orig: EndState,
    resp: EndState,
    has_payload: bool,
    history: &str,
) -> ConnState {
    use EndState::{Closed, Established, Inactive, Partial, Reset, SynAckSent, SynSent};

    let inactive = |state| matches!(state, Inactive | Partial);
    match (orig, resp) {
        (SynSent | SynAckSent, Reset) => ConnState::Rej,
        (Reset, Reset) if !has_payload => ConnState::Rej,
        (orig, Reset) if inactive(orig) => ConnState::Rstrh,
        (_, Reset) => ConnState::Rstr,
        (Reset, resp) if inactive(resp) => {
            // After a SYN, and nothing else of its own.
            let before = history.strip_prefix('S').and_then(|rest| Some(rest.split_once('R')?.0));
            match before {
                Some(before) if !before.contains(['H', 'A', 'F', 'G', 'I', 'Q']) => {
                    ConnState::Rstos0
                }
                _ => ConnState::Oth,
            }
        }
        (Reset, _) => ConnState::Rsto,
        (Closed, Closed) => ConnState::Sf,
        (Closed, resp) if inactive(resp) => ConnState::Sh,
        (Closed, _) => ConnState::S2,
        (orig, Closed) if inactive(orig) => ConnState::Shr,
        (_, Closed) => ConnState::S3,
        (SynSent, Inactive) => ConnState::S0,
        (Established, Established) => ConnState::S1,
        _ => ConnState::Oth,
    }
}
