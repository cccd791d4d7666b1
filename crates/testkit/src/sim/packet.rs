//! One packet at one point.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::TcpFrame;

/// A TCP packet as one point captured it, and whose it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SimPacket {
    /// Which point.
    pub point: usize,
    /// The connection it belongs to in truth, from 0.
    pub connection: u32,
    /// Who sent it: the originator (0) or the responder (1).
    pub by: usize,
    /// How far its sequence number is behind its sender's initial one, whatever that is at this point.
    pub offset: u32,
    /// When it passed, true time in nanoseconds from the first connection.
    pub true_time: i64,
    /// When it was captured, in the clock of the point; nanoseconds of the Unix epoch.
    pub time: i64,
    /// Who sent it.
    pub src: SocketAddr,
    /// Whom it is for.
    pub dst: SocketAddr,
    /// Sequence number.
    pub seq: u32,
    /// Acknowledgement number.
    pub ack: u32,
    /// Control bits as in the header: FIN 1, SYN 2, RST 4, PSH 8, ACK 16.
    pub flags: u8,
    /// Window, unscaled.
    pub window: u16,
    /// IPv4 time to live or IPv6 hop limit.
    pub ttl: u8,
    /// IPv4 identification; 0 over IPv6.
    pub ip_id: u16,
    /// Payload in bytes; more than 1,460 where the capture merged segments.
    pub payload_len: u32,
    /// The timestamps option: value and echo reply.
    pub timestamps: Option<(u32, u32)>,
    /// The largest segment that its sender takes; of SYN and SYN-ACK.
    pub mss: Option<u16>,
}

impl SimPacket {
    /// As bytes. The payload follows from the connection, who sent it and its place in the stream, and is the same at
    /// every point. A SYN says that its sender scales windows by 2⁷ and takes selective acknowledgements.
    #[must_use]
    pub fn frame(&self) -> TcpFrame {
        let mut frame = TcpFrame::between(self.src, self.dst).seq(self.seq).ack(self.ack);
        (frame.flags, frame.window, frame.timestamps) = (self.flags, self.window, self.timestamps);
        (frame.ttl, frame.ip_id) = (self.ttl, self.ip_id);
        let stream = self.connection.wrapping_mul(2).wrapping_add(self.by as u32);
        let byte = |at: u32| {
            let mixed = at.wrapping_mul(0x9e37_79b1) ^ stream.wrapping_mul(0x85eb_ca6b);
            (mixed.wrapping_mul(0xc2b2_ae35) >> 24) as u8
        };
        let place = |i: u32| self.offset.wrapping_add(i);
        frame.payload = (0..self.payload_len).map(|i| byte(place(i))).collect();
        match self.mss {
            Some(mss) => frame.mss(mss).window_scale(7).option(&[4, 2]),
            None => frame,
        }
    }
}

/// An end in the simulation's own numbers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct End {
    pub(super) address: u32,
    pub(super) port: u16,
}

impl End {
    pub(super) fn socket(self, ipv6: bool) -> SocketAddr {
        let addr: IpAddr = if ipv6 {
            let [high, low] = [(self.address >> 16) as u16, self.address as u16];
            Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, high, low).into()
        } else {
            Ipv4Addr::from(self.address).into()
        };
        SocketAddr::new(addr, self.port)
    }
}
