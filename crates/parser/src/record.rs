//! One packet in a file.

use crosscap_packet::{FrameRef, LinkType, Timestamp};

/// One packet as it lies in the file. `data` is borrowed from the read buffer until the next record is asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PacketRecord<'a> {
    /// Which frame of which file. Numbered as Wireshark 4 does, which gives numbers to pcapng's custom and journal
    /// blocks as well: there the numbers of packets have holes.
    pub frame: FrameRef,
    /// When it was captured, in the capture's clock. The epoch where the file does not say
    /// ([`WarningKind::UnknownTimestamp`](crate::WarningKind::UnknownTimestamp)).
    pub timestamp: Timestamp,
    /// Bytes of the packet on the wire, as the file says. Usually `data.len()` or more; some writers put less.
    pub original_len: u32,
    /// How `data` begins.
    pub link_type: LinkType,
    /// The interface: an index into [`CaptureFile::interfaces`](crate::CaptureFile::interfaces), counted over all
    /// sections of the file. Always 0 in pcap.
    pub interface: u32,
    /// Snap length of the interface in bytes; 0 where none is known.
    pub snap_len: u32,
    /// The bytes captured.
    pub data: &'a [u8],
    /// Where the record (its header, not its data) begins: byte offset in the (decompressed) file.
    pub offset: u64,
}

/// A record found in the buffer: the same, with the place of the data instead of a borrow.
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
}
