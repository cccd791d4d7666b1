//! Point-to-point links.

use super::bytes::Bytes;
use super::walk::{Next, Step};
use super::{NotTcp, ether};

/// Passes PPP (RFC 1661): its address and control fields where they were not left out, and the protocol.
pub(super) fn payload(bytes: Bytes<'_>) -> Result<Step<'_>, NotTcp> {
    let bytes = match bytes.head::<2>()? {
        [0xff, 3] => bytes.skip(2)?,
        _ => bytes,
    };
    let first = bytes.head::<1>()?[0];
    // An odd first byte is all of a compressed protocol number.
    let (protocol, rest) = match first & 1 {
        0 => bytes.be16_at(0)?,
        _ => (u16::from(first), bytes.skip(1)?),
    };
    match protocol {
        0x0021 => Ok((Next::V4, rest)),
        0x0057 => Ok((Next::V6, rest)),
        0x0281 | 0x0283 => Ok((Next::Mpls, rest)),
        _ => Err(NotTcp::NotIp),
    }
}

/// Passes the session header of PPPoE (RFC 2516 §4).
pub(super) fn over_ethernet(bytes: Bytes<'_>) -> Result<Step<'_>, NotTcp> {
    let (&[version_type, code, _, _, high, low], rest) = bytes.split()?;
    if (version_type, code) != (0x11, 0) {
        return Err(NotTcp::NotIp);
    }
    Ok((Next::Ppp, rest.limit(usize::from(u16::from_be_bytes([high, low])))))
}

/// PPP with the address of HDLC, or Cisco HDLC: the first byte tells.
pub(super) fn serial(bytes: Bytes<'_>) -> Result<Step<'_>, NotTcp> {
    match bytes.head::<1>()?[0] {
        0x0f | 0x8f => cisco_hdlc(bytes),
        _ => Ok((Next::Ppp, bytes)),
    }
}

/// Cisco HDLC: address, control, EtherType (RFC 1547 §4.3.1).
pub(super) fn cisco_hdlc(bytes: Bytes<'_>) -> Result<Step<'_>, NotTcp> {
    ether::typed(bytes, 2)
}

/// Frame relay (RFC 2427), or Cisco's way to carry EtherTypes on it.
pub(super) fn frame_relay(bytes: Bytes<'_>) -> Result<Step<'_>, NotTcp> {
    // The address ends with the first odd byte, after two to four.
    let Some(last) = bytes.captured.iter().take(4).position(|b| b & 1 == 1) else {
        return Err(bytes.head::<4>().map_or_else(|cut| cut, |_| NotTcp::Malformed));
    };
    let rest = bytes.skip(last + 1)?;
    match *rest.head::<2>()? {
        [3, 0xcc] => Ok((Next::V4, rest.skip(2)?)),
        [3, 0x8e] => Ok((Next::V6, rest.skip(2)?)),
        // A pad byte, then SNAP without 802.2 in front.
        [3, 0] if rest.head()? == &[3, 0, 0x80, 0, 0, 0] => ether::typed(rest, 6),
        [3, 0x80] if rest.head()? == &[3, 0x80, 0, 0, 0] => ether::typed(rest, 5),
        [3, _] => Err(NotTcp::NotIp),
        _ => ether::typed(rest, 0),
    }
}
