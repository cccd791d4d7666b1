//! From the bytes of one frame to a TCP packet.

mod bytes;
mod ether;
mod fast;
mod icmp;
mod ip;
mod link;
mod mpls;
mod ppp;
mod tcp;
mod tunnel;
mod walk;
mod wifi;

use bytes::Bytes;
pub(crate) use ip::Ip;
pub(crate) use walk::Context;

use crate::{Endpoint, Fragment, IcmpError, LinkType, Segment, TcpOptions, Tunnel};

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
    /// The innermost tunnel around it, where there is one.
    pub tunnel: Option<Tunnel>,
}

/// What a frame holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Decoded<'a> {
    /// A TCP segment.
    Tcp(TcpPacket<'a>),
    /// A part of an IP datagram: the first as well as a later one.
    Fragment(Fragment<'a>),
    /// An ICMP error about a TCP segment.
    IcmpError(IcmpError),
    /// Something else.
    NotTcp(NotTcp),
}

/// Why a frame gave no TCP segment.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum NotTcp {
    /// The link type is not one this crate decodes.
    UnknownLinkType,
    /// The frame carries no IP (ARP, LLDP, encrypted Wi-Fi, …).
    NotIp,
    /// IP with another protocol than TCP: the one behind all tunnels and extension headers that were understood.
    OtherProtocol(u8),
    /// The snap length cut the packet before the end of the TCP header.
    Cut,
    /// A header contradicts itself or the packet's length, or more headers lie inside each other than any network
    /// stacks.
    Malformed,
}

/// Decodes one frame down to its innermost TCP segment, through tags, labels and tunnels.
///
/// `data` is the captured part, `original_len` the length on the wire in bytes; a smaller one than `data.len()` (some
/// writers leave it 0) counts as `data.len()`.
#[must_use]
pub fn decode(link_type: LinkType, data: &[u8], original_len: u32) -> Decoded<'_> {
    decode_with(link_type, data, original_len, Decoded::Fragment)
}

/// As [`decode`], with a say in what a fragment is. Segments are written where they are wanted, and not moved again.
#[inline]
pub(crate) fn decode_with<'a>(
    link_type: LinkType,
    data: &'a [u8],
    original_len: u32,
    fragment: impl FnOnce(Fragment<'a>) -> Decoded<'a>,
) -> Decoded<'a> {
    let frame = Bytes::new(data, original_len as usize);
    let decoded = match fast::network(link_type, frame) {
        Some((ip, tcp::PROTOCOL, payload)) => return tcp::packet(&ip, payload, None),
        Some((_, protocol @ tunnel::UDP, payload)) if tunnel::udp_port(payload).is_none() => {
            return Decoded::NotTcp(NotTcp::OtherProtocol(protocol));
        }
        Some((ip, protocol, payload)) => walk::payload(ip, protocol, payload, Context::default()),
        None => walk::frame(link_type, frame),
    };
    match decoded {
        Decoded::Fragment(part) => fragment(part),
        other => other,
    }
}

/// Decodes the payload of an IP packet: `data` was captured of `len` bytes.
pub(crate) fn decode_payload(
    ip: Ip,
    protocol: u8,
    data: &[u8],
    len: usize,
    context: Context,
) -> Decoded<'_> {
    walk::payload(ip, protocol, Bytes::new(data, len), context)
}

#[cfg(test)]
mod tests;
