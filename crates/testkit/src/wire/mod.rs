//! Builds packets of any depth, from the inside out.

mod hostile;
mod link;
mod tunnel;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub use hostile::{HostileFrames, hostile_frames};

use crate::TcpFrame;
use crate::frame::checksum;

/// A packet that the next header is put around. Every header finds out from what it carries which type or protocol it
/// has to announce:
///
/// ```
/// use crosscap_testkit::{TcpFrame, Wire};
///
/// let syn = TcpFrame::new("10.1.0.2:40422", "10.96.0.10:80").flags("S");
/// let frame = Wire::tcp(&syn).ethernet().vxlan(42).ip("192.0.2.1", "192.0.2.2").vlan(5).ethernet();
/// assert_eq!(frame.bytes.len(), 14 + 4 + 20 + 8 + 8 + 14 + 20 + 20);
/// ```
///
/// Lengths and checksums of IPv4 headers are right; UDP and ICMP go without checksum. To lie, change
/// [`bytes`](Self::bytes).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Wire {
    /// All bytes so far.
    pub bytes: Vec<u8>,
    /// The EtherType by which Ethernet and others announce them.
    pub ether_type: u16,
    /// The protocol by which IP announces them.
    pub protocol: u8,
}

impl Wire {
    /// Anything.
    #[must_use]
    pub fn new(bytes: impl Into<Vec<u8>>, ether_type: u16, protocol: u8) -> Self {
        Self { bytes: bytes.into(), ether_type, protocol }
    }

    /// A TCP packet, from its IP header on.
    #[must_use]
    pub fn tcp(frame: &TcpFrame) -> Self {
        Self::packet(frame.ip())
    }

    /// An IP packet, of the version its first nibble says.
    #[must_use]
    pub fn packet(bytes: Vec<u8>) -> Self {
        if bytes[0] >> 4 == 4 { Self::new(bytes, 0x0800, 4) } else { Self::new(bytes, 0x86dd, 41) }
    }

    /// What this IP packet carries, without the IP header.
    #[must_use]
    pub fn payload(&self) -> Self {
        let (header_len, protocol) = match self.bytes[0] >> 4 {
            4 => (usize::from(self.bytes[0] & 15) * 4, self.bytes[9]),
            _ => (40, self.bytes[6]),
        };
        Self::new(&self.bytes[header_len..], 0, protocol)
    }

    /// Puts `header` in front; the outcome is announced by `ether_type` and `protocol`.
    #[must_use]
    pub fn behind(&self, header: &[u8], ether_type: u16, protocol: u8) -> Self {
        Self::new([header, &self.bytes].concat(), ether_type, protocol)
    }

    /// Only the first `len` bytes.
    #[must_use]
    pub fn cut(mut self, len: usize) -> Self {
        self.bytes.truncate(len);
        self
    }

    /// With other bytes from `at` on.
    #[must_use]
    pub fn changed(mut self, at: usize, to: &[u8]) -> Self {
        self.bytes[at..at + to.len()].copy_from_slice(to);
        self
    }

    /// Inside an IP header, identification 0.
    ///
    /// # Panics
    ///
    /// When the addresses are none, or of two families.
    #[must_use]
    pub fn ip(&self, src: &str, dst: &str) -> Self {
        let parse = |s: &str| s.parse().unwrap_or_else(|_| panic!("not an address: {s}"));
        match (parse(src), parse(dst)) {
            (IpAddr::V4(src), IpAddr::V4(dst)) => self.ipv4(src, dst, 0, 0x4000),
            (IpAddr::V6(src), IpAddr::V6(dst)) => self.ipv6(src, dst),
            _ => panic!("address families differ"),
        }
    }

