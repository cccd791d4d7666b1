//! An ordinary connection of twelve packets with timestamps: a request, its answer, closed by both ends.

use crosscap_packet::{OptionSummary, Segment, SeqNumber, TcpFlags, TcpTimestamps};

/// Whether the responder sends it, its flags and its payload.
const TALK: [(usize, u8, u32); 12] = [
    (0, 0x02, 0),
    (1, 0x12, 0),
    (0, 0x10, 0),
    (0, 0x18, 300),
    (1, 0x10, 0),
    (1, 0x10, 1448),
    (1, 0x18, 900),
    (0, 0x10, 0),
    (0, 0x11, 0),
    (1, 0x10, 0),
    (1, 0x11, 0),
    (0, 0x10, 0),
];

/// Its packets, and whether the responder (1) or the originator (0) sends each. `numbers` are the initial ones of both
/// ends; counters in the packets go on from `count`.
pub(crate) fn talk(mut numbers: [u32; 2], count: u32) -> impl Iterator<Item = (usize, Segment)> {
    (count..).zip(TALK).map(move |(n, (from, flags, payload_len))| {
        let segment = Segment {
            seq: SeqNumber(numbers[from]),
            ack: SeqNumber(numbers[1 - from]),
            flags: TcpFlags(flags),
            window: 502 + n as u16 % 7,
            ttl: 64 - from as u8,
            ip_id: n as u16 | 1,
            payload_len,
            timestamps: Some(TcpTimestamps { value: n, echo_reply: n ^ 5 }),
            options: OptionSummary::Other,
        };
        numbers[from] = numbers[from].wrapping_add(payload_len + u32::from(flags & 3 != 0));
        (from, segment)
    })
}
