//! One fragment of an IP datagram.

use std::net::IpAddr;

use crate::Tunnel;

/// A fragment (RFC 791 §3.2, RFC 8200 §4.5): to be given to a [`Defragmenter`](crate::Defragmenter), in the order of
/// the capture.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Fragment<'a> {
    /// Who sent the datagram.
    pub src: IpAddr,
    /// Whom it is for.
    pub dst: IpAddr,
    /// What all fragments of a datagram have in common: 16 bits in IPv4, 32 in IPv6.
    pub id: u32,
    /// The protocol of what is fragmented. In IPv6 that of the first fragment counts.
    pub protocol: u8,
    /// IPv4 time to live or IPv6 hop limit.
    pub ttl: u8,
    /// Where in the datagram's payload this fragment begins, in bytes.
    pub offset: u32,
    /// Bytes of payload on the wire.
    pub len: u32,
    /// Whether this is not the last one.
    pub more: bool,
    /// The captured part of the payload: shorter than `len` where the snap length cut it.
    pub data: &'a [u8],
    /// The tunnel that the fragment, not the datagram's content, was found in.
    pub tunnel: Option<Tunnel>,
    /// Headers passed on the way here: what lies inside is bounded by the same count.
    pub(crate) nested: u8,
}
