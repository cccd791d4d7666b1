//! What the blocks without packets say.

use std::sync::Arc;

use crosscap_packet::LinkType;

use super::contents::left_out;
use super::options::Options;
use super::{Interface, PcapNg, SECTION_HEAD, byte_order, has_frame_number, is_used};
use crate::WarningKind;
use crate::log::Log;
use crate::order::Order;

impl PcapNg {
    /// Any block that is not a packet, whole.
    pub(super) fn other_block(&mut self, kind: u32, block: &[u8], offset: u64, log: &mut Log) {
        let is_new = self.contents.is_new(offset);
        match kind {
            pcap_parser::SHB_MAGIC => self.section_header(block, offset, is_new, log),
            pcap_parser::IDB_MAGIC => self.interface_description(block, offset, log),
            _ => {
                log.frames += u64::from(has_frame_number(kind));
                if is_new {
                    self.contents_block(kind, block, offset, log);
                }
            }
        }
    }

    /// A block that means nothing to those behind it.
    fn contents_block(&mut self, kind: u32, block: &[u8], offset: u64, log: &mut Log) {
        let order = self.section.order;
        match kind {
            pcap_parser::ISB_MAGIC => self.interface_statistics(block, offset, log),
            pcap_parser::NRB_MAGIC if !is_used(kind, block.len()) => left_out(offset, log),
            pcap_parser::NRB_MAGIC => {
                let records = block.get(8..block.len() - 4).unwrap_or_default();
                self.contents.names(order, records, offset, log);
            }
            _ => self.contents.passed_over(kind, order, block, offset, log),
        }
    }

    /// A block that is gone over unread, with what is there of it.
    pub(super) fn skipped_block(&mut self, kind: u32, start: &[u8], offset: u64, log: &mut Log) {
        if !self.contents.is_new(offset) {
            return;
        }
        if kind == pcap_parser::NRB_MAGIC {
            left_out(offset, log);
        } else {
            self.contents.passed_over(kind, self.section.order, start, offset, log);
        }
    }

    fn section_header(&mut self, block: &[u8], offset: u64, is_new: bool, log: &mut Log) {
        let (order, minor) = match section_version(block) {
            Ok(version) => version,
            Err(why) => return log.end(WarningKind::DamagedRecord, offset, why),
        };
        // 1.2 is what some writers put for 1.0.
        if minor != 0 && minor != 2 {
            let detail = format!("version 1.{minor}, read as 1.0");
            log.warn(WarningKind::UnusualVersion, offset, detail);
        }
        self.section.order = order;
        self.section.first_interface = self.section.interfaces.len();
        if is_new {
            let options = block.get(24..block.len() - 4).unwrap_or_default();
            self.contents.section(order, options, offset, log);
        }
    }

    fn interface_description(&mut self, block: &[u8], offset: u64, log: &mut Log) {
        let whole = block.first_chunk::<16>().filter(|_| block.len() >= INTERFACE_HEAD);
        let Some(head) = whole else {
            // Those behind it would get wrong numbers.
            let why = "an interface description cut short";
            return log.end(WarningKind::DamagedRecord, offset, why);
        };
        if self.section.interfaces.len() >= MAX_INTERFACES {
            let why = format!("more than {MAX_INTERFACES} interfaces");
            return log.warn(WarningKind::BadBlock, offset, why);
        }
        let order = self.section.order;
        let mut interface = Interface::new(LinkType(order.half(head, 8)), order.word(head, 12));
        let mut options = Options::new(order, &block[16..block.len() - 4]);
        for (code, value) in &mut options {
            interface.option(order, code, value, &mut self.section.texts);
        }
        if options.is_malformed() {
            log.warn(WarningKind::BadOption, offset, "a malformed interface option");
        }
        if self.section.texts.take_left_out() {
            left_out(offset, log);
        }
        let link_type = interface.link_type();
        if self.link_types.len() < MAX_LINK_TYPES && !self.link_types.contains(&link_type) {
            self.link_types.push(link_type);
        }
        self.snap_len = self.snap_len.max(interface.snap_len());
        Arc::make_mut(&mut self.section.interfaces).push(interface);
    }
}

/// Byte order and minor version of a section; or why it cannot be read.
pub(super) fn section_version(block: &[u8]) -> Result<(Order, u16), String> {
    let head = block.first_chunk::<SECTION_HEAD>();
    let order = head.and_then(|head| byte_order([head[8], head[9], head[10], head[11]]));
    let Some((head, order)) = head.zip(order) else {
        return Err("a section header cut short".to_owned());
    };
    match (order.half(head, 12), order.half(head, 14)) {
        (1, minor) => Ok((order, minor)),
        (major, minor) => Err(format!("a section of version {major}.{minor}")),
    }
}

/// An interface description without options.
pub(super) const INTERFACE_HEAD: usize = 20;
/// Of all sections together; less than 64 MiB of memory.
const MAX_INTERFACES: usize = 1 << 18;
const MAX_LINK_TYPES: usize = 256;
