//! From the bytes of one frame to a TCP packet.

mod ip;
mod link;
mod tcp;

use crate::{Endpoint, LinkType, Segment, TcpOptions};

/// One TCP packet; options and payload borrow the captured bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TcpPacket<'a> {
    /// Who sent it.
    pub src: Endpoint,
    /// Whom it is for.
    pub dst: Endpoint,
    /// What else the headers say.
    pub segment: Segment,
    /// The TCP options.
    pub options: TcpOptions<'a>,
    /// The captured part of the payload: shorter than [`Segment::payload_len`] where the snap length cut it.
    pub payload: &'a [u8],
}

/// What a frame holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Decoded<'a> {
    /// A TCP segment.
    Tcp(TcpPacket<'a>),
    /// Something else.
    NotTcp(NotTcp),
}

/// Why a frame gave no TCP segment.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum NotTcp {
    /// The link type is not one this crate decodes.
    UnknownLinkType,
    /// The frame carries no IP (ARP, LLDP, …).
    NotIp,
    /// IP with another protocol than TCP.
    OtherProtocol(u8),
    /// An IP fragment behind the first: it has no TCP header.
    Fragment,
    /// The snap length cut the packet before the end of the TCP header.
    Cut,
    /// A header contradicts itself or the packet's length.
    Malformed,
}

/// Decodes one frame.
///
/// `data` is the captured part, `original_len` the length on the wire in bytes; a smaller one than `data.len()` (some
/// writers leave it 0) counts as `data.len()`.
#[must_use]
pub fn decode(link_type: LinkType, data: &[u8], original_len: u32) -> Decoded<'_> {
    let missing = (original_len as usize).saturating_sub(data.len());
    match link::network(link_type, data)
        .and_then(|(family, packet)| ip::tcp(family, packet, missing))
    {
        Ok(packet) => Decoded::Tcp(packet),
        Err(why) => Decoded::NotTcp(why),
    }
}

#[cfg(test)]
mod tests;
