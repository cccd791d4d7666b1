//! pcapng (draft-ietf-opsawg-pcapng): walking the blocks.
//!
//! Framing, limits, byte order and times are ours; pcap-parser reads the options of blocks that are framed and bounded.

mod block;
mod blocks;
mod chain;
mod clock;
mod contents;
mod frame;
mod interface;
mod names;
mod options;
mod packet;
mod statistics;

use std::sync::Arc;

pub(crate) use block::{BlockPlace, PacketBlock};
pub(crate) use contents::Contents;
pub use contents::{BlockCounts, Secrets, SectionInfo};
pub use interface::Interface;
pub use statistics::InterfaceStatistics;

use crosscap_packet::LinkType;

use self::options::Texts;
use crate::buffer::Buffer;
use crate::log::Log;
use crate::order::Order;
use crate::record::Found;
use crate::{Error, WarningKind};

/// The reader of one pcapng file.
pub(crate) struct PcapNg {
    section: Section,
    // Of all interfaces so far.
    link_types: Vec<LinkType>,
    snap_len: u32,
    contents: Contents,
    // Where a block is whose header is believed although its end says otherwise.
    header_rules: Option<u64>,
}

/// What the blocks so far mean for those to come. Cheap to clone.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Section {
    order: Order,
    /// Interfaces of all sections so far.
    interfaces: Arc<Vec<Interface>>,
    /// Where this section's begin.
    first_interface: usize,
    /// For those of the interfaces to come.
    texts: Texts,
}

impl PcapNg {
    pub(crate) fn is_section_header(start: [u8; 4]) -> bool {
        u32::from_le_bytes(start) == pcap_parser::SHB_MAGIC
    }

    /// Starts at the section header at the front of the buffer; it is not consumed.
    pub(crate) fn open(head: &[u8; SECTION_HEAD], log: &Log) -> Result<Self, Error> {
        let name = || log.name.clone();
        let Some(order) = byte_order([head[8], head[9], head[10], head[11]]) else {
            let start = crate::reader::hex(head);
            return Err(Error::NotACapture { file: name(), start });
        };
        let (major, minor) = (order.half(head, 12), order.half(head, 14));
        if major != 1 {
            return Err(Error::UnsupportedVersion { file: name(), major, minor });
        }
        let (interfaces, texts) = (Arc::default(), Texts::default());
        Ok(Self::within(Section { order, interfaces, first_interface: 0, texts }))
    }

    /// For blocks in the middle of a file.
    pub(crate) fn within(section: Section) -> Self {
        let contents = Contents::default();
        Self { section, link_types: Vec::new(), snap_len: 0, contents, header_rules: None }
    }

    /// Whether blocks mean here what they mean in `section`.
    pub(crate) fn is_in(&self, section: &Section) -> bool {
        let here = &self.section;
        Arc::ptr_eq(&here.interfaces, &section.interfaces)
            && (here.order, here.first_interface) == (section.order, section.first_interface)
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

    pub(crate) const fn contents(&self) -> &Contents {
        &self.contents
    }

    pub(crate) fn section(&self) -> Section {
        self.section.clone()
    }

    pub(crate) fn go_to(&mut self, section: Section) {
        (self.section, self.header_rules) = (section, None);
    }

    /// Believes the header of the block at `offset`, whatever its end says.
    pub(crate) const fn believe(&mut self, offset: u64) {
        self.header_rules = Some(offset);
    }

    /// The next packet, consumed, if it is what nearly every block is: a good enhanced packet, all there.
    #[inline(always)]
    pub(crate) fn common(&mut self, buffer: &mut Buffer, log: &mut Log) -> Option<Found> {
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
        let found = self.found(&packet, buffer.at(), len, buffer.offset());
        buffer.consume(len);
        if found.has_options() {
            self.add_drops(&found, buffer, log);
        }
        Some(found)
    }

    /// The next packet, whatever lies before it, consumed.
    pub(crate) fn any(
        &mut self,
        buffer: &mut Buffer,
        log: &mut Log,
    ) -> Result<Option<Found>, Error> {
        while let Some(block) = self.frame(buffer, log)? {
            let Some(bytes) = buffer.bytes().get(..block.len) else { break };
            let found = match block.kind {
                pcap_parser::EPB_MAGIC => self.enhanced_packet(bytes),
                pcap_parser::SPB_MAGIC => self.simple_packet(bytes),
                OBSOLETE_PACKET => self.obsolete_packet(bytes),
                kind => {
                    log.irregular = true;
                    self.other_block(kind, bytes, buffer.offset(), log);
                    if log.has_ended() {
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
                    let found = self.found(&packet, at, block.len, offset);
                    self.add_drops(&found, buffer, log);
                    return Ok(Some(found));
                }
                Err(why) => log.warn(WarningKind::BadBlock, offset, why),
            }
        }
        Ok(None)
    }
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

/// Whether those behind it cannot be understood without it.
const fn is_control(kind: u32) -> bool {
    matches!(kind, pcap_parser::SHB_MAGIC | pcap_parser::IDB_MAGIC | pcap_parser::ISB_MAGIC)
}

/// Whether more than the front of a block matters.
const fn is_used(kind: u32, len: usize) -> bool {
    is_packet(kind) || is_control(kind) || (kind == pcap_parser::NRB_MAGIC && len <= MAX_CONTROL)
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
