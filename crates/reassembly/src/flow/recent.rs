//! Packets that the capture recorded twice.

use crosscap_packet::{Segment, SeqNumber, TcpFlags, TcpTimestamps, Timestamp};

use crate::Sighting;

/// The last packets of a flow. Bridges and cooked captures show each packet several times, microseconds apart, and a
/// burst may lie between the copies.
#[derive(Clone, Debug, Default)]
pub(super) struct Recent {
    packets: [Option<Packet>; KEPT],
    next: u8,
}

/// What [`Segment::is_copy_of`] compares.
#[derive(Clone, Copy, Debug)]
struct Packet {
    time: Timestamp,
    seq: SeqNumber,
    ack: SeqNumber,
    payload_len: u32,
    timestamps: Option<TcpTimestamps>,
    ip_id: u16,
    window: u16,
    flags: TcpFlags,
}

impl Recent {
    pub(super) fn remember(&mut self, at: &Sighting) {
        let Segment { seq, ack, payload_len, timestamps, ip_id, window, flags, .. } = at.segment;
        let time = at.time;
        self.packets[usize::from(self.next)] =
            Some(Packet { time, seq, ack, payload_len, timestamps, ip_id, window, flags });
        self.next = (self.next + 1) % KEPT as u8;
    }

    /// Whether the packet is one of them. Resets and others without an identification of their own may be sent twice in a
    /// row; they are not judged.
    pub(super) fn has(&self, at: &Sighting) -> bool {
        let s = &at.segment;
        let identified = s.ip_id != 0 || (s.timestamps.is_some() && s.seq_len() > 0);
        identified
            && self.packets.iter().flatten().any(|p| {
                p.seq == s.seq
                    && at.time.since(p.time).abs() <= COPY_WINDOW
                    && (p.ack, p.payload_len, p.timestamps) == (s.ack, s.payload_len, s.timestamps)
                    && (p.ip_id, p.window, p.flags) == (s.ip_id, s.window, s.flags)
            })
    }
}

const KEPT: usize = 8;

/// How far apart two records of one packet may lie, in nanoseconds: no stack resends this fast.
const COPY_WINDOW: i64 = 10_000_000;
