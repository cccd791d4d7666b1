//! One direction of a connection.

use crosscap_packet::{FrameRef, Segment, SeqNumber, TcpFlags, Timestamp};

use crate::Reset;
use crate::coverage::Coverage;
use crate::state::EndState;

/// A packet: when and where it was captured, and what its headers say.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Sighting {
    /// Capture time, in the clock of the observation point.
    pub time: Timestamp,
    /// The frame.
    pub frame: FrameRef,
    /// Its headers.
    pub segment: Segment,
}

/// What one end sent.
#[derive(Clone, Debug)]
pub struct Flow {
    /// Initial sequence number, where the SYN or SYN-ACK was captured.
    pub isn: Option<SeqNumber>,
    /// Packets captured, copies by the capture included.
    pub packets: u64,
    /// Packets that the capture recorded twice: the same packet again within 10 ms.
    pub copies: u32,
    /// Distinct stream bytes captured.
    pub bytes: u64,
    /// Segments that carried nothing but what had been sent before: data, SYN or FIN. Keep-alives do not count.
    pub retransmits: u32,
    /// Keep-alive probes: at most one byte, just below the next sequence number (RFC 9293 §3.8.4).
    pub keep_alives: u32,
    /// Pure ACKs and data segments that announced a window of 0.
    pub zero_windows: u32,
    /// The first packet.
    pub first: Option<Sighting>,
    /// The last packet that was no copy.
    pub last: Option<Sighting>,
    /// The highest acknowledgement sent.
    pub acked: Option<SeqNumber>,
    /// The first FIN.
    pub fin: Option<Sighting>,
    /// Boxed: most flows have none, and there are many flows.
    pub(crate) reset: Option<Box<Reset>>,
    /// Whether [`Self::last`] said anything that no packet before it had said: a copy by the capture that comes late,
    /// between other packets, does not.
    pub(crate) last_is_news: bool,
    pub(crate) state: EndState,
    pub(crate) syns: u32,
    base: SeqNumber,
    coverage: Coverage,
}

/// What a segment was, against what its flow had sent before.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    /// The capture recorded one packet twice.
    Copy,
    /// A keep-alive probe.
    KeepAlive,
    /// Nothing new in sequence space, although it takes some.
    Retransmit,
    /// Brings payload not seen before.
    NewData,
    /// Takes no sequence space, or only that of a SYN, FIN or RST.
    Control,
}

impl Flow {
    pub(crate) fn new() -> Self {
        Self {
            isn: None,
            packets: 0,
            copies: 0,
            bytes: 0,
            retransmits: 0,
            keep_alives: 0,
            zero_windows: 0,
            first: None,
            last: None,
            acked: None,
            fin: None,
            reset: None,
            last_is_news: false,
            state: EndState::default(),
            syns: 0,
            base: SeqNumber(0),
            coverage: Coverage::default(),
        }
    }

    /// The sequence number behind the last stream byte captured, a FIN aside; `None` before the first packet.
    #[must_use]
    pub fn stream_end(&self) -> Option<SeqNumber> {
        self.first?;
        // Truncation is the modulus.
        Some(self.base + self.coverage.high() as u32)
    }

    /// The sequence number behind everything sent so far; `None` before the first packet.
    #[must_use]
    pub fn next_seq(&self) -> Option<SeqNumber> {
        Some(self.stream_end()? + u32::from(self.fin.is_some()))
    }

    /// Stream bytes below the highest one captured that were not captured themselves.
    #[must_use]
    pub fn missing_bytes(&self) -> u64 {
        self.coverage.missing()
    }

    /// The last packet, where it says something that none before it had said: it can be told from copies of earlier ones.
    #[must_use]
    pub fn last_news(&self) -> Option<Sighting> {
        self.last.filter(|_| self.last_is_news)
    }

    /// The first RST.
    #[must_use]
    pub fn reset(&self) -> Option<Reset> {
        self.reset.as_deref().copied()
    }

