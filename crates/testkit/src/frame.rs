//! Builds TCP packets.

use std::net::{IpAddr, SocketAddr};

/// One TCP packet to be written as bytes, with right lengths and checksums.
///
/// Starts as a bare ACK segment, sequence numbers 0, TTL 64, window 65,535, without options or payload. Every setter
/// returns the changed packet, so that a connection is written as variations of two packets.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TcpFrame {
    /// Who sends it.
    pub src: SocketAddr,
    /// Whom it is for.
    pub dst: SocketAddr,
    /// Sequence number.
    pub seq: u32,
    /// Acknowledgement number.
    pub ack: u32,
    /// Control bits as in the header: FIN 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32, ECE 64, CWR 128.
    pub flags: u8,
    /// IPv4 time to live or IPv6 hop limit.
    pub ttl: u8,
    /// IPv4 identification.
    pub ip_id: u16,
    /// Window, unscaled.
    pub window: u16,
    /// TCP options, padded to a multiple of four bytes when written.
    pub options: Vec<u8>,
    /// The timestamps option (value, echo reply), written before the other options, behind two NOPs.
    pub timestamps: Option<(u32, u32)>,
    /// Payload.
    pub payload: Vec<u8>,
    /// VLAN tag (802.1Q) of [`Self::ethernet`].
    pub vlan: Option<u16>,
}

impl TcpFrame {
    /// From one endpoint to another, written `10.1.0.2:40422` or `[2001:db8::1]:443`.
    ///
    /// # Panics
    ///
    /// When an endpoint is not written so, or their families differ.
    #[must_use]
    pub fn new(src: &str, dst: &str) -> Self {
        let endpoint = |s: &str| -> SocketAddr {
            s.parse().unwrap_or_else(|_| panic!("not an endpoint: {s}"))
        };
        Self::between(endpoint(src), endpoint(dst))
    }

    /// From one endpoint to another.
    ///
    /// # Panics
    ///
    /// When their families differ.
    #[must_use]
    pub fn between(src: SocketAddr, dst: SocketAddr) -> Self {
        assert_eq!(src.is_ipv4(), dst.is_ipv4(), "address families differ");
        Self {
            src,
            dst,
            seq: 0,
            ack: 0,
            flags: 0x10,
            ttl: 64,
            ip_id: 0,
            window: u16::MAX,
            options: Vec::new(),
            timestamps: None,
            payload: Vec::new(),
            vlan: None,
        }
    }

    /// The answer's start: ends swapped, acknowledging all of `self`, numbered by what `self` acknowledges; a bare ACK.
    #[must_use]
    pub fn reply(&self) -> Self {
        let syn_fin = u32::from(self.flags & 1) + u32::from(self.flags >> 1 & 1);
        Self {
            src: self.dst,
            dst: self.src,
            seq: self.ack,
            ack: self.seq.wrapping_add(self.payload.len() as u32 + syn_fin),
            flags: 0x10,
            ttl: 64,
            ip_id: 0,
            window: u16::MAX,
            options: Vec::new(),
            timestamps: self.timestamps.map(|(value, echo)| (echo, value)),
            payload: Vec::new(),
            vlan: self.vlan,
        }
    }

    /// Sets the sequence number.
    #[must_use]
    pub const fn seq(mut self, seq: u32) -> Self {
        self.seq = seq;
        self
    }

    /// Sets the acknowledgement number.
    #[must_use]
    pub const fn ack(mut self, ack: u32) -> Self {
        self.ack = ack;
        self
    }

    /// Sets the control bits, by letters as tcpdump and Wireshark have them: `S` SYN, `A` ACK, `F` FIN, `R` RST, `P` PSH,
    /// `U` URG, `E` ECE, `C` CWR, in any order.
    ///
    /// # Panics
    ///
    /// On any other letter.
    #[must_use]
    pub fn flags(mut self, letters: &str) -> Self {
        let bit = |c| "FSRPAUEC".find(c).unwrap_or_else(|| panic!("no such flag: {c}"));
        self.flags = letters.chars().map(|c| 1 << bit(c)).fold(0, |a, b: u8| a | b);
        self
    }

    /// Sets the TTL or hop limit.
    #[must_use]
    pub const fn ttl(mut self, ttl: u8) -> Self {
        self.ttl = ttl;
        self
    }

    /// Sets the IPv4 identification.
    #[must_use]
    pub const fn ip_id(mut self, ip_id: u16) -> Self {
        self.ip_id = ip_id;
        self
    }

    /// Sets the window field.
    #[must_use]
    pub const fn window(mut self, window: u16) -> Self {
        self.window = window;
        self
    }

