//! The header of one TCP segment, owned.

use std::fmt;
use std::hash::Hash;
use std::ops::BitOr;

use crate::{SeqNumber, TcpTimestamps};

/// What the headers of one TCP segment say, its two ends aside; small and `Copy`, so that it can outlive the captured
/// bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Segment {
    /// Sequence number of the first byte (of the SYN, where it has one).
    pub seq: SeqNumber,
    /// Acknowledgement number. Meaningful only with [`TcpFlags::ACK`].
    pub ack: SeqNumber,
    /// Control bits.
    pub flags: TcpFlags,
    /// The window field as sent, unscaled.
    pub window: u16,
    /// IPv4 time to live or IPv6 hop limit.
    pub ttl: u8,
    /// IPv4 identification; 0 for IPv6.
    pub ip_id: u16,
    /// Payload bytes on the wire, by the IP header; more than were captured where the snap length cut the packet.
    pub payload_len: u32,
    /// The timestamps option (RFC 7323 §3), where present.
    pub timestamps: Option<TcpTimestamps>,
    /// What its other options say.
    pub options: OptionSummary,
}

/// What the options of a segment say, timestamps aside, as far as tracking a connection needs it. [`TcpOptions`]
/// borrows all of them.
///
/// [`TcpOptions`]: crate::TcpOptions
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum OptionSummary {
    /// There is no option at all. A reset by a host without a socket has none.
    #[default]
    Absent,
    /// None that this type tells, or options that the snap length cut.
    Other,
    /// Of a SYN or SYN-ACK.
    Syn(SynOptions),
    /// Of an acknowledgement: the first block (RFC 2018 §3), which is the one that the latest arrival belongs to.
    Sack {
        /// Sequence number of its first byte.
        start: SeqNumber,
        /// The one behind its last byte.
        end: SeqNumber,
        /// Whether it tells of bytes that came a second time (RFC 2883 §4): it lies below the acknowledgement or inside
        /// the second block.
        duplicate: bool,
    },
}

/// What an end tells of itself in its SYN.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct SynOptions {
    /// The largest segment it takes, in bytes (RFC 9293 §3.7.1).
    pub maximum_segment_size: Option<u16>,
    /// The left shift of its windows, at most 14 (RFC 7323 §2.2); in use only where both ends send one.
    pub window_scale: Option<u8>,
    /// Whether it takes selective acknowledgements (RFC 2018 §2).
    pub sack_permitted: bool,
}

impl Segment {
    /// Sequence space the segment takes: its payload, and one each for SYN and FIN (RFC 9293 §3.4).
    #[must_use]
    pub fn seq_len(&self) -> u32 {
        self.payload_len
            + u32::from(self.flags.contains(TcpFlags::SYN))
            + u32::from(self.flags.contains(TcpFlags::FIN))
    }

    /// The sequence number just behind the segment.
    #[must_use]
    pub fn seq_end(&self) -> SeqNumber {
        self.seq + self.seq_len()
    }

    /// Whether `other` is the same packet as seen elsewhere: the fields that routers, NAT and taps leave alone agree.
    /// A retransmission differs in its IP identification or timestamps wherever the sender sets them.
    #[must_use]
    pub fn is_copy_of(&self, other: &Self) -> bool {
        self.copy_key() == other.copy_key()
    }

    /// Whether [`Self::is_copy_of`] tells a copy from a retransmission: the sender numbers its packets or stamps them.
    #[must_use]
    pub const fn is_identified(&self) -> bool {
        self.ip_id != 0 || self.timestamps.is_some()
    }

    /// Whether the time to live is one of those that stacks start with: most likely no router has counted it down.
    #[must_use]
    pub const fn has_initial_ttl(&self) -> bool {
        matches!(self.ttl, 32 | 64 | 128 | 255)
    }

    /// The fields that [`Self::is_copy_of`] compares.
    #[must_use]
    pub fn copy_key(&self) -> impl Copy + Eq + Hash + use<> {
        (self.seq, self.ack, self.flags, self.payload_len, self.ip_id, self.window, self.timestamps)
    }
}

/// TCP control bits, as in the thirteenth and fourteenth byte of the header (RFC 9293 §3.1).
#[derive(Clone, Copy, Default, Eq, Hash, PartialEq)]
pub struct TcpFlags(pub u8);

impl TcpFlags {
    /// No more data from the sender.
    pub const FIN: Self = Self(0x01);
    /// Synchronise sequence numbers.
    pub const SYN: Self = Self(0x02);
    /// Reset the connection.
    pub const RST: Self = Self(0x04);
    /// Push.
    pub const PSH: Self = Self(0x08);
    /// The acknowledgement field is significant.
    pub const ACK: Self = Self(0x10);
    /// The urgent pointer is significant.
    pub const URG: Self = Self(0x20);
    /// ECN echo.
    pub const ECE: Self = Self(0x40);
    /// Congestion window reduced.
    pub const CWR: Self = Self(0x80);

    /// Whether all bits of `other` are set.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether any bit of `other` is set.
    #[must_use]
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

impl BitOr for TcpFlags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// `SYN,ACK`; `none` where no bit is set.
impl fmt::Display for TcpFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut names =
            FLAG_NAMES.iter().filter(|(bit, _)| self.contains(*bit)).map(|(_, name)| *name);
        f.write_str(names.next().unwrap_or("none"))?;
        names.try_for_each(|name| write!(f, ",{name}"))
    }
}

impl fmt::Debug for TcpFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TcpFlags({self})")
    }
}

const FLAG_NAMES: [(TcpFlags, &str); 8] = [
    (TcpFlags::SYN, "SYN"),
    (TcpFlags::FIN, "FIN"),
    (TcpFlags::RST, "RST"),
    (TcpFlags::PSH, "PSH"),
    (TcpFlags::ACK, "ACK"),
    (TcpFlags::URG, "URG"),
    (TcpFlags::ECE, "ECE"),
    (TcpFlags::CWR, "CWR"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_named_in_one_order() {
        assert_eq!((TcpFlags::ACK | TcpFlags::SYN).to_string(), "SYN,ACK");
        assert_eq!(TcpFlags::default().to_string(), "none");
    }
}
