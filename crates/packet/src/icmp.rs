//! What ICMP says of TCP.

use std::net::IpAddr;

use crate::{Endpoint, SeqNumber};

/// An ICMP or ICMPv6 error about a TCP segment (RFC 792, RFC 4443 §3). It quotes the segment's first bytes, by which it
/// is told which connection it concerns.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct IcmpError {
    /// Who complains: a router on the way, or the host at its end.
    pub from: IpAddr,
    /// To whom: the sender of the quoted segment, unless NAT lies between.
    pub to: IpAddr,
    /// The type, of ICMP or ICMPv6 as the family of `from` says. ICMP: 3 unreachable, 4 source quench, 5 redirect, 11
    /// time exceeded, 12 parameter problem. ICMPv6: 1 unreachable, 2 packet too big, 3 time exceeded, 4 parameter
    /// problem.
    pub icmp_type: u8,
    /// The code, whose meaning depends on the type.
    pub code: u8,
    /// The next hop's MTU in bytes: where fragmentation was needed (RFC 1191 §4) or the packet was too big, and the
    /// router says it.
    pub mtu: Option<u32>,
    /// Who sent the quoted segment.
    pub src: Endpoint,
    /// Whom it was for.
    pub dst: Endpoint,
    /// Its sequence number.
    pub seq: SeqNumber,
}
