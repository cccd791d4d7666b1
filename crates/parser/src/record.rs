//! One packet in a file.

use std::borrow::Cow;

use crosscap_packet::{FrameRef, LinkType, Timestamp};

use crate::pcapng::{BlockPlace, PacketBlock};

/// One packet as it lies in the file. `data` is borrowed from the read buffer until the next record is asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PacketRecord<'a> {
    /// Which frame of which file. Numbered as Wireshark 4 does, which gives numbers to pcapng's custom and journal
    /// blocks as well: there the numbers of packets have holes. Behind a gap (see `after_gap`) the packets found are
    /// counted on; Wireshark, which ends at the damage, has no number for them.
    pub frame: FrameRef,
    /// When it was captured, in the capture's clock. The epoch where the file does not say
    /// ([`WarningKind::UnknownTimestamp`](crate::WarningKind::UnknownTimestamp)).
    pub timestamp: Timestamp,
    /// Bytes of the packet on the wire, as the file says. Usually `data.len()` or more; some writers put less. A frame
    /// check sequence counts where the file has them: see [`Interface::fcs_len`](crate::Interface::fcs_len).
    pub original_len: u32,
    /// How `data` begins.
    pub link_type: LinkType,
    /// The interface: an index into [`CaptureFile::interfaces`](crate::CaptureFile::interfaces), counted over all
    /// sections of the file. Always 0 in pcap and snoop.
    pub interface: u32,
    /// Snap length of the interface in bytes; 0 where none is known.
    pub snap_len: u32,
    /// The bytes captured. A frame check sequence is left at their end, where there is one.
    pub data: &'a [u8],
    /// Where the record (its header, not its data) begins: byte offset in the (decompressed) file.
    pub offset: u64,
    /// Found behind damage, by [`ReadOptions::salvage`](crate::ReadOptions::salvage): packets are missing before it,
    /// and in pcapng what it is said to be (interface, time) may rest on a lost block.
    pub after_gap: bool,
    pub(crate) block: PacketBlock<'a>,
}

impl<'a> PacketRecord<'a> {
    /// Comments on the packet, in the order of the file, invalid UTF-8 replaced. Text of an untrusted file: it may hold
    /// control characters. Read when asked for; none in pcap and snoop.
    pub fn comments(&self) -> impl Iterator<Item = Cow<'a, str>> {
        self.block.comments()
    }

    /// Packets that the capturing host dropped between this one and the one before it on the same interface, where the
    /// file says so.
    #[must_use]
    pub fn drop_count(&self) -> Option<u64> {
        self.block.drop_count()
    }

    /// The link-layer flags, as the option epb_flags has them (draft-ietf-opsawg-pcapng, section 4.3.1): the lowest two
    /// bits are 1 for an inbound, 2 for an outbound packet.
    #[must_use]
    pub fn flags(&self) -> Option<u32> {
        self.block.flags()
    }
}

/// A record found in the buffer: the same, with places instead of borrows.
#[derive(Clone, Copy)]
pub(crate) struct Found {
    pub(crate) timestamp: Timestamp,
    pub(crate) original_len: u32,
    pub(crate) link_type: LinkType,
    pub(crate) interface: u32,
    pub(crate) snap_len: u32,
    pub(crate) at: usize,
    pub(crate) len: usize,
    pub(crate) offset: u64,
    pub(crate) block: BlockPlace,
}
