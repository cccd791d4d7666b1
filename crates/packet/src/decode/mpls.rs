//! MPLS (RFC 3032). Nothing in a label says what is behind the stack.

use super::bytes::Bytes;
use super::walk::{Context, Next, Step};
use super::{NotTcp, ether, ip};

/// Passes the label stack and, by the first bytes behind it, finds out what it carries.
pub(super) fn payload<'a>(mut bytes: Bytes<'a>, context: &mut Context) -> Result<Step<'a>, NotTcp> {
    loop {
        context.nest()?;
        let (entry, rest) = bytes.split::<4>()?;
        bytes = rest;
        if entry[2] & 1 != 0 {
            break;
        }
    }
    // An Ethernet address may begin as an IP header does, so the whole header has to fit.
    if ip::version(bytes).is_some() {
        return Ok((Next::Ip, bytes));
    }
    // With more bytes it might look otherwise.
    let is_cut = bytes.captured.len() < bytes.len;
    if is_cut && bytes.captured.len() < ENOUGH {
        return Err(NotTcp::Cut);
    }
    // A pseudowire, with the control word of RFC 4385 or without.
    if bytes.head::<1>()?[0] >> 4 == 0
        && let Ok(behind) = bytes.skip(4)
        && is_ethernet(behind)
    {
        return Ok((Next::Ethernet, behind));
    }
    if is_ethernet(bytes) {
        return Ok((Next::Ethernet, bytes));
    }
    Err(if is_cut { NotTcp::Cut } else { NotTcp::NotIp })
}

/// Whether this is an Ethernet frame with IP, tagged at most once: enough for certainty, as the IP header has to fit.
fn is_ethernet(bytes: Bytes<'_>) -> bool {
    let tagged = bytes.be16_at(12).is_ok_and(|(ether_type, _)| ether_type == ether::VLAN);
    bytes.be16_at(if tagged { 16 } else { 12 }).is_ok_and(|(ether_type, packet)| match ip::version(
        packet,
    ) {
        Some(4) => ether_type == ether::IPV4,
        Some(_) => ether_type == ether::IPV6,
        None => false,
    })
}

/// A control word, a tagged Ethernet header and an IPv6 header.
const ENOUGH: usize = 4 + 18 + 40;
