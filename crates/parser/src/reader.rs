//! The reader of one file, of any format.

use crosscap_packet::{LinkType, Timestamp};

use crate::buffer::Buffer;
use crate::format::known_but_unread;
use crate::log::Log;
use crate::pcap::{self, Pcap};
use crate::pcapng::{Contents, PcapNg, SECTION_HEAD};
use crate::record::Found;
use crate::salvage::Salvage;
use crate::snoop::{self, Snoop};
use crate::source::Tail;
use crate::{Compression, Error, Format, Interface, Warning};

// A tag of its own is looked at in fewer steps than one hidden in a field.
#[repr(u8)]
pub(crate) enum Reader {
    Pcap(Pcap),
    PcapNg(PcapNg),
    Snoop(Snoop),
}

impl Reader {
    /// Tells the format and reads its header.
    pub(crate) fn open(buffer: &mut Buffer, log: &mut Log) -> Result<Self, Error> {
        // Eight bytes name every format known; with less, a file may still be told from no capture at all.
        let enough = buffer.source().size().map_or(8, |size| size.min(8) as usize);
        buffer.need(enough).map_err(|e| log.failed(buffer, e))?;
        let bytes = buffer.bytes();
        let Some(&magic) = bytes.first_chunk::<4>() else {
            return Err(short(buffer, log));
        };
        if let Some(kind) = Pcap::detect(magic) {
            let head = header::<{ pcap::FILE_HEADER }>(buffer, log)?;
            buffer.consume(head.len());
            Ok(Self::Pcap(Pcap::open(&head, kind, log)?))
        } else if PcapNg::is_section_header(magic) {
            let head = header::<SECTION_HEAD>(buffer, log)?;
            Ok(Self::PcapNg(PcapNg::open(&head, log)?))
        } else if Snoop::is_snoop(bytes) {
            let head = header::<{ snoop::FILE_HEADER }>(buffer, log)?;
            buffer.consume(head.len());
            Ok(Self::Snoop(Snoop::open(&head, log)?))
        } else if let inner = Compression::detect(bytes)
            && inner != Compression::None
        {
            let outer = buffer.source().compression();
            Err(Error::NestedCompression { file: log.name.clone(), outer, inner })
        } else if let Some((format, hint)) = known_but_unread(bytes) {
            Err(Error::UnsupportedFormat { file: log.name.clone(), format, hint })
        } else {
            Err(Error::NotACapture { file: log.name.clone(), start: hex(bytes) })
        }
    }

    /// The next record, consumed, where nothing about it is special.
    #[inline(always)]
    pub(crate) fn common(&mut self, buffer: &mut Buffer, log: &mut Log) -> Option<Found> {
        match self {
            Self::Pcap(pcap) if log.is_plain() => pcap.common(buffer, log),
            Self::PcapNg(pcapng) if log.is_plain() => pcapng.common(buffer, log),
            _ => None,
        }
    }

    /// The next record, whatever it is, consumed.
    pub(crate) fn any(
        &mut self,
        buffer: &mut Buffer,
        log: &mut Log,
    ) -> Result<Option<Found>, Error> {
        match self {
            Self::Pcap(pcap) => pcap.any(buffer, log),
            Self::PcapNg(pcapng) => pcapng.any(buffer, log),
            Self::Snoop(snoop) => snoop.any(buffer, log),
        }
    }

    /// The next record, consumed, going over damage.
    pub(crate) fn next_behind_damage(
        &mut self,
        salvage: &mut Salvage,
        buffer: &mut Buffer,
        log: &mut Log,
    ) -> Result<Option<Found>, Error> {
        loop {
            if let Self::Pcap(pcap) = self {
                salvage.vet(pcap, buffer, log)?;
            }
            let found = if log.has_ended() { None } else { self.any(buffer, log)? };
            if let Some(found) = found {
                salvage.saw(&found);
                return Ok(Some(found));
            }
            let Some(damage) = log.take_damage() else { return Ok(None) };
            if !self.resume(salvage, &damage, buffer, log)? {
                log.warnings.push(damage);
                return Ok(None);
            }
        }
    }

