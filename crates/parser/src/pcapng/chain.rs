//! Blocks as a search behind damage judges them.

use super::blocks::{INTERFACE_HEAD, section_version};
use super::frame::Head;
use super::packet::PACKET_HEAD;
use super::{PcapNg, has_frame_number, is_used};
use crate::salvage::{Chain, Link};

impl Chain for PcapNg {
    fn link(&self, bytes: &[u8], longest: usize) -> Option<Link> {
        let head = Head::read(self.section.order, bytes.first_chunk()?)?;
        let len = head.len as usize;
        if !head.is_sane() || len > longest + PACKET_HEAD + 4 {
            return None;
        }
        let block = bytes.get(..len)?;
        // What would end the file again proves nothing, and could be there again and again.
        let is_sound = match head.kind {
            pcap_parser::SHB_MAGIC => section_version(block).is_ok(),
            pcap_parser::IDB_MAGIC => len >= INTERFACE_HEAD,
            _ => true,
        };
        let ends_alike = head.order.u32(*block.last_chunk()?) == head.len;
        let may_begin = is_used(head.kind, len) || has_frame_number(head.kind);
        (is_sound && ends_alike).then_some(Link { len, time: None, may_begin })
    }

    fn second_guess(&self, bytes: &[u8]) -> Option<usize> {
        let head = Head::read(self.section.order, bytes.first_chunk()?)?;
        head.is_sane().then_some(head.len as usize)
    }

    fn believe_header(&mut self, offset: u64, bytes: &[u8]) -> bool {
        let whole = self.second_guess(bytes).and_then(|len| bytes.get(..len));
        let Some((block, start)) = whole.and_then(|block| Some((block, block.first_chunk()?)))
        else {
            return false;
        };
        let head = Head::read(self.section.order, start);
        let ends_alike =
            head.zip(block.last_chunk()).is_some_and(|(h, t)| h.order.u32(*t) == h.len);
        // Once: where it is damaged otherwise too, believing does not help.
        let believed = !ends_alike && self.header_rules != Some(offset);
        if believed {
            self.header_rules = Some(offset);
        }
        believed
    }
}
