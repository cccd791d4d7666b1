//! pcapng (draft-ietf-opsawg-pcapng): walking the blocks.
//!
//! Framing, limits, byte order and times are ours; pcap-parser reads the options of blocks that are framed and bounded.

mod blocks;
mod clock;
mod interface;
mod options;

use std::sync::Arc;

pub use interface::Interface;

use crosscap_packet::LinkType;

use crate::buffer::Buffer;
use crate::likely::Likely;
use crate::log::Log;
use crate::order::Order;
use crate::record::Found;
use crate::{Error, WarningKind};

/// The reader of one pcapng file.
#[derive(Clone)]
pub(crate) struct PcapNg {
    section: Section,
    // Of all interfaces so far.
    link_types: Vec<LinkType>,
    snap_len: u32,
}

/// What the blocks so far mean for those to come.
#[derive(Clone, Debug)]
pub(crate) struct Section {
    order: Order,
    /// Interfaces of all sections so far.
    interfaces: Arc<Vec<Interface>>,
    /// Where this section's begin.
    first_interface: usize,
}

/// A whole block at the front of the buffer.
struct Block {
    kind: u32,
    len: usize,
}

impl PcapNg {
    pub(crate) fn is_section_header(start: [u8; 4]) -> bool {
        u32::from_le_bytes(start) == pcap_parser::SHB_MAGIC
    }

    /// Starts at the section header at the front of the buffer; it is not consumed.
    pub(crate) fn open(head: &[u8; SECTION_HEAD], log: &Log) -> Result<Self, Error> {
        let name = || log.name.clone();
        let Some(order) = byte_order([head[8], head[9], head[10], head[11]]) else {
            let start = crate::capture::hex(head);
            return Err(Error::NotACapture { file: name(), start });
        };
        let (major, minor) = (order.half(head, 12), order.half(head, 14));
        if major != 1 {
            return Err(Error::UnsupportedVersion { file: name(), major, minor });
        }
        let section = Section { order, interfaces: Arc::default(), first_interface: 0 };
        Ok(Self { section, link_types: Vec::new(), snap_len: 0 })
    }

    pub(crate) fn interfaces(&self) -> &[Interface] {
        &self.section.interfaces
    }

    pub(crate) fn link_types(&self) -> &[LinkType] {
        &self.link_types
    }

    pub(crate) const fn snap_len(&self) -> u32 {
        self.snap_len
    }

    pub(crate) fn section(&self) -> Section {
        self.section.clone()
    }

    /// Whether this is the section, with the same interfaces.
    pub(crate) fn is_in(&self, section: &Section) -> bool {
        let here = &self.section;
        Arc::ptr_eq(&here.interfaces, &section.interfaces)
            && (here.order, here.first_interface) == (section.order, section.first_interface)
    }

    pub(crate) fn go_to(&mut self, section: Section) {
        self.section = section;
    }

    /// What the bytes look like, taken for a block of this section.
    pub(crate) fn looks(&self, bytes: &[u8]) -> Option<Likely> {
        let head = bytes.first_chunk::<12>()?;
        let (kind, len) = self.head(head)?;
        if len < 12 || !len.is_multiple_of(4) || len > MAX_BLOCK {
            return None;
        }
        let len = len as usize;
        let block = bytes.get(..len);
        let trailer = block.and_then(|b| b.last_chunk()).map(|b| self.section.order.u32(*b));
        if trailer.is_some_and(|trailer| trailer as usize != len) {
            return None;
        }
        let time = match block {
            Some(b) if kind == pcap_parser::EPB_MAGIC => {
                Some(self.enhanced_packet(b).ok()?.timestamp)
            }
            _ => None,
        };
        Some(Likely { len, time })
    }

    /// The next packet, consumed.
    #[inline(always)]
    pub(crate) fn next(
        &mut self,
        buffer: &mut Buffer,
        log: &mut Log,
    ) -> Result<Option<Found>, Error> {
        match self.common_packet(buffer) {
            Some(found) => Ok(Some(found)),
            None => self.any_packet(buffer, log),
        }
    }

    /// What nearly every block is: a good enhanced packet, all there. Whatever it is not, is for [`Self::any_packet`].
    #[inline(always)]
    fn common_packet(&self, buffer: &mut Buffer) -> Option<Found> {
        let bytes = buffer.bytes();
        let (order, head) = (self.section.order, bytes.first_chunk::<12>()?);
        let len = order.word(head, 4) as usize;
        let block = bytes.get(..len)?;
        let is_whole = order.word(head, 0) == pcap_parser::EPB_MAGIC
            && len.is_multiple_of(4)
            && order.u32(*block.last_chunk()?) as usize == len;
        if !is_whole {
            return None;
        }
        let packet = self.enhanced_packet(block).ok().filter(|packet| !packet.timeless)?;
        let found = packet.found(buffer.at(), buffer.offset());
        buffer.consume(len);
        Some(found)
    }

    #[inline(never)]
    fn any_packet(&mut self, buffer: &mut Buffer, log: &mut Log) -> Result<Option<Found>, Error> {
        while let Some(block) = self.frame(buffer, log)? {
            let Some(bytes) = buffer.bytes().get(..block.len) else { break };
            let found = match block.kind {
                pcap_parser::EPB_MAGIC => self.enhanced_packet(bytes),
                pcap_parser::SPB_MAGIC => self.simple_packet(bytes),
                OBSOLETE_PACKET => self.obsolete_packet(bytes),
                kind => {
                    log.irregular = true;
                    self.other_block(kind, bytes, buffer.offset(), log);
                    if log.ended {
                        break;
                    }
                    buffer.consume(block.len);
                    continue;
                }
            };
            let (at, offset) = (buffer.at(), buffer.offset());
            buffer.consume(block.len);
            match found {
                Ok(packet) => {
                    if packet.timeless {
                        let detail = "packets without a usable time; counted as 1970".to_owned();
                        let interface = Some(packet.interface);
                        let kind = WarningKind::UnknownTimestamp;
                        log.warn_interface(kind, offset, interface, 1, detail);
                    }
                    return Ok(Some(packet.found(at, offset)));
                }
                Err(why) => log.warn(WarningKind::BadBlock, offset, why),
            }
        }
        Ok(None)
    }

