//! The short way into the frames of nearly every capture: a usual link header, then a whole packet of IPv4 or IPv6.
//! Whatever else there is, is walked header by header; the tests hold the two equal.

use super::bytes::Bytes;
use super::ether::{IPV4, IPV6, VLAN};
use super::ip::{self, Ip};
use crate::LinkType;

/// What IP says, the protocol inside and its bytes; `None` where the frame is of another kind, or not as it should be.
#[inline]
pub(super) fn network(link_type: LinkType, frame: Bytes<'_>) -> Option<(Ip, u8, Bytes<'_>)> {
    let (ether_type, packet) = match link_type {
        LinkType::ETHERNET => match frame.be16_at(12).ok()? {
            (VLAN, tag) => tag.be16_at(2).ok()?,
            untagged => untagged,
        },
        LinkType::LINUX_SLL => frame.be16_at(14).ok()?,
        LinkType::LINUX_SLL2 => (frame.be16_at(0).ok()?.0, frame.skip(20).ok()?),
        LinkType::RAW | LinkType::RAW_BSD => match frame.captured.first()? >> 4 {
            4 => (IPV4, frame),
            _ => (IPV6, frame),
        },
        LinkType::IPV4 => (IPV4, frame),
        LinkType::IPV6 => (IPV6, frame),
        _ => return None,
    };
    match ether_type {
        IPV4 => {
            let v4 = ip::v4(packet).ok()?;
            v4.is_whole().then_some((v4.ip, v4.protocol, v4.payload))
        }
        IPV6 => ip::v6(packet).ok(),
        _ => None,
    }
}
