//! IP headers.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use etherparse::{IpAuthHeaderSlice, Ipv6FragmentHeaderSlice, Ipv6RawExtHeaderSlice};

use super::NotTcp;
use super::bytes::Bytes;

/// What the IP layer says of the packet inside.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Ip {
    pub(crate) src: IpAddr,
    pub(crate) dst: IpAddr,
    pub(crate) ttl: u8,
    /// 0 for IPv6.
    pub(crate) id: u16,
}

/// An IPv4 header (RFC 791 §3.1).
pub(super) struct V4<'a> {
    pub(super) ip: Ip,
    pub(super) protocol: u8,
    /// Flags and fragment offset.
    fragment: u16,
    pub(super) payload: Bytes<'a>,
}

impl V4<'_> {
    /// Whether the packet is a whole one.
    pub(super) const fn is_whole(&self) -> bool {
        self.fragment & 0x3fff == 0
    }

    /// Which part of a datagram it is, where it is not a whole one.
    pub(super) fn part(&self) -> Option<Part> {
        (!self.is_whole()).then(|| Part {
            id: u32::from(self.ip.id),
            protocol: self.protocol,
            offset: u32::from(self.fragment & 0x1fff) * 8,
            more: self.fragment & 0x2000 != 0,
        })
    }
}

/// What a fragment says of its datagram.
#[derive(Clone, Copy)]
pub(super) struct Part {
    pub(super) id: u32,
    pub(super) protocol: u8,
    /// In bytes.
    pub(super) offset: u32,
    pub(super) more: bool,
}

/// Reads an IPv4 header.
pub(super) fn v4(packet: Bytes<'_>) -> Result<V4<'_>, NotTcp> {
    let header: &[u8; 20] = packet.head()?;
    let header_len = usize::from(header[0] & 0x0f) * 4;
    if header[0] >> 4 != 4 || header_len < 20 {
        return Err(NotTcp::Malformed);
    }
    let total_len = match usize::from(u16::from_be_bytes([header[2], header[3]])) {
        // Segmentation offload leaves 0: the packet was longer than the field can say.
        0 => packet.len,
        n if n < header_len => return Err(NotTcp::Malformed),
        n => n,
    };
    Ok(V4 {
        ip: Ip {
            src: Ipv4Addr::from([header[12], header[13], header[14], header[15]]).into(),
            dst: Ipv4Addr::from([header[16], header[17], header[18], header[19]]).into(),
            ttl: header[8],
            id: u16::from_be_bytes([header[4], header[5]]),
        },
        protocol: header[9],
        fragment: u16::from_be_bytes([header[6], header[7]]),
        payload: packet.limit(total_len).skip(header_len)?,
    })
}

/// Reads an IPv6 header (RFC 8200 §3): what the packet says, the first next header, and what is behind.
pub(super) fn v6(packet: Bytes<'_>) -> Result<(Ip, u8, Bytes<'_>), NotTcp> {
    let header: &[u8; 40] = packet.head()?;
    if header[0] >> 4 != 6 {
        return Err(NotTcp::Malformed);
    }
    let total_len = match usize::from(u16::from_be_bytes([header[4], header[5]])) {
        // Segmentation offload, or a jumbogram: the packet was longer than the field can say.
        0 => packet.len,
        n => n + 40,
    };
    let address = |at: usize| {
        let mut octets = [0; 16];
        octets.copy_from_slice(&header[at..at + 16]);
        IpAddr::from(Ipv6Addr::from(octets))
    };
    let ip = Ip { src: address(8), dst: address(24), ttl: header[7], id: 0 };
    Ok((ip, header[6], packet.limit(total_len).skip(40)?))
}

/// Which IP version's header begins here, where nothing announced it; `None` where its fields do not fit the bytes.
pub(super) fn version(packet: Bytes<'_>) -> Option<u8> {
    let version = packet.captured.first()? >> 4;
    let (len_at, header_len) = match version {
        4 => v4(packet).ok().map(|_| (2, 0))?,
        6 => v6(packet).ok().map(|_| (4, 40))?,
        _ => return None,
    };
    let (len, _) = packet.be16_at(len_at).ok()?;
    (len > 0 && usize::from(len) + header_len <= packet.len).then_some(version)
}

/// What is behind an extension header.
pub(super) enum Behind<'a> {
    /// The next header, of this protocol.
    Next(u8, Bytes<'a>),
    /// A part of a datagram.
    Fragment(Part, Bytes<'a>),
    /// It was no extension header.
    Payload,
}

/// Passes one extension header (RFC 8200 §4, RFC 4302) of `protocol`, as far as the version of IP has it.
pub(super) fn extension(protocol: u8, v6: bool, bytes: Bytes<'_>) -> Result<Behind<'_>, NotTcp> {
    // What the bytes lack was not captured, unless all of them were.
    let cut = if bytes.captured.len() < bytes.len { NotTcp::Cut } else { NotTcp::Malformed };
    let (next, len) = match protocol {
        _ if !v6 && protocol != AUTHENTICATION => return Ok(Behind::Payload),
        HOP_BY_HOP | ROUTING | DESTINATION_OPTIONS | MOBILITY | HIP | SHIM6 => {
            let header = Ipv6RawExtHeaderSlice::from_slice(bytes.captured).map_err(|_| cut)?;
            (header.next_header(), header.slice().len())
        }
        AUTHENTICATION => {
            let header = IpAuthHeaderSlice::from_slice(bytes.captured).map_err(|_| cut)?;
            (header.next_header(), header.slice().len())
        }
        FRAGMENT => {
            let header = Ipv6FragmentHeaderSlice::from_slice(bytes.captured).map_err(|_| cut)?;
            let part = Part {
                id: header.identification(),
                protocol: header.next_header().0,
                offset: u32::from(header.fragment_offset().byte_offset()),
                more: header.more_fragments(),
            };
            // RFC 6946: one that is the whole datagram is none.
            if part.offset != 0 || part.more {
                return Ok(Behind::Fragment(part, bytes.skip(header.slice().len())?));
            }
            (header.next_header(), header.slice().len())
        }
        _ => return Ok(Behind::Payload),
    };
    Ok(Behind::Next(next.0, bytes.skip(len)?))
}

const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const AUTHENTICATION: u8 = 51;
const DESTINATION_OPTIONS: u8 = 60;
const MOBILITY: u8 = 135;
const HIP: u8 = 139;
const SHIM6: u8 = 140;