    fn resume(
        &mut self,
        salvage: &mut Salvage,
        damage: &Warning,
        buffer: &mut Buffer,
        log: &mut Log,
    ) -> Result<bool, Error> {
        match self {
            Self::Pcap(pcap) => salvage.resume(pcap, damage, buffer, log),
            Self::PcapNg(pcapng) => salvage.resume(pcapng, damage, buffer, log),
            Self::Snoop(snoop) => salvage.resume(snoop, damage, buffer, log),
        }
    }

    /// One for another part of the same file; `None` where a record depends on all before it.
    pub(crate) fn twin(&self) -> Option<Self> {
        match self {
            Self::Pcap(pcap) => Some(Self::Pcap(pcap.clone())),
            Self::PcapNg(pcapng) => Some(Self::PcapNg(PcapNg::within(pcapng.section()))),
            Self::Snoop(_) => None,
        }
    }

    /// The first of the next `len` bytes where a record seems to begin, of about the time `near`.
    pub(crate) fn guess(
        &self,
        near: Timestamp,
        len: usize,
        buffer: &mut Buffer,
        log: &mut Log,
    ) -> Result<Option<usize>, Error> {
        let seen = Salvage::near(near);
        match self {
            Self::Pcap(pcap) => seen.guess(pcap, len, buffer, log),
            Self::PcapNg(pcapng) => seen.guess(pcapng, len, buffer, log),
            Self::Snoop(snoop) => seen.guess(snoop, len, buffer, log),
        }
    }

    pub(crate) const fn format(&self) -> Format {
        match self {
            Self::Pcap(pcap) => pcap.format(),
            Self::PcapNg(_) => Format::PcapNg,
            Self::Snoop(_) => Format::Snoop,
        }
    }

    pub(crate) fn interfaces(&self) -> &[Interface] {
        match self {
            Self::Pcap(pcap) => std::slice::from_ref(pcap.interface()),
            Self::PcapNg(pcapng) => pcapng.interfaces(),
            Self::Snoop(snoop) => std::slice::from_ref(snoop.interface()),
        }
    }

    pub(crate) fn link_types(&self) -> &[LinkType] {
        match self {
            Self::Pcap(pcap) => std::slice::from_ref(pcap.link_type()),
            Self::PcapNg(pcapng) => pcapng.link_types(),
            Self::Snoop(snoop) => std::slice::from_ref(snoop.link_type()),
        }
    }

    pub(crate) const fn snap_len(&self) -> u32 {
        match self {
            Self::Pcap(pcap) => pcap.interface().snap_len(),
            Self::PcapNg(pcapng) => pcapng.snap_len(),
            Self::Snoop(_) => 0,
        }
    }

    /// What pcapng says besides packets.
    pub(crate) const fn contents(&self) -> Option<&Contents> {
        match self {
            Self::PcapNg(pcapng) => Some(pcapng.contents()),
            Self::Pcap(_) | Self::Snoop(_) => None,
        }
    }
}

fn header<const N: usize>(buffer: &mut Buffer, log: &mut Log) -> Result<[u8; N], Error> {
    buffer.need(N).map_err(|e| log.failed(buffer, e))?;
    buffer.bytes().first_chunk().copied().ok_or_else(|| short(buffer, log))
}

/// The file has no whole header: why.
fn short(buffer: &Buffer, log: &Log) -> Error {
    let (file, offset) = (log.name.clone(), buffer.left());
    match buffer.tail() {
        Tail::Corrupt(compression) => Error::CorruptCompression { file, compression },
        Tail::Limit(limit) => Error::UnpackingLimit { file, limit: limit.to_string() },
        Tail::Cut(_) | Tail::Shrunk => Error::TruncatedHeader { file, offset },
        Tail::Open | Tail::End if offset == 0 => Error::Empty { file },
        Tail::Open | Tail::End => Error::TruncatedHeader { file, offset },
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().take(8).map(|b| format!("{b:02x}")).collect()
}
