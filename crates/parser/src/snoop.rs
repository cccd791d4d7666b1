//! snoop, as Solaris writes it (RFC 1761): always big-endian.

use crosscap_packet::{LinkType, Timestamp};

use crate::buffer::Buffer;
use crate::log::Log;
use crate::order::Order;
use crate::pcapng::{BlockPlace, Interface};
use crate::record::Found;
use crate::salvage::{Chain, Link};
use crate::{Error, WarningKind};

/// The reader of one snoop file.
pub(crate) struct Snoop {
    link_type: LinkType,
    interface: Interface,
    // Packets that the capturing host had dropped at the last record.
    drops: u32,
}

/// What the head of a record says.
struct Head {
    original_len: u32,
    captured: u32,
    /// With head and padding.
    record_len: u32,
    drops: u32,
    micros: u32,
    timestamp: Timestamp,
}

impl Head {
    fn read(head: &[u8; RECORD_HEADER]) -> Self {
        let word = |at| Order::Big.word(head, at);
        let (seconds, micros) = (i64::from(word(16)), word(20));
        Self {
            original_len: word(0),
            captured: word(4),
            record_len: word(8),
            drops: word(12),
            micros,
            timestamp: Timestamp(seconds * 1_000_000_000 + i64::from(micros) * 1000),
        }
    }

    /// Why there can be no such record.
    const fn fault(&self) -> Option<&'static str> {
        if self.captured > MAX_CAPTURED || self.record_len > MAX_RECORD {
            Some("a record longer than any")
        } else if self.record_len < RECORD_HEADER as u32 + self.captured {
            Some("a record shorter than its packet")
        } else {
            None
        }
    }
}

impl Snoop {
    pub(crate) fn is_snoop(start: &[u8]) -> bool {
        start.starts_with(b"snoop\0\0\0")
    }

    /// Reads the file header.
    pub(crate) fn open(head: &[u8; FILE_HEADER], log: &mut Log) -> Result<Self, Error> {
        let version = Order::Big.word(head, 8);
        if version != 2 {
            let (file, major) = (log.name.clone(), u16::try_from(version).unwrap_or(u16::MAX));
            return Err(Error::UnsupportedVersion { file, major, minor: 0 });
        }
        let datalink = Order::Big.word(head, 12);
        let link_type = match datalink {
            // IEEE 802.3 and Ethernet.
            0 | 4 => LinkType::ETHERNET,
            IEEE802_5 => LinkType(6),
            IPNET => LinkType(226),
            _ => {
                let detail = format!("datalink type {datalink} of snoop has no known link type");
                log.warn(WarningKind::UnknownLinkType, 12, detail);
                UNKNOWN
            }
        };
        let interface = Interface::new(link_type, 0);
        Ok(Self { link_type, interface, drops: 0 })
    }

    pub(crate) const fn link_type(&self) -> &LinkType {
        &self.link_type
    }

    pub(crate) const fn interface(&self) -> &Interface {
        &self.interface
    }

    /// The next record, whatever it is.
    pub(crate) fn any(
        &mut self,
        buffer: &mut Buffer,
        log: &mut Log,
    ) -> Result<Option<Found>, Error> {
        if !log.need(buffer, RECORD_HEADER)? {
            return Ok(None);
        }
        let Some(head) = buffer.bytes().first_chunk().map(Head::read) else { return Ok(None) };
        let offset = buffer.offset();
        if let Some(why) = head.fault() {
            log.end(WarningKind::DamagedRecord, offset, why);
            return Ok(None);
        }
        if !log.need(buffer, head.record_len as usize)? {
            return Ok(None);
        }
        if head.micros >= 1_000_000 {
            let detail = "the fraction of a second is one second or more";
            log.warn(WarningKind::BadTimestamp, offset, detail);
        }
        if head.drops > self.drops {
            let detail = format!("the capturing host dropped packets: {}", head.drops);
            let (kind, count) = (WarningKind::CaptureDrops, u64::from(head.drops));
            log.warn_interface(kind, offset, Some(0), count, detail);
        }
        self.drops = head.drops;
        let found = Found {
            timestamp: head.timestamp,
            original_len: head.original_len,
            link_type: self.link_type,
            interface: 0,
            snap_len: 0,
            at: buffer.at() + RECORD_HEADER,
            len: head.captured as usize,
            offset,
            block: BlockPlace::NONE,
        };
        buffer.consume(head.record_len as usize);
        Ok(Some(found))
    }
}

impl Chain for Snoop {
    fn link(&self, bytes: &[u8], longest: usize) -> Option<Link> {
        let head = Head::read(bytes.first_chunk()?);
        let len = head.record_len as usize;
        let is_sound = head.fault().is_none()
            && head.captured as usize <= longest
            && head.record_len - head.captured <= RECORD_HEADER as u32 + MAX_PADDING
            && head.captured <= head.original_len
            && head.micros < 1_000_000;
        is_sound.then_some(Link { len, time: Some(head.timestamp), may_begin: true })
    }

    fn second_guess(&self, bytes: &[u8]) -> Option<usize> {
        let head = Head::read(bytes.first_chunk()?);
        let padded = (head.captured <= MAX_CAPTURED).then(|| head.captured.next_multiple_of(4))?;
        Some(RECORD_HEADER + padded as usize)
    }
}

pub(crate) const FILE_HEADER: usize = 16;
const RECORD_HEADER: usize = 24;
/// What Wireshark takes.
const MAX_CAPTURED: u32 = 256 << 10;
const MAX_RECORD: u32 = 1 << 20;
/// Three bytes by the RFC; some writers pad to more.
const MAX_PADDING: u32 = 8;
const IEEE802_5: u32 = 2;
const IPNET: u32 = 0x8000_0005;
/// Not assigned to any link type.
const UNKNOWN: LinkType = LinkType(u16::MAX);
