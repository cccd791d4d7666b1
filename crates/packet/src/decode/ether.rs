//! Ethernet and what its types lead to.

use super::bytes::Bytes;
use super::walk::{Context, Next, Step};
use super::{NotTcp, ppp};

/// Passes the two addresses.
pub(super) fn frame(bytes: Bytes<'_>) -> Result<Step<'_>, NotTcp> {
    typed(bytes, 12)
}

/// Passes `before` bytes and the EtherType behind them.
pub(super) fn typed(bytes: Bytes<'_>, before: usize) -> Result<Step<'_>, NotTcp> {
    let (ether_type, rest) = bytes.be16_at(before)?;
    Ok((Next::EtherType(ether_type), rest))
}

/// Passes what `ether_type` announces, or says which header that is.
pub(super) fn payload<'a>(
    ether_type: u16,
    bytes: Bytes<'a>,
    context: &mut Context,
) -> Result<Step<'a>, NotTcp> {
    match ether_type {
        IPV4 => return Ok((Next::V4, bytes)),
        IPV6 => return Ok((Next::V6, bytes)),
        MPLS | MPLS_UPSTREAM => return Ok((Next::Mpls, bytes)),
        PPPOE_SESSION => return ppp::over_ethernet(bytes),
        // 802.3: the length of the frame, and no type.
        len @ 0..=1500 => return Ok((Next::Llc, bytes.limit(usize::from(len)))),
        _ => context.nest()?,
    }
    match ether_type {
        VLAN | SERVICE_VLAN | 0x9100 | 0x9200 => typed(bytes, 2),
        VN_TAG => typed(bytes, 4),
        E_TAG => typed(bytes, 6),
        // A whole frame behind the tag of a backbone service, or in a tunnel.
        SERVICE_INSTANCE => Ok((Next::Ethernet, bytes.skip(4)?)),
        BRIDGED => Ok((Next::Ethernet, bytes)),
        _ => Err(NotTcp::NotIp),
    }
}

/// Passes IEEE 802.2 and the subnetwork access protocol (RFC 1042).
pub(super) fn llc<'a>(bytes: Bytes<'a>, context: &mut Context) -> Result<Step<'a>, NotTcp> {
    context.nest()?;
    match bytes.head()? {
        [0xaa, 0xaa, 3] => match bytes.skip(3)?.head()? {
            // The second is that of bridges (IEEE 802.1H).
            [0, 0, 0] | [0, 0, 0xf8] => typed(bytes, 6),
            _ => Err(NotTcp::NotIp),
        },
        [6, 6, 3] => Ok((Next::V4, bytes.skip(3)?)),
        _ => Err(NotTcp::NotIp),
    }
}

pub(super) const IPV4: u16 = 0x0800;
pub(super) const IPV6: u16 = 0x86dd;
/// IEEE 802.1Q.
pub(super) const VLAN: u16 = 0x8100;
/// IEEE 802.1ad; 0x9100 and 0x9200 were used before there was a standard.
const SERVICE_VLAN: u16 = 0x88a8;
const MPLS: u16 = 0x8847;
const MPLS_UPSTREAM: u16 = 0x8848;
const PPPOE_SESSION: u16 = 0x8864;
/// Transparent Ethernet bridging (RFC 1701).
const BRIDGED: u16 = 0x6558;
/// IEEE 802.1ah.
const SERVICE_INSTANCE: u16 = 0x88e7;
/// IEEE 802.1BR.
const E_TAG: u16 = 0x893f;
const VN_TAG: u16 = 0x8926;
