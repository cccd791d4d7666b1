//! What a packet's block says besides the packet.

use std::borrow::Cow;
use std::fmt;

use super::OBSOLETE_PACKET;
use super::options::{EPB_FLAGS, OPT_COMMENT, Options};
use super::packet::PACKET_HEAD;
use crate::buffer::Buffer;
use crate::order::Order;
use crate::record::Found;

/// Where the block of a packet is in the buffer. Nowhere for other formats.
#[derive(Clone, Copy)]
pub(crate) struct BlockPlace {
    order: Order,
    at: usize,
    len: usize,
}

/// The block of a packet: read only when asked, and even its borrow checked only then.
#[derive(Clone, Copy)]
pub(crate) struct PacketBlock<'a> {
    place: BlockPlace,
    // The whole buffer.
    buffer: &'a [u8],
}

impl BlockPlace {
    pub(crate) const NONE: Self = Self { order: Order::Little, at: 0, len: 0 };

    #[inline(always)]
    pub(super) const fn new(order: Order, at: usize, len: usize) -> Self {
        Self { order, at, len }
    }

    #[inline(always)]
    pub(crate) fn in_buffer(self, buffer: &Buffer) -> PacketBlock<'_> {
        PacketBlock { place: self, buffer: buffer.whole() }
    }
}

impl Found {
    /// Whether an enhanced packet block has options.
    #[inline(always)]
    pub(super) const fn has_options(&self) -> bool {
        // Head, data and up to three bytes of padding, and the length at the end.
        self.block.len > PACKET_HEAD + self.len + 3 + 4
    }
}

impl<'a> PacketBlock<'a> {
    fn bytes(&self) -> &'a [u8] {
        let BlockPlace { at, len, .. } = self.place;
        self.buffer.get(at..at + len).unwrap_or_default()
    }

    /// Type of the block, and its fixed part.
    fn head(&self) -> Option<(u32, &'a [u8; PACKET_HEAD])> {
        let head = self.bytes().first_chunk::<PACKET_HEAD>()?;
        let kind = self.place.order.word(head, 0);
        matches!(kind, pcap_parser::EPB_MAGIC | OBSOLETE_PACKET).then_some((kind, head))
    }

    fn options(&self) -> Options<'a> {
        let options = self.head().and_then(|(_, head)| {
            let captured = self.place.order.word(head, 20) as usize;
            let start = PACKET_HEAD + captured.checked_next_multiple_of(4)?;
            self.bytes().get(start..self.place.len.checked_sub(4)?)
        });
        Options::new(self.place.order, options.unwrap_or_default())
    }

    pub(crate) fn comments(&self) -> impl Iterator<Item = Cow<'a, str>> + use<'a> {
        let comments = self.options().filter(|(code, _)| *code == OPT_COMMENT);
        comments.map(|(_, text)| String::from_utf8_lossy(text))
    }

    pub(crate) fn drop_count(&self) -> Option<u64> {
        let (kind, head) = self.head()?;
        if kind == OBSOLETE_PACKET {
            // All ones means unknown.
            let drops = self.place.order.half(head, 10);
            return Some(drops).filter(|n| *n != u16::MAX).map(u64::from);
        }
        self.options().find_map(|option| self.drops_of(option))
    }

    fn drops_of(&self, (code, value): (u16, &[u8])) -> Option<u64> {
        let bytes = value.try_into().ok().filter(|_| code == EPB_DROPCOUNT)?;
        Some(self.place.order.u64(bytes)).filter(|n| *n != u64::MAX)
    }

    /// Drops told, and whether an option is malformed.
    pub(super) fn all_drops(&self) -> (u64, bool) {
        let mut options = self.options();
        if options.are_flags_only() {
            return (0, false);
        }
        let mut drops = None;
        for option in &mut options {
            drops = drops.or_else(|| self.drops_of(option));
        }
        if let Some((OBSOLETE_PACKET, _)) = self.head() {
            drops = self.drop_count();
        }
        (drops.unwrap_or_default(), options.is_malformed())
    }

    pub(crate) fn flags(&self) -> Option<u32> {
        // The same in both packet blocks.
        let mut options = self.options();
        let (_, value) = options.find(|(code, value)| *code == EPB_FLAGS && value.len() == 4)?;
        value.first_chunk().map(|word| self.place.order.u32(*word))
    }
}

impl PartialEq for PacketBlock<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.bytes() == other.bytes()
    }
}

impl Eq for PacketBlock<'_> {}

impl fmt::Debug for PacketBlock<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.place.len)
    }
}

const EPB_DROPCOUNT: u16 = 4;
