//! Classic pcap (draft-ietf-opsawg-pcap).

use crosscap_packet::{LinkType, Timestamp};

use crate::buffer::Buffer;
use crate::likely::Likely;
use crate::log::Log;
use crate::order::Order;
use crate::pcapng::Interface;
use crate::record::Found;
use crate::{Error, Format, WarningKind};

/// The reader of one pcap file: what its header says.
#[derive(Clone)]
pub(crate) struct Pcap {
    order: Order,
    format: Format,
    head_len: usize,
    ticks_per_second: u32,
    nanos_per_tick: i64,
    max_len: u32,
    // Before version 2.4 writers did not agree on the order of the two lengths; the smaller is what was captured.
    unordered_lengths: bool,
    link_type: LinkType,
    snap_len: u32,
    interface: Interface,
}

impl Pcap {
    /// The format that the first four bytes of a file tell, with its byte order.
    pub(crate) fn detect(magic: [u8; 4]) -> Option<(Format, Order)> {
        [Order::Little, Order::Big].into_iter().find_map(|order| match order.u32(magic) {
            0xa1b2_c3d4 => Some((Format::Pcap, order)),
            0xa1b2_3c4d => Some((Format::PcapNanos, order)),
            0xa1b2_cd34 => Some((Format::PcapModified, order)),
            _ => None,
        })
    }

    /// Reads the file header.
    pub(crate) fn open(
        head: &[u8; FILE_HEADER],
        (format, order): (Format, Order),
        log: &mut Log,
    ) -> Result<Self, Error> {
        let (major, minor) = (order.half(head, 4), order.half(head, 6));
        if major != 2 {
            return Err(Error::UnsupportedVersion { file: log.name.clone(), major, minor });
        }
        if minor > 4 {
            log.warn(WarningKind::UnusualVersion, 4, format!("version 2.{minor}, read as 2.4"));
        }
        let snap_len = order.word(head, 16);
        // The upper half tells of frame check sequences.
        let link_type = LinkType(order.word(head, 20) as u16);
        let nanos = format == Format::PcapNanos;
        Ok(Self {
            order,
            format,
            head_len: if format == Format::PcapModified { 24 } else { 16 },
            ticks_per_second: if nanos { 1_000_000_000 } else { 1_000_000 },
            nanos_per_tick: if nanos { 1 } else { 1000 },
            max_len: snap_len.clamp(MAX_CAPTURED, MAX_RECORD),
            unordered_lengths: minor < 4,
            link_type,
            snap_len,
            interface: Interface::new(link_type, snap_len),
        })
    }

    pub(crate) const fn format(&self) -> Format {
        self.format
    }

    pub(crate) const fn link_type(&self) -> &LinkType {
        &self.link_type
    }

    pub(crate) const fn interface(&self) -> &Interface {
        &self.interface
    }

    /// The next record, consumed.
    #[inline(always)]
    pub(crate) fn next(&self, buffer: &mut Buffer, log: &mut Log) -> Result<Option<Found>, Error> {
        loop {
            let bytes = buffer.bytes();
            if let Some(head) = bytes.first_chunk::<16>() {
                let (captured, original_len) = self.lengths(head);
                if captured <= self.max_len && bytes.len() - 16 >= captured as usize + self.extra()
                {
                    let found = Found {
                        timestamp: self.timestamp(head, buffer, log),
                        original_len,
                        link_type: self.link_type,
                        interface: 0,
                        snap_len: self.snap_len,
                        at: buffer.at() + self.head_len,
                        len: captured as usize,
                        offset: buffer.offset(),
                    };
                    buffer.consume(self.head_len + captured as usize);
                    return Ok(Some(found));
                }
            }
            if !self.more(buffer, log)? {
                return Ok(None);
            }
        }
    }

    /// Header bytes behind the sixteen that all variants have: interface, protocol and packet type.
    #[inline(always)]
    const fn extra(&self) -> usize {
        self.head_len - 16
    }

    #[inline(always)]
    fn lengths(&self, head: &[u8; 16]) -> (u32, u32) {
        let (captured, original) = (self.order.word(head, 8), self.order.word(head, 12));
        if self.unordered_lengths {
            return (captured.min(original), captured.max(original));
        }
        (captured, original)
    }

    #[inline(always)]
    fn timestamp(&self, head: &[u8; 16], buffer: &Buffer, log: &mut Log) -> Timestamp {
        let (seconds, ticks) = (self.order.word(head, 0), self.order.word(head, 4));
        if ticks >= self.ticks_per_second {
            let detail = "the fraction of a second is one second or more";
            log.warn(WarningKind::BadTimestamp, buffer.offset(), detail);
        }
        // 2³² s and 2³² µs together are below 2⁶³ ns.
        Timestamp(i64::from(seconds) * 1_000_000_000 + i64::from(ticks) * self.nanos_per_tick)
    }

    /// What the bytes look like, taken for a record.
    pub(crate) fn looks(&self, bytes: &[u8]) -> Option<Likely> {
        let head = bytes.first_chunk::<16>()?;
        let (captured, original) = self.lengths(head);
        let (seconds, ticks) = (self.order.word(head, 0), self.order.word(head, 4));
        let may_be =
            captured <= self.max_len && captured <= original && ticks < self.ticks_per_second;
        let time = Timestamp(i64::from(seconds) * 1_000_000_000);
        may_be.then(|| Likely { len: self.head_len + captured as usize, time: Some(time) })
    }

    /// Brings a whole record into the buffer. False where there is none.
    #[cold]
    fn more(&self, buffer: &mut Buffer, log: &mut Log) -> Result<bool, Error> {
        if buffer.bytes().len() < self.head_len {
            return log.need(buffer, self.head_len);
        }
        let Some(head) = buffer.bytes().first_chunk::<16>() else {
            return Ok(false);
        };
        let (captured, _) = self.lengths(head);
        if captured > self.max_len {
            let detail = format!("a record of {captured} bytes; {} is the most", self.max_len);
            log.end(WarningKind::DamagedRecord, buffer.offset(), detail);
            return Ok(false);
        }
        log.need(buffer, self.head_len + captured as usize)
    }
}

pub(crate) const FILE_HEADER: usize = 24;

/// What Wireshark takes, and tcpdump's default snap length.
const MAX_CAPTURED: u32 = 256 << 10;
/// For files that ask for more by their snap length.
const MAX_RECORD: u32 = 128 << 20;
