//! Tunnels that have a header of their own. A port alone proves nothing: every field that must have a value has to have
//! it, and what is inside has to be IP in the end.

use nom::bytes::complete::take;
use nom::combinator::{cond, verify};
use nom::number::complete::{be_u16, be_u24, be_u32, u8 as byte};
use nom::{IResult, Parser};

use super::bytes::Bytes;
use super::walk::{Inside, Next};
use crate::TunnelKind;

/// The port a UDP datagram is for, where it is one of tunnels.
pub(super) fn udp_port(bytes: Bytes<'_>) -> Option<u16> {
    let port = bytes.captured.get(2..4)?;
    let port = u16::from_be_bytes([port[0], port[1]]);
    matches!(port, VXLAN | VXLAN_LINUX | VXLAN_GPE | GENEVE | GTP_U | L2TP).then_some(port)
}

/// What is inside a UDP datagram, where it is a tunnel.
pub(super) fn in_udp(bytes: Bytes<'_>) -> Option<Inside<'_>> {
    let port = udp_port(bytes)?;
    let (&[_, _, _, _, len_high, len_low, _, _], payload) = bytes.split().ok()?;
    // A length of 0 is that of offloaded segments.
    let payload = match usize::from(u16::from_be_bytes([len_high, len_low])) {
        0 => payload,
        len => payload.limit(len.checked_sub(8)?),
    };
    let (kind, header): (_, Header) = match port {
        VXLAN | VXLAN_LINUX => (TunnelKind::Vxlan, vxlan),
        VXLAN_GPE => (TunnelKind::Vxlan, vxlan_gpe),
        GENEVE => (TunnelKind::Geneve, geneve),
        GTP_U => (TunnelKind::GtpU, gtp_u),
        _ => (TunnelKind::L2tp, l2tp),
    };
    let ((id, next), bytes) = payload.parse(header)?;
    Some(Inside { kind, id, next, bytes })
}

/// Reads the header of a tunnel: its id and what is inside.
type Header = fn(&[u8]) -> IResult<&[u8], (u32, Next)>;

/// RFC 7348: flags, reserved, VNI, reserved; or the flags and the group of the group policy extension.
fn vxlan(input: &[u8]) -> IResult<&[u8], (u32, Next)> {
    let plain = verify(be_u32, |first| *first == 0x0800_0000);
    let with_group = verify(be_u32, |first| first & 0xffb7_0000 == 0x8800_0000);
    let (rest, _) = plain.or(with_group).parse(input)?;
    let (rest, vni) = vni(rest)?;
    Ok((rest, (vni, Next::Ethernet)))
}

/// draft-ietf-nvo3-vxlan-gpe: as VXLAN, with the protocol in the last reserved byte of the first word.
fn vxlan_gpe(input: &[u8]) -> IResult<&[u8], (u32, Next)> {
    let (rest, first) = verify(be_u32, |first| first & 0xffff_ff00 == 0x0c00_0000).parse(input)?;
    let (rest, vni) = vni(rest)?;
    let next = match first & 0xff {
        1 => Next::V4,
        2 => Next::V6,
        3 => Next::Ethernet,
        _ => return fail(input),
    };
    Ok((rest, (vni, next)))
}

/// RFC 8926 §3.4: version 0, length of the options in words, flags, EtherType, VNI, reserved.
fn geneve(input: &[u8]) -> IResult<&[u8], (u32, Next)> {
    let (rest, first) = verify(be_u16, |first| first & 0xc0bf == 0).parse(input)?;
    let (rest, ether_type) = be_u16(rest)?;
    let (rest, vni) = vni(rest)?;
    let (rest, _) = take(usize::from(first >> 8) * 4).parse(rest)?;
    Ok((rest, (vni, Next::EtherType(ether_type))))
}

/// A network id of 24 bits and a reserved byte.
fn vni(input: &[u8]) -> IResult<&[u8], u32> {
    let (rest, (vni, _)) = (be_u24, verify(byte, |reserved| *reserved == 0)).parse(input)?;
    Ok((rest, vni))
}

/// 3GPP TS 29.281 §5.1: version 1, message type 255 (a user's packet), length, endpoint; then, if any of three flags is
/// set, four bytes for all of them, and extension headers.
fn gtp_u(input: &[u8]) -> IResult<&[u8], (u32, Next)> {
    let (rest, flags) = verify(byte, |flags| flags & 0xf8 == 0x30).parse(input)?;
    let (rest, _) = verify(byte, |kind| *kind == 255).parse(rest)?;
    let (rest, (_, endpoint)) = (be_u16, be_u32).parse(rest)?;
    let (mut rest, more) = cond(flags & 7 != 0, (take(3usize), byte)).parse(rest)?;
    let mut extension = more.map_or(0, |(_, next)| next) & if flags & 4 == 0 { 0 } else { 0xff };
    // Each takes at least four bytes, so this ends.
    while extension != 0 {
        let (behind, words) = verify(byte, |words| *words > 0).parse(rest)?;
        (rest, (_, extension)) = (take(usize::from(words) * 4 - 2), byte).parse(behind)?;
    }
    Ok((rest, (endpoint, Next::Ip)))
}

/// RFC 2661 §3.1: a data message of version 2; length, sequence numbers and padding where the flags say so.
fn l2tp(input: &[u8]) -> IResult<&[u8], (u32, Next)> {
    let (rest, flags) = verify(be_u16, |flags| flags & 0xb4ff == 2).parse(input)?;
    let (rest, _) = cond(flags & 0x4000 != 0, be_u16).parse(rest)?;
    let (rest, session) = be_u32(rest)?;
    let (rest, _) = cond(flags & 0x0800 != 0, be_u32).parse(rest)?;
    let (rest, padding) = cond(flags & 0x0200 != 0, be_u16).parse(rest)?;
    let (rest, _) = take(usize::from(padding.unwrap_or_default())).parse(rest)?;
    Ok((rest, (session, Next::Ppp)))
}

/// What is inside GRE.
pub(super) fn in_gre(bytes: Bytes<'_>) -> Option<Inside<'_>> {
    let ((kind, id, next), bytes) = bytes.parse(gre)?;
    Some(Inside { kind, id, next, bytes })
}

/// RFC 2784 and 2890: flags, version 0, EtherType; checksum, key and sequence number where the flags say so. Version 1
/// is that of PPTP (RFC 2637 §4.1).
fn gre(input: &[u8]) -> IResult<&[u8], (TunnelKind, u32, Next)> {
    let (rest, (flags, ether_type)) = (be_u16, be_u16).parse(input)?;
    if flags & 0x4007 == 1 && ether_type == 0x880b {
        let (rest, (_, call)) = (be_u16, be_u16).parse(rest)?;
        let (rest, _) = cond(flags & 0x1000 != 0, be_u32).parse(rest)?;
        let (rest, _) = cond(flags & 0x0080 != 0, be_u32).parse(rest)?;
        return Ok((rest, (TunnelKind::Gre, u32::from(call), Next::Ppp)));
    }
    // Source routing was dropped by RFC 2784.
    if flags & 0x4007 != 0 {
        return fail(input);
    }
    let (rest, _) = cond(flags & 0x8000 != 0, be_u32).parse(rest)?;
    let (rest, key) = cond(flags & 0x2000 != 0, be_u32).parse(rest)?;
    let (rest, sequence) = cond(flags & 0x1000 != 0, be_u32).parse(rest)?;
    match ether_type {
        ERSPAN | ERSPAN_III => erspan(rest, ether_type, sequence.is_some()),
        _ => Ok((rest, (TunnelKind::Gre, key.unwrap_or_default(), Next::EtherType(ether_type)))),
    }
}

/// draft-foschiano-erspan: type I has no header, type II one of 8 bytes, type III one of 12, and 8 more where its last
/// bit says so. The session is the lower 10 bits of the second half-word.
fn erspan(
    input: &[u8],
    ether_type: u16,
    numbered: bool,
) -> IResult<&[u8], (TunnelKind, u32, Next)> {
    let (rest, session) = if ether_type == ERSPAN && !numbered {
        (input, 0)
    } else if ether_type == ERSPAN {
        let (rest, (_, session, _)) = (be_u16, be_u16, be_u32).parse(input)?;
        (rest, session)
    } else {
        let (rest, (_, session, _, last)) = (be_u16, be_u16, be_u32, be_u32).parse(input)?;
        let (rest, _) = cond(last & 1 != 0, take(8usize)).parse(rest)?;
        (rest, session)
    };
    Ok((rest, (TunnelKind::Erspan, u32::from(session & 0x3ff), Next::Ethernet)))
}

fn fail<T>(input: &[u8]) -> IResult<&[u8], T> {
    Err(nom::Err::Error(nom::error::Error::new(input, nom::error::ErrorKind::Verify)))
}

/// UDP's number in IP headers.
pub(super) const UDP: u8 = 17;

const VXLAN: u16 = 4789;
/// Linux before it had a registered number, and still unless told otherwise.
const VXLAN_LINUX: u16 = 8472;
const VXLAN_GPE: u16 = 4790;
const GENEVE: u16 = 6081;
const GTP_U: u16 = 2152;
const L2TP: u16 = 1701;

const ERSPAN: u16 = 0x88be;
const ERSPAN_III: u16 = 0x22eb;