    /// Adds the timestamps option.
    #[must_use]
    pub const fn timestamps(mut self, value: u32, echo_reply: u32) -> Self {
        self.timestamps = Some((value, echo_reply));
        self
    }

    /// Adds a maximum segment size option, in bytes.
    #[must_use]
    pub fn mss(self, mss: u16) -> Self {
        let [high, low] = mss.to_be_bytes();
        self.option(&[2, 4, high, low])
    }

    /// Adds a window scale option, behind a NOP.
    #[must_use]
    pub fn window_scale(self, shift: u8) -> Self {
        self.option(&[1, 3, 3, shift])
    }

    /// Adds an option, as it is.
    #[must_use]
    pub fn option(mut self, bytes: &[u8]) -> Self {
        self.options.extend_from_slice(bytes);
        self
    }

    /// Sets the payload, and PSH where there is one.
    #[must_use]
    pub fn payload(mut self, bytes: &[u8]) -> Self {
        self.payload = bytes.to_vec();
        self.flags |= u8::from(!bytes.is_empty()) << 3;
        self
    }

    /// Sets a payload of `len` bytes that depend on their sequence numbers only: however a stream is cut or resent, its
    /// bytes are the same. To be called after [`Self::seq`].
    #[must_use]
    pub fn payload_len(self, len: usize) -> Self {
        let seq = self.seq;
        let byte = |i: usize| (seq.wrapping_add(i as u32).wrapping_mul(0x9e37_79b1) >> 24) as u8;
        let bytes: Vec<u8> = (0..len).map(byte).collect();
        self.payload(&bytes)
    }

    /// Puts it into a VLAN.
    #[must_use]
    pub const fn vlan(mut self, id: u16) -> Self {
        self.vlan = Some(id);
        self
    }

    /// Replaces the source, as NAT does.
    ///
    /// # Panics
    ///
    /// As [`Self::new`].
    #[must_use]
    pub fn from(self, src: &str) -> Self {
        let changed = Self::new(src, &self.dst.to_string());
        Self { src: changed.src, ..self }
    }

    /// Replaces the destination, as NAT does.
    ///
    /// # Panics
    ///
    /// As [`Self::new`].
    #[must_use]
    pub fn to(self, dst: &str) -> Self {
        let changed = Self::new(&self.src.to_string(), dst);
        Self { dst: changed.dst, ..self }
    }

    /// The bytes from the IP header on (link types 101, 228, 229).
    #[must_use]
    pub fn ip(&self) -> Vec<u8> {
        let tcp = self.tcp();
        let mut packet = match (self.src.ip(), self.dst.ip()) {
            (IpAddr::V4(src), IpAddr::V4(dst)) => {
                let mut head = vec![0x45, 0];
                head.extend((20 + tcp.len() as u16).to_be_bytes());
                head.extend(self.ip_id.to_be_bytes());
                head.extend([0x40, 0, self.ttl, 6, 0, 0]);
                head.extend(src.octets());
                head.extend(dst.octets());
                let sum = checksum(&[&head]);
                head[10..12].copy_from_slice(&sum);
                head
            }
            (IpAddr::V6(src), IpAddr::V6(dst)) => {
                let mut head = vec![0x60, 0, 0, 0];
                head.extend((tcp.len() as u16).to_be_bytes());
                head.extend([6, self.ttl]);
                head.extend(src.octets());
                head.extend(dst.octets());
                head
            }
            _ => panic!("address families differ"),
        };
        packet.extend(tcp);
        packet
    }

