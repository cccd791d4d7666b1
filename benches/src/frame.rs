//! Ethernet frames with a TCP segment. Checksums are left 0.

use crate::random::Random;

/// What differs from frame to frame.
pub(crate) struct Fields {
    pub(crate) over_ipv6: bool,
    /// IPv4 address, or the end of the IPv6 one, and port.
    pub(crate) from: (u32, u16),
    pub(crate) to: (u32, u16),
    pub(crate) id: u16,
    pub(crate) seq: u32,
    pub(crate) ack: u32,
    pub(crate) flags: u8,
    /// At most [`MAX_PAYLOAD`].
    pub(crate) payload: usize,
    /// Value and echo of the timestamps option.
    pub(crate) timestamps: [u32; 2],
}

/// Writes frames, with noise for payload.
pub(crate) struct Writer {
    noise: Vec<u8>,
    frame: Vec<u8>,
}

impl Writer {
    pub(crate) fn new(random: &mut Random) -> Self {
        let noise = (0..NOISE).map(|_| random.next() as u8).collect();
        Self { noise, frame: Vec::with_capacity(1600) }
    }

    pub(crate) fn write(&mut self, fields: &Fields, random: &mut Random) -> &[u8] {
        let Fields { from, to, seq, ack, payload, .. } = *fields;
        let frame = &mut self.frame;
        frame.clear();
        frame.extend([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2]);
        let len = 32 + payload as u16;
        if fields.over_ipv6 {
            frame.extend([0x86, 0xdd, 0x60, 0, 0, 0]);
            frame.extend(len.to_be_bytes());
            frame.extend([6, 64]);
            for (address, _) in [from, to] {
                frame.extend([0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0]);
                frame.extend(address.to_be_bytes());
            }
        } else {
            frame.extend([8, 0, 0x45, 0]);
            frame.extend((20 + len).to_be_bytes());
            frame.extend(fields.id.to_be_bytes());
            frame.extend([0x40, 0, 64, 6, 0, 0]);
            frame.extend(from.0.to_be_bytes());
            frame.extend(to.0.to_be_bytes());
        }
        frame.extend(from.1.to_be_bytes());
        frame.extend(to.1.to_be_bytes());
        frame.extend(seq.to_be_bytes());
        frame.extend(ack.to_be_bytes());
        // 32 bytes of header, with the timestamps option.
        frame.extend([0x80, fields.flags, 0xff, 0xff, 0, 0, 0, 0, 1, 1, 8, 10]);
        fields.timestamps.iter().for_each(|t| frame.extend(t.to_be_bytes()));
        let at = random.below((NOISE - MAX_PAYLOAD) as u64) as usize;
        frame.extend_from_slice(&self.noise[at..at + payload]);
        frame
    }
}

pub(crate) const ACK: u8 = 0x10;
pub(crate) const FIN: u8 = 0x01;
pub(crate) const PSH: u8 = 0x08;
pub(crate) const RST: u8 = 0x04;
pub(crate) const SYN: u8 = 0x02;
/// What fits into a packet of 1500 bytes.
pub(crate) const MAX_PAYLOAD: usize = 1448;
const NOISE: usize = 64 << 10;