    /// Has the next block whole in the buffer, its length checked. Skips those that are of no use and not there yet.
    #[inline]
    fn frame(&self, buffer: &mut Buffer, log: &mut Log) -> Result<Option<Block>, Error> {
        loop {
            let bytes = buffer.bytes();
            let need = if let Some(head) = bytes.first_chunk::<12>() {
                let Some((kind, len)) = self.head(head) else {
                    return damaged(buffer, log, "a section header without byte order".to_owned());
                };
                if len < 12 || !len.is_multiple_of(4) || len > MAX_BLOCK {
                    return damaged(buffer, log, format!("a block of {len} bytes"));
                }
                let (len, order) = (len as usize, self.order_of(kind, head));
                if len > MAX_CONTROL && is_used(kind) && !is_packet(kind) {
                    return damaged(buffer, log, format!("a block of {len} bytes of options"));
                }
                if let Some(block) = bytes.get(..len) {
                    let Some(&trailer) = block.last_chunk::<4>() else { return Ok(None) };
                    let trailer = order.u32(trailer) as usize;
                    if trailer != len {
                        mismatch(buffer.offset(), log, len, trailer);
                        return Ok(None);
                    }
                    return Ok(Some(Block { kind, len }));
                }
                if !is_used(kind) {
                    if !self.skip(buffer, log, kind, len)? {
                        return Ok(None);
                    }
                    continue;
                }
                len
            } else {
                12
            };
            if !log.need(buffer, need)? {
                return Ok(None);
            }
        }
    }

    /// Type and length of a block; `None` for a section header without byte order.
    #[inline(always)]
    fn head(&self, head: &[u8; 12]) -> Option<(u32, u32)> {
        let order = self.section.order;
        let kind = order.word(head, 0);
        if kind == pcap_parser::SHB_MAGIC {
            // The same in both orders; the section has its own.
            let order = byte_order([head[8], head[9], head[10], head[11]])?;
            return Some((kind, order.word(head, 4)));
        }
        Some((kind, order.word(head, 4)))
    }

    #[inline(always)]
    fn order_of(&self, kind: u32, head: &[u8; 12]) -> Order {
        if kind == pcap_parser::SHB_MAGIC {
            return byte_order([head[8], head[9], head[10], head[11]])
                .unwrap_or(self.section.order);
        }
        self.section.order
    }

    /// Goes over a block without holding it.
    #[cold]
    fn skip(
        &self,
        buffer: &mut Buffer,
        log: &mut Log,
        kind: u32,
        len: usize,
    ) -> Result<bool, Error> {
        let offset = buffer.offset();
        if !log.skip(buffer, len as u64 - 4)? {
            return Ok(false);
        }
        let Some(&trailer) = buffer.bytes().first_chunk::<4>() else { return Ok(false) };
        let trailer = self.section.order.u32(trailer) as usize;
        if trailer != len {
            mismatch(offset, log, len, trailer);
            return Ok(false);
        }
        buffer.consume(4);
        log.irregular = true;
        log.frames += u64::from(has_frame_number(kind));
        Ok(true)
    }
}

#[cold]
fn damaged(buffer: &Buffer, log: &mut Log, why: String) -> Result<Option<Block>, Error> {
    log.end(WarningKind::DamagedRecord, buffer.offset(), why);
    Ok(None)
}

#[cold]
fn mismatch(offset: u64, log: &mut Log, len: usize, trailer: usize) {
    let why = format!("a block of {len} bytes that ends as one of {trailer}");
    log.end(WarningKind::DamagedRecord, offset, why);
}

fn byte_order(magic: [u8; 4]) -> Option<Order> {
    match u32::from_le_bytes(magic) {
        pcap_parser::BOM_MAGIC => Some(Order::Little),
        m if m == pcap_parser::BOM_MAGIC.swap_bytes() => Some(Order::Big),
        _ => None,
    }
}

const fn is_packet(kind: u32) -> bool {
    matches!(kind, pcap_parser::EPB_MAGIC | pcap_parser::SPB_MAGIC | OBSOLETE_PACKET)
}

const fn is_used(kind: u32) -> bool {
    is_packet(kind)
        || matches!(kind, pcap_parser::SHB_MAGIC | pcap_parser::IDB_MAGIC | pcap_parser::ISB_MAGIC)
}

/// Blocks without a packet that Wireshark shows as frames all the same: custom, journal and sysdig event blocks. Skipping
/// their numbers keeps ours equal to `frame.number`.
const fn has_frame_number(kind: u32) -> bool {
    matches!(
        kind,
        pcap_parser::CB_MAGIC
            | pcap_parser::DCB_MAGIC
            | pcap_parser::SJE_MAGIC
            | 0x204
            | 0x208
            | 0x216
            | 0x221
    )
}

pub(crate) const SECTION_HEAD: usize = 28;
const OBSOLETE_PACKET: u32 = 2;

/// One block; a little less than Wireshark takes.
const MAX_BLOCK: u32 = 128 << 20;
/// One block of options only.
const MAX_CONTROL: usize = 16 << 20;