    /// The bytes of an Ethernet frame (link type 1), not padded to 60 bytes.
    #[must_use]
    pub fn ethernet(&self) -> Vec<u8> {
        let mut frame = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1];
        if let Some(id) = self.vlan {
            frame.extend([0x81, 0]);
            frame.extend(id.to_be_bytes());
        }
        frame.extend(self.ether_type());
        frame.extend(self.ip());
        frame
    }

    /// The bytes of a Linux cooked frame (link type 113).
    #[must_use]
    pub fn linux_sll(&self) -> Vec<u8> {
        let mut frame = vec![0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0];
        frame.extend(self.ether_type());
        frame.extend(self.ip());
        frame
    }

    /// The bytes of a Linux cooked frame version 2 (link type 276) of interface `index`.
    #[must_use]
    pub fn linux_sll2(&self, index: u32) -> Vec<u8> {
        let mut frame = self.ether_type().to_vec();
        frame.extend([0; 2]);
        frame.extend(index.to_be_bytes());
        frame.extend([0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0]);
        frame.extend(self.ip());
        frame
    }

    const fn ether_type(&self) -> [u8; 2] {
        if self.src.is_ipv4() { [0x08, 0x00] } else { [0x86, 0xdd] }
    }

    /// Header and payload, with the checksum.
    fn tcp(&self) -> Vec<u8> {
        let mut options = Vec::new();
        if let Some((value, echo)) = self.timestamps {
            options.extend([1, 1, 8, 10]);
            options.extend(value.to_be_bytes());
            options.extend(echo.to_be_bytes());
        }
        options.extend_from_slice(&self.options);
        options.resize(options.len().next_multiple_of(4), 0);
        assert!(options.len() <= 40, "more than 40 bytes of options");

        let mut tcp = Vec::with_capacity(20 + options.len() + self.payload.len());
        tcp.extend(self.src.port().to_be_bytes());
        tcp.extend(self.dst.port().to_be_bytes());
        tcp.extend(self.seq.to_be_bytes());
        tcp.extend(self.ack.to_be_bytes());
        tcp.extend([((20 + options.len()) as u8) << 2, self.flags]);
        tcp.extend(self.window.to_be_bytes());
        tcp.extend([0; 4]);
        tcp.extend(options);
        tcp.extend_from_slice(&self.payload);
        assert!(tcp.len() <= 65_515, "too long for an IP packet");

        let mut pseudo = Vec::with_capacity(40);
        for ip in [self.src.ip(), self.dst.ip()] {
            match ip {
                IpAddr::V4(ip) => pseudo.extend(ip.octets()),
                IpAddr::V6(ip) => pseudo.extend(ip.octets()),
            }
        }
        pseudo.extend((tcp.len() as u32).to_be_bytes());
        pseudo.extend([0, 0, 0, 6]);
        let sum = checksum(&[&pseudo, &tcp]);
        tcp[16..18].copy_from_slice(&sum);
        tcp
    }
}

/// The Internet checksum (RFC 1071) of the parts one after the other; all but the last are of even length.
pub(crate) fn checksum(parts: &[&[u8]]) -> [u8; 2] {
    let words = parts.iter().flat_map(|part| part.chunks(2));
    let sum: u32 =
        words.map(|w| u32::from(w[0]) << 8 | w.get(1).map_or(0, |b| u32::from(*b))).sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    (!((folded & 0xffff) + (folded >> 16)) as u16).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sums to all ones, by another route: one's-complement addition of whole packets.
    fn is_right(parts: &[&[u8]]) -> bool {
        let mut sum = 0_u16;
        for word in parts.concat().chunks(2) {
            let word = u16::from_be_bytes([word[0], *word.get(1).unwrap_or(&0)]);
            let (s, carry) = sum.overflowing_add(word);
            sum = s + u16::from(carry);
        }
        sum == 0xffff
    }

    #[test]
    fn checksums_are_right() {
        let v4 = TcpFrame::new("10.1.0.2:40422", "10.96.0.10:80").seq(7).payload_len(1001).ip();
        assert!(is_right(&[&v4[..20]]));
        let len = (v4.len() as u32 - 20).to_be_bytes();
        assert!(is_right(&[&v4[12..20], &len, &[0, 0, 0, 6], &v4[20..]]));

        let v6 = TcpFrame::new("[2001:db8::1]:443", "[2001:db8::2]:5000").payload(b"abc").ip();
        let len = (v6.len() as u32 - 40).to_be_bytes();
        assert!(is_right(&[&v6[8..40], &len, &[0, 0, 0, 6], &v6[40..]]));
    }

    #[test]
    fn flags_are_letters() {
        let frame = TcpFrame::new("1.1.1.1:1", "2.2.2.2:2");
        assert_eq!(frame.clone().flags("SA").flags, 0x12);
        assert_eq!(frame.clone().flags("").flags, 0);
        assert_eq!(frame.flags("CEUAPRSF").flags, 0xff);
    }

    #[test]
    fn replies_acknowledge() {
        let syn = TcpFrame::new("1.1.1.1:1", "2.2.2.2:2").flags("S").seq(u32::MAX);
        let reply = syn.reply();
        assert_eq!((reply.src, reply.dst, reply.ack), (syn.dst, syn.src, 0));
    }

    #[test]
    fn payload_depends_on_the_sequence_number_only() {
        let frame = TcpFrame::new("1.1.1.1:1", "2.2.2.2:2");
        let whole = frame.clone().seq(100).payload_len(50).payload;
        assert_eq!(frame.seq(120).payload_len(30).payload, whole[20..]);
    }
}
