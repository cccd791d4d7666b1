//! IP headers: from the IP header to TCP.
//!
//! The common case (IPv4 without fragmentation, IPv6 without extension headers) is decoded here; etherparse walks the
//! rest, and the tests hold the two equal.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use etherparse::{Ipv6ExtensionsSlice, LaxIpSlice};

use super::link::Family;
use super::{NotTcp, TcpPacket, tcp};

const TCP: u8 = 6;

/// What the IP layer says of the segment inside.
#[derive(Clone, Copy, Debug)]
pub(super) struct IpInfo {
    pub(super) src: IpAddr,
    pub(super) dst: IpAddr,
    pub(super) ttl: u8,
    pub(super) id: u16,
    /// Bytes of the IP payload on the wire.
    pub(super) payload_len: usize,
}

/// The TCP packet inside an IP packet of which the last `missing` bytes were not captured.
pub(super) fn tcp(family: Family, data: &[u8], missing: usize) -> Result<TcpPacket<'_>, NotTcp> {
    match family {
        Family::V4 => v4(data, missing),
        Family::V6 => v6(data, missing),
    }
}

fn v4(data: &[u8], missing: usize) -> Result<TcpPacket<'_>, NotTcp> {
    let header: &[u8; 20] = data.first_chunk().ok_or(NotTcp::Cut)?;
    let header_len = usize::from(header[0] & 0x0f) * 4;
    if header[0] >> 4 != 4 || header_len < 20 {
        return Err(NotTcp::Malformed);
    }
    let fragment = u16::from_be_bytes([header[6], header[7]]);
    if fragment & 0x1fff != 0 {
        return Err(NotTcp::Fragment);
    }
    if header[9] != TCP {
        return Err(NotTcp::OtherProtocol(header[9]));
    }
    let on_wire = data.len() + missing;
    let total_len = match usize::from(u16::from_be_bytes([header[2], header[3]])) {
        // Segmentation offload leaves 0: the packet was longer than the field can say.
        0 => on_wire,
        n if n < header_len => return Err(NotTcp::Malformed),
        n => n.min(on_wire),
    };
    let payload = data.get(header_len..total_len.min(data.len())).ok_or(NotTcp::Cut)?;
    let info = IpInfo {
        src: Ipv4Addr::from([header[12], header[13], header[14], header[15]]).into(),
        dst: Ipv4Addr::from([header[16], header[17], header[18], header[19]]).into(),
        ttl: header[8],
        id: u16::from_be_bytes([header[4], header[5]]),
        payload_len: total_len.saturating_sub(header_len),
    };
    tcp::packet(info, payload)
}

fn v6(data: &[u8], missing: usize) -> Result<TcpPacket<'_>, NotTcp> {
    let header: &[u8; 40] = data.first_chunk().ok_or(NotTcp::Cut)?;
    if header[0] >> 4 != 6 {
        return Err(NotTcp::Malformed);
    }
    let on_wire = data.len() + missing;
    let total_len = match usize::from(u16::from_be_bytes([header[4], header[5]])) {
        // Segmentation offload, or a jumbogram: the packet was longer than the field can say.
        0 => on_wire,
        n => (n + 40).min(on_wire),
    };
    let mut payload = data.get(40..total_len.min(data.len())).ok_or(NotTcp::Cut)?;
    let mut payload_len = total_len.saturating_sub(40);
    let mut protocol = header[6];
    if protocol != TCP {
        let before = payload.len();
        (protocol, payload) = v6_extensions(data)?;
        payload_len = payload_len.saturating_sub(before.saturating_sub(payload.len()));
    }
    if protocol != TCP {
        return Err(NotTcp::OtherProtocol(protocol));
    }
    let address = |at: usize| {
        let mut octets = [0; 16];
        octets.copy_from_slice(&header[at..at + 16]);
        IpAddr::from(Ipv6Addr::from(octets))
    };
    let info = IpInfo { src: address(8), dst: address(24), ttl: header[7], id: 0, payload_len };
    tcp::packet(info, payload)
}

/// The protocol behind the extension headers of an IPv6 packet, and its bytes.
fn v6_extensions(packet: &[u8]) -> Result<(u8, &[u8]), NotTcp> {
    let (ip, stop) = LaxIpSlice::from_slice(packet).map_err(|_| NotTcp::Malformed)?;
    if stop.is_some() {
        return Err(NotTcp::Malformed);
    }
    let LaxIpSlice::Ipv6(v6) = &ip else { return Err(NotTcp::Malformed) };
    if continues_fragment(v6.extensions()) {
        return Err(NotTcp::Fragment);
    }
    let payload = ip.payload();
    Ok((payload.ip_number.0, payload.payload))
}

/// Whether a fragment header says that this is not the first fragment: no TCP header follows.
fn continues_fragment(extensions: &Ipv6ExtensionsSlice<'_>) -> bool {
    extensions.clone().into_iter().any(|e| {
        matches!(e, etherparse::Ipv6ExtensionSlice::Fragment(f) if f.fragment_offset().value() != 0)
    })
}