    /// Inside an IPv4 header with these identification, flags and fragment offset.
    fn ipv4(&self, src: Ipv4Addr, dst: Ipv4Addr, id: u16, fragment: u16) -> Self {
        let mut header = vec![0x45, 0];
        header.extend((20 + self.bytes.len() as u16).to_be_bytes());
        header.extend(id.to_be_bytes());
        header.extend(fragment.to_be_bytes());
        header.extend([64, self.protocol, 0, 0]);
        header.extend(src.octets());
        header.extend(dst.octets());
        let sum = checksum(&[&header]);
        header[10..12].copy_from_slice(&sum);
        self.behind(&header, 0x0800, 4)
    }

    fn ipv6(&self, src: Ipv6Addr, dst: Ipv6Addr) -> Self {
        let mut header = vec![0x60, 0, 0, 0];
        header.extend((self.bytes.len() as u16).to_be_bytes());
        header.extend([self.protocol, 64]);
        header.extend(src.octets());
        header.extend(dst.octets());
        self.behind(&header, 0x86dd, 41)
    }

    /// Behind an IPv6 extension header of this kind (0 hop by hop, 43 routing, 60 destination options) with padding.
    #[must_use]
    pub fn extension(&self, kind: u8) -> Self {
        self.behind(&[self.protocol, 0, 1, 4, 0, 0, 0, 0], 0, kind)
    }

    /// Behind an IPv6 fragment header.
    #[must_use]
    pub fn ipv6_fragment(&self, id: u32, offset: u16, more: bool) -> Self {
        let [high, low] = (offset | u16::from(more)).to_be_bytes();
        let [a, b, c, d] = id.to_be_bytes();
        self.behind(&[self.protocol, 0, high, low, a, b, c, d], 0, 44)
    }

    /// Behind an IPsec authentication header.
    #[must_use]
    pub fn authentication(&self) -> Self {
        let mut header = vec![self.protocol, 4, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1];
        header.extend([0xaa; 12]);
        self.behind(&header, 0, 51)
    }

    /// This IP packet in fragments, each with at most `size` bytes of its payload but the last; `size` is a multiple of
    /// 8.
    #[must_use]
    pub fn fragments(&self, id: u16, size: usize) -> Vec<Self> {
        let payload = self.payload();
        let mut places: Vec<(usize, usize)> = (0..payload.bytes.len())
            .step_by(size)
            .map(|at| (at, payload.bytes.len().min(at + size)))
            .collect();
        places.dedup();
        places.iter().map(|&(from, to)| self.fragment(id, from..to)).collect()
    }

    /// The fragment of this IP packet with these bytes of its payload; the last one where they reach its end.
    #[must_use]
    pub fn fragment(&self, id: u16, place: std::ops::Range<usize>) -> Self {
        let whole = self.payload();
        let more = place.end < whole.bytes.len();
        self.lying_fragment(id, place.start as u16, more, &whole.bytes[place])
    }

    /// A fragment of a datagram between the ends of this IP packet that says of itself whatever it is told to.
    #[must_use]
    pub fn lying_fragment(&self, id: u16, offset: u16, more: bool, data: &[u8]) -> Self {
        let part = Self::new(data, 0, self.payload().protocol);
        match self.bytes[0] >> 4 {
            4 => {
                let place = (offset / 8) | (u16::from(more) << 13);
                part.ipv4(self.address::<4>(12).into(), self.address::<4>(16).into(), id, place)
            }
            _ => part
                .ipv6_fragment(u32::from(id), offset, more)
                .ipv6(self.address::<16>(8).into(), self.address::<16>(24).into()),
        }
    }

    fn address<const N: usize>(&self, at: usize) -> [u8; N] {
        *self.bytes[at..].first_chunk().expect("an IP header")
    }

    /// Quoted by an ICMP error of this type and code, or ICMPv6 where this is an IPv6 packet; `word` is what stands
    /// between the checksum and the quote.
    #[must_use]
    pub fn icmp_error(&self, icmp_type: u8, code: u8, word: u32) -> Self {
        let [a, b, c, d] = word.to_be_bytes();
        let protocol = if self.bytes[0] >> 4 == 4 { 1 } else { 58 };
        self.behind(&[icmp_type, code, 0, 0, a, b, c, d], 0, protocol)
    }
}
