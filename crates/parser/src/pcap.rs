//! Classic pcap (draft-ietf-opsawg-pcap).

use std::ops::Range;

use crosscap_packet::{LinkType, Timestamp};

use crate::buffer::Buffer;
use crate::log::{Log, Reach};
use crate::order::Order;
use crate::pcapng::{BlockPlace, Interface};
use crate::record::Found;
use crate::salvage::{Chain, Link};
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
    // Zeros that were found to be few enough for empty packets of 1970.
    few_zeros: Range<u64>,
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
        let network = order.word(head, 20);
        // The upper half tells of frame check sequences.
        let link_type = LinkType(network as u16);
        let fcs_len = (network & FCS_PRESENT != 0).then_some((network >> 28) as u8 * 2);
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
            interface: Interface::of_pcap(link_type, snap_len, fcs_len, nanos),
            few_zeros: 0..0,
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

    pub(crate) const fn head_len(&self) -> usize {
        self.head_len
    }

    /// The next record, consumed, if it is as nearly all are: not empty, not too long, and all there.
    #[inline(always)]
    pub(crate) fn common(&self, buffer: &mut Buffer, log: &mut Log) -> Option<Found> {
        let bytes = buffer.bytes();
        let head = *bytes.first_chunk::<16>()?;
        let lengths @ (captured, _) = self.lengths(&head);
        let is_common = captured.wrapping_sub(1) < self.max_len
            && bytes.len() - 16 >= captured as usize + self.extra();
        is_common.then(|| self.found(&head, lengths, buffer, log))
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
    fn found(
        &self,
        head: &[u8; 16],
        (captured, original_len): (u32, u32),
        buffer: &mut Buffer,
        log: &mut Log,
    ) -> Found {
        if self.order.word(head, 4) >= self.ticks_per_second {
            let detail = "the fraction of a second is one second or more";
            log.warn(WarningKind::BadTimestamp, buffer.offset(), detail);
        }
        let found = Found {
            timestamp: self.timestamp(head),
            original_len,
            link_type: self.link_type,
            interface: 0,
            snap_len: self.snap_len,
            at: buffer.at() + self.head_len,
            len: captured as usize,
            offset: buffer.offset(),
            block: BlockPlace::NONE,
        };
        buffer.consume(self.head_len + captured as usize);
        found
    }

    #[inline(always)]
    fn timestamp(&self, head: &[u8; 16]) -> Timestamp {
        let (seconds, ticks) = (self.order.word(head, 0), self.order.word(head, 4));
        // 2³² s and 2³² µs together are below 2⁶³ ns.
        Timestamp(i64::from(seconds) * 1_000_000_000 + i64::from(ticks) * self.nanos_per_tick)
    }

    /// The next record, whatever it is.
    pub(crate) fn any(
        &mut self,
        buffer: &mut Buffer,
        log: &mut Log,
    ) -> Result<Option<Found>, Error> {
        if !log.need(buffer, self.head_len)? {
            return Ok(None);
        }
        let Some(&head) = buffer.bytes().first_chunk::<16>() else { return Ok(None) };
        let lengths @ (captured, _) = self.lengths(&head);
        if captured > self.max_len {
            let detail = format!("a record of {captured} bytes; {} is the most", self.max_len);
            log.end(WarningKind::DamagedRecord, buffer.offset(), detail);
            return Ok(None);
        }
        if head == [0; 16] && self.is_zero_filled(buffer, log)? {
            let detail = "a zero-filled tail: zeros where records should be";
            log.end(WarningKind::DamagedRecord, buffer.offset(), detail);
            return Ok(None);
        }
        if !log.need(buffer, self.head_len + captured as usize)? {
            return Ok(None);
        }
        Ok(Some(self.found(&head, lengths, buffer, log)))
    }

    /// Whether nothing but zeros is left, or too many to be empty packets of 1970: what a crash or a preallocated file
    /// leaves behind.
    fn is_zero_filled(&mut self, buffer: &mut Buffer, log: &mut Log) -> Result<bool, Error> {
        let offset = buffer.offset();
        if self.few_zeros.contains(&offset) {
            return Ok(false);
        }
        let reach = log.fill(buffer, MOST_ZEROS)?;
        let bytes = buffer.bytes();
        let bytes = bytes.get(..MOST_ZEROS).unwrap_or(bytes);
        let zeros = bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len());
        let is_tail = reach != Reach::All && zeros == bytes.len();
        let is_filled = zeros >= if is_tail { LEAST_ZEROS } else { MOST_ZEROS };
        if !is_filled {
            self.few_zeros = offset..offset + zeros as u64;
        }
        Ok(is_filled)
    }

    /// The record at the front of `bytes`, if its header can be.
    pub(crate) fn record(&self, bytes: &[u8]) -> Option<Link> {
        let head = bytes.first_chunk::<16>().filter(|_| bytes.len() >= self.head_len)?;
        let (captured, _) = self.lengths(head);
        let time = Some(self.timestamp(head));
        let len = self.head_len + captured as usize;
        (captured <= self.max_len).then_some(Link { len, time, may_begin: true })
    }
}

impl Chain for Pcap {
    fn link(&self, bytes: &[u8], longest: usize) -> Option<Link> {
        let record = self.record(bytes)?;
        let head = bytes.first_chunk::<16>()?;
        let (captured, original) = self.lengths(head);
        let is_sound = captured as usize <= longest
            && captured <= original
            && self.order.word(head, 4) < self.ticks_per_second
            && *head != [0; 16];
        is_sound.then_some(record)
    }

    fn second_guess(&self, bytes: &[u8]) -> Option<usize> {
        // Most packets are captured whole.
        let head = bytes.first_chunk::<16>()?;
        let original = self.order.word(head, 12);
        (original <= self.max_len).then_some(self.head_len + original as usize)
    }
}

pub(crate) const FILE_HEADER: usize = 24;

/// What Wireshark takes, and tcpdump's default snap length.
const MAX_CAPTURED: u32 = 256 << 10;
/// For files that ask for more by their snap length.
const MAX_RECORD: u32 = 128 << 20;
/// The network field tells of frame check sequences: in its highest four bits, in units of two bytes.
const FCS_PRESENT: u32 = 1 << 26;
/// Zeros at the end of a file that are no packets.
const LEAST_ZEROS: usize = 64;
/// Zeros anywhere that are no packets.
const MOST_ZEROS: usize = 64 << 10;
