//! What the blocks say.

use std::sync::Arc;

use crosscap_packet::{LinkType, Timestamp};

use super::options::Options;
use super::{Interface, OBSOLETE_PACKET, PcapNg, SECTION_HEAD, byte_order, has_frame_number};
use crate::WarningKind;
use crate::log::Log;
use crate::record::Found;

/// A packet in a block.
pub(super) struct Packet {
    pub(super) timestamp: Timestamp,
    original_len: u32,
    link_type: LinkType,
    pub(super) interface: u32,
    snap_len: u32,
    // Of the data, in the block.
    start: usize,
    len: usize,
    pub(super) timeless: bool,
}

impl Packet {
    #[inline(always)]
    pub(super) fn found(&self, at: usize, offset: u64) -> Found {
        Found {
            timestamp: self.timestamp,
            original_len: self.original_len,
            link_type: self.link_type,
            interface: self.interface,
            snap_len: self.snap_len,
            at: at + self.start,
            len: self.len,
            offset,
        }
    }
}

impl PcapNg {
    /// Enhanced packet block.
    #[inline(always)]
    pub(super) fn enhanced_packet(&self, block: &[u8]) -> Result<Packet, &'static str> {
        let Some(head) = block.first_chunk::<PACKET_HEAD>() else { return Err(SHORT) };
        self.packet(block.len(), head, self.section.order.word(head, 8))
    }

    /// The packet block that the enhanced one replaced: 16 bits of interface, 16 of drops.
    pub(super) fn obsolete_packet(&self, block: &[u8]) -> Result<Packet, &'static str> {
        let Some(head) = block.first_chunk::<PACKET_HEAD>() else { return Err(SHORT) };
        self.packet(block.len(), head, u32::from(self.section.order.half(head, 8)))
    }

    #[inline(always)]
    fn packet(
        &self,
        block_len: usize,
        head: &[u8; PACKET_HEAD],
        id: u32,
    ) -> Result<Packet, &'static str> {
        let order = self.section.order;
        let (index, interface) = self.interface(id)?;
        let captured = order.word(head, 20) as usize;
        let Some(room) = block_len.checked_sub(PACKET_HEAD + 4) else { return Err(SHORT) };
        if captured > room {
            return Err("more captured bytes than the block holds");
        }
        let ticks = u64::from(order.word(head, 12)) << 32 | u64::from(order.word(head, 16));
        Ok(Packet {
            timestamp: interface.clock().timestamp(ticks),
            original_len: order.word(head, 24),
            link_type: interface.link_type(),
            interface: index,
            snap_len: interface.snap_len(),
            start: PACKET_HEAD,
            len: captured,
            timeless: interface.clock().is_useless(),
        })
    }

    /// Simple packet block: of interface 0, no time, and the captured length is for the reader to find.
    pub(super) fn simple_packet(&self, block: &[u8]) -> Result<Packet, &'static str> {
        let Some(head) = block.first_chunk::<12>() else { return Err(SHORT) };
        let (index, interface) = self.interface(0)?;
        let original_len = self.section.order.word(head, 8);
        let snap_len = if interface.snap_len() == 0 { u32::MAX } else { interface.snap_len() };
        let captured = original_len.min(snap_len) as usize;
        let Some(room) = block.len().checked_sub(16) else { return Err(SHORT) };
        if captured > room {
            return Err("more captured bytes than the block holds");
        }
        Ok(Packet {
            timestamp: Timestamp(0),
            original_len,
            link_type: interface.link_type(),
            interface: index,
            snap_len: interface.snap_len(),
            start: 12,
            len: captured,
            timeless: true,
        })
    }

    /// Interface `id` of this section, with its number in the file.
    #[inline(always)]
    fn interface(&self, id: u32) -> Result<(u32, &Interface), &'static str> {
        let index = self.section.first_interface.saturating_add(id as usize);
        match self.section.interfaces.get(index) {
            // At most MAX_INTERFACES.
            Some(interface) => Ok((index as u32, interface)),
            None => Err("a packet of an interface that is not described before it"),
        }
    }

    /// Any block that is not a packet.
    pub(super) fn other_block(&mut self, kind: u32, block: &[u8], offset: u64, log: &mut Log) {
        debug_assert!(kind != pcap_parser::EPB_MAGIC && kind != OBSOLETE_PACKET);
        match kind {
            pcap_parser::SHB_MAGIC => self.section_header(block, offset, log),
            pcap_parser::IDB_MAGIC => self.interface_description(block, offset, log),
            pcap_parser::ISB_MAGIC => self.interface_statistics(block, offset, log),
            _ => log.frames += u64::from(has_frame_number(kind)),
        }
    }

    fn section_header(&mut self, block: &[u8], offset: u64, log: &mut Log) {
        let order = block.get(8..12).and_then(|b| b.first_chunk()).and_then(|b| byte_order(*b));
        let (Some(head), Some(order)) = (block.first_chunk::<SECTION_HEAD>(), order) else {
            return log.end(WarningKind::DamagedRecord, offset, "a section header cut short");
        };
        let (major, minor) = (order.half(head, 12), order.half(head, 14));
        if major != 1 {
            let detail = format!("a section of version {major}.{minor}");
            return log.end(WarningKind::DamagedRecord, offset, detail);
        }
        // 1.2 is what some writers put for 1.0.
        if minor != 0 && minor != 2 {
            let detail = format!("version 1.{minor}, read as 1.0");
            log.warn(WarningKind::UnusualVersion, offset, detail);
        }
        self.section.order = order;
        self.section.first_interface = self.section.interfaces.len();
    }

    fn interface_description(&mut self, block: &[u8], offset: u64, log: &mut Log) {
        let Some(head) = block.first_chunk::<16>().filter(|_| block.len() >= 20) else {
            // Those behind it would get wrong numbers.
            let why = "an interface description cut short";
            return log.end(WarningKind::DamagedRecord, offset, why);
        };
        let interfaces = &mut self.section.interfaces;
        if interfaces.len() >= MAX_INTERFACES {
            let why = format!("more than {MAX_INTERFACES} interfaces");
            return log.warn(WarningKind::BadBlock, offset, why);
        }
        let order = self.section.order;
        let mut interface = Interface::new(LinkType(order.half(head, 8)), order.word(head, 12));
        let mut options = Options::new(order, &block[16..block.len() - 4]);
        for (code, value) in &mut options {
            interface.option(order, code, value);
        }
        if options.is_malformed() {
            log.warn(WarningKind::BadOption, offset, "a malformed interface option");
        }
        let link_type = interface.link_type();
        if self.link_types.len() < MAX_LINK_TYPES && !self.link_types.contains(&link_type) {
            self.link_types.push(link_type);
        }
        self.snap_len = self.snap_len.max(interface.snap_len());
        Arc::make_mut(interfaces).push(interface);
    }

    /// Interface statistics: only what the capturing host says it lost.
    fn interface_statistics(&self, block: &[u8], offset: u64, log: &mut Log) {
        let Some(head) = block.first_chunk::<20>().filter(|_| block.len() >= 24) else {
            return log.warn(WarningKind::BadBlock, offset, SHORT);
        };
        let order = self.section.order;
        let Ok((index, _)) = self.interface(order.word(head, 8)) else {
            let why = "statistics of an interface that is not described before them";
            return log.warn(WarningKind::BadBlock, offset, why);
        };
        let (mut by_interface, mut by_system) = (0_u64, 0_u64);
        let mut options = Options::new(order, &block[20..block.len() - 4]);
        for (code, value) in &mut options {
            let Ok(bytes) = value.try_into() else { continue };
            // All ones means unknown.
            let n = Some(order.u64(bytes)).filter(|n| *n != u64::MAX).unwrap_or_default();
            match code {
                ISB_IFDROP => by_interface = n,
                ISB_OSDROP => by_system = n,
                _ => {}
            }
        }
        if options.is_malformed() {
            log.warn(WarningKind::BadOption, offset, "a malformed statistics option");
        }
        let count = by_interface.saturating_add(by_system);
        if count > 0 {
            let detail = format!(
                "the capturing host dropped packets: {by_interface} by the interface, {by_system} by the system"
            );
            log.warn_interface(WarningKind::CaptureDrops, offset, Some(index), count, detail);
        }
    }
}

const SHORT: &str = "a block too short for its type";
const PACKET_HEAD: usize = 28;
const ISB_IFDROP: u16 = 5;
const ISB_OSDROP: u16 = 7;
/// Of all sections together; 64 MiB of memory.
const MAX_INTERFACES: usize = 1 << 20;
const MAX_LINK_TYPES: usize = 256;
