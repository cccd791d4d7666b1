//! Framing blocks.

use super::{MAX_BLOCK, MAX_CONTROL, PcapNg, byte_order, has_frame_number, is_control, is_used};
use crate::buffer::Buffer;
use crate::log::Log;
use crate::order::Order;
use crate::{Error, WarningKind};

/// A whole block at the front of the buffer.
pub(super) struct Block {
    pub(super) kind: u32,
    pub(super) len: usize,
}

/// What the first twelve bytes of a block say.
pub(super) struct Head {
    pub(super) kind: u32,
    pub(super) len: u32,
    /// A section header has its own.
    pub(super) order: Order,
}

impl Head {
    /// `None` for a section header without byte order.
    #[inline(always)]
    pub(super) fn read(order: Order, head: &[u8; 12]) -> Option<Self> {
        let kind = order.word(head, 0);
        if kind == pcap_parser::SHB_MAGIC {
            // The same in both orders.
            let order = byte_order([head[8], head[9], head[10], head[11]])?;
            return Some(Self { kind, len: order.word(head, 4), order });
        }
        Some(Self { kind, len: order.word(head, 4), order })
    }

    /// Whether there can be a block of this length.
    #[inline(always)]
    pub(super) const fn is_sane(&self) -> bool {
        self.len >= 12 && self.len.is_multiple_of(4) && self.len <= MAX_BLOCK
    }
}

impl PcapNg {
    /// Has the next block whole in the buffer, its length checked. Skips those that are of no use and not there yet.
    #[inline]
    pub(super) fn frame(
        &mut self,
        buffer: &mut Buffer,
        log: &mut Log,
    ) -> Result<Option<Block>, Error> {
        loop {
            let bytes = buffer.bytes();
            let need = if let Some(start) = bytes.first_chunk::<12>() {
                let Some(head) = Head::read(self.section.order, start) else {
                    return damaged(buffer, log, "a section header without byte order".to_owned());
                };
                if !head.is_sane() {
                    let why = match start {
                        [0, 0, 0, 0, 0, 0, 0, 0, ..] => "zeros where a block should be".to_owned(),
                        _ => format!("a block of {} bytes", head.len),
                    };
                    return damaged(buffer, log, why);
                }
                let len = head.len as usize;
                if len > MAX_CONTROL && is_control(head.kind) {
                    return damaged(buffer, log, format!("a block of {len} bytes of options"));
                }
                if let Some(block) = bytes.get(..len) {
                    let Some(&trailer) = block.last_chunk::<4>() else { return Ok(None) };
                    let trailer = head.order.u32(trailer) as usize;
                    if trailer != len && self.header_rules != Some(buffer.offset()) {
                        mismatch(buffer.offset(), log, len, trailer);
                        return Ok(None);
                    }
                    return Ok(Some(Block { kind: head.kind, len }));
                }
                // A search behind damage needs what was gone over, and a pipe gives it once.
                if !is_used(head.kind, len) && !log.salvages() {
                    if !self.skip(buffer, log, head.kind, len)? {
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

    /// Goes over a block without holding it.
    #[cold]
    fn skip(
        &mut self,
        buffer: &mut Buffer,
        log: &mut Log,
        kind: u32,
        len: usize,
    ) -> Result<bool, Error> {
        let offset = buffer.offset();
        // A block of twelve bytes alone is shorter; it would not be skipped where it is all there.
        if !log.need(buffer, LOOKED_AT)? {
            return Ok(false);
        }
        let Some(&looked_at) = buffer.bytes().first_chunk::<LOOKED_AT>() else { return Ok(false) };
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
        self.skipped_block(kind, &looked_at, offset, log);
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

/// Of a block that is gone over: type, length, and what the secrets or the enterprise are.
const LOOKED_AT: usize = 16;
