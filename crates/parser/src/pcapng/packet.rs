//! The packet blocks.

use crosscap_packet::{LinkType, Timestamp};

use super::block::BlockPlace;
use super::{Interface, PcapNg};
use crate::WarningKind;
use crate::buffer::Buffer;
use crate::log::Log;
use crate::record::Found;

/// A packet in a block.
pub(super) struct Packet {
    timestamp: Timestamp,
    original_len: u32,
    link_type: LinkType,
    pub(super) interface: u32,
    snap_len: u32,
    // Of the data, in the block.
    start: usize,
    len: usize,
    pub(super) timeless: bool,
}

impl PcapNg {
    /// `packet` of the block of `block_len` bytes that begins `at` a place in the buffer.
    #[inline(always)]
    pub(super) fn found(&self, packet: &Packet, at: usize, block_len: usize, offset: u64) -> Found {
        Found {
            timestamp: packet.timestamp,
            original_len: packet.original_len,
            link_type: packet.link_type,
            interface: packet.interface,
            snap_len: packet.snap_len,
            at: at + packet.start,
            len: packet.len,
            offset,
            block: BlockPlace::new(self.section.order, at, block_len),
        }
    }

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
    pub(super) fn interface(&self, id: u32) -> Result<(u32, &Interface), &'static str> {
        let index = self.section.first_interface.saturating_add(id as usize);
        match self.section.interfaces.get(index) {
            // At most MAX_INTERFACES.
            Some(interface) => Ok((index as u32, interface)),
            None => Err("a packet of an interface that is not described before it"),
        }
    }

    /// Adds up what the options of a packet, or the head of an obsolete one, say of drops. Once, however often the
    /// packet is read.
    #[inline(never)]
    pub(super) fn add_drops(&mut self, found: &Found, buffer: &Buffer, log: &mut Log) {
        let (drops, is_malformed) = found.block.in_buffer(buffer).all_drops();
        if is_malformed {
            log.warn(WarningKind::BadOption, found.offset, "a malformed packet option");
        }
        if drops > 0 && self.contents.is_new(found.offset) {
            self.contents.packet_dropped(found.interface, drops, found.offset, log);
        }
    }
}

pub(super) const SHORT: &str = "a block too short for its type";
pub(super) const PACKET_HEAD: usize = 28;