    /// SYNs or SYN-ACKs captured, copies aside.
    #[must_use]
    pub fn syns(&self) -> u32 {
        self.syns
    }

    /// Takes the next packet of this flow.
    pub(crate) fn push(&mut self, at: Sighting) -> Kind {
        let segment = at.segment;
        let flags = segment.flags;
        self.packets += 1;
        if self.last.is_some_and(|last| is_copy(&last, &at)) {
            self.copies += 1;
            return Kind::Copy;
        }
        let syn = flags.contains(TcpFlags::SYN);
        if self.first.is_none() {
            self.first = Some(at);
            self.base = segment.seq + u32::from(syn);
        }
        let later = |last: Sighting| match (segment.timestamps, last.segment.timestamps) {
            (Some(now), Some(before)) => SeqNumber(now.value).ahead_of(SeqNumber(before.value)) > 0,
            _ => false,
        };
        let more_acked = flags.contains(TcpFlags::ACK)
            && self.acked.is_none_or(|highest| segment.ack.ahead_of(highest) > 0);
        let news = self.last.is_none_or(later) || more_acked;
        self.last = Some(at);
        self.last_is_news = news;
        if segment.window == 0 && !flags.intersects(TcpFlags::SYN | TcpFlags::FIN | TcpFlags::RST) {
            self.zero_windows += 1;
        }
        if flags.contains(TcpFlags::RST) {
            // What a RST carries is a message, not stream data (RFC 9293 §3.5.3).
            self.last_is_news = self.reset.is_none();
            return Kind::Control;
        }
        if more_acked {
            self.acked = Some(segment.ack);
        }
        let start = self.offset(segment.seq + u32::from(syn));
        let end = start + i64::from(segment.payload_len);
        if syn {
            self.syns += 1;
            if let Some(isn) = self.isn {
                // Another number from a host that has sent nothing else: it began anew, and means the new one.
                if isn != segment.seq && self.coverage.high() == 0 {
                    (self.isn, self.base) = (Some(segment.seq), segment.seq + 1);
                }
                self.retransmits += 1;
                return Kind::Retransmit;
            }
            self.isn = Some(segment.seq);
        }
        if segment.payload_len <= 1
            && start == self.coverage.high() - 1
            && !flags.intersects(TcpFlags::SYN | TcpFlags::FIN)
            && self.fin.is_none()
        {
            self.keep_alives += 1;
            return Kind::KeepAlive;
        }
        let new = if self.isn.is_some() {
            self.coverage.add(start.max(0), end)
        } else {
            self.coverage.add(start, end)
        };
        self.bytes += new;
        let fin = flags.contains(TcpFlags::FIN);
        let fin_again = fin && self.fin.is_some();
        if fin {
            self.fin.get_or_insert(at);
        }
        self.last_is_news |= new > 0 || (fin && !fin_again);
        if new > 0 {
            Kind::NewData
        } else if segment.payload_len > 0 || fin_again {
            self.retransmits += 1;
            Kind::Retransmit
        } else {
            Kind::Control
        }
    }

    /// The stream offset of a sequence number, next to the highest offset seen.
    fn offset(&self, seq: SeqNumber) -> i64 {
        let high = self.coverage.high();
        high + i64::from(seq.ahead_of(self.base + high as u32))
    }
}

/// Resets and other packets without an identification of their own may be sent twice in a row; they are not judged.
fn is_copy(last: &Sighting, next: &Sighting) -> bool {
    let s = &next.segment;
    let identified = s.ip_id != 0 || (s.timestamps.is_some() && s.seq_len() > 0);
    identified
        && next.time.since(last.time).abs() <= COPY_WINDOW
        && next.segment.is_copy_of(&last.segment)
}

/// How far apart two records of one packet may lie, in nanoseconds: bridges and cooked captures show it microseconds
/// apart; no stack resends this fast.
const COPY_WINDOW: i64 = 10_000_000;
