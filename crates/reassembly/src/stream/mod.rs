//! The bytes that one end of a connection sent, in order.

mod assembly;
mod chunk;
mod finish;
mod gaps;
mod number;
mod overlap;
mod payload;
mod read;
mod resolve;

use std::io::{self, Read};
use std::ops::Range;

pub use assembly::Assembly;
pub use chunk::{Aside, AsideKind, Chunk, GapKind};
use crosscap_packet::FrameRef;
pub use overlap::{Conflict, OverlapPolicy};
pub use payload::{Extent, Payload};
pub use read::{GapError, OnGap, StreamReader};

/// What [`Assembly::finish`] makes of a flow: slices of the capture in stream order, and the gaps between them.
///
/// Offset 0 is the byte behind the SYN, or, where no SYN was captured, the lowest byte that was. Chunks are disjoint and
/// follow each other without holes, from offset 0 to [`Self::len`].
#[derive(Clone, Debug)]
pub struct Stream<P> {
    chunks: Vec<Chunk<P>>,
    asides: Vec<Aside<P>>,
    conflicts: Vec<Conflict>,
    conflict_count: u64,
    from_start: bool,
    to_end: bool,
    left_out: LeftOut,
}

/// What [`Assembly::with_limit`] had no room for.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct LeftOut {
    /// Segments with payload.
    pub segments: u64,
    /// Their payload on the wire, in bytes, repetitions included.
    pub bytes: u64,
}

impl<P: Payload> Stream<P> {
    /// The offset behind the last byte that is known to have been: captured, acknowledged or before the FIN.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.chunks.last().map_or(0, Chunk::end)
    }

    /// Whether there is no byte, captured or missing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// Distinct bytes captured.
    #[must_use]
    pub fn captured(&self) -> u64 {
        self.chunks.iter().filter(|c| !c.is_gap()).map(Chunk::len).sum()
    }

    /// Whether offset 0 is the first byte of the connection: the SYN was captured.
    #[must_use]
    pub const fn from_start(&self) -> bool {
        self.from_start
    }

    /// Whether [`Self::len`] is where the sender stopped: the FIN was captured.
    #[must_use]
    pub const fn to_end(&self) -> bool {
        self.to_end
    }

    /// Data and gaps, in order.
    pub fn chunks(&self) -> impl ExactSizeIterator<Item = Chunk<P>> + '_ {
        self.chunks.iter().copied()
    }

    /// The part of [`Self::chunks`] that lies in `range`, cut to it. Finds its beginning in logarithmic time.
    pub fn range(&self, range: Range<u64>) -> impl Iterator<Item = Chunk<P>> + '_ {
        let from = self.chunks.partition_point(|c| c.end() <= range.start);
        let start = range.start;
        let within = self.chunks[from..].iter();
        within
            .take_while(move |c| c.offset().max(start) < range.end)
            .map(move |c| c.within(start, range.end))
    }

    /// Payload that is not in the stream, in capture order.
    #[must_use]
    pub fn asides(&self) -> &[Aside<P>] {
        &self.asides
    }

    /// Where segments contradict each other, in capture order of those that were not kept: the first
    /// [`Self::MAX_CONFLICTS`]. Empty where [`Payload::bytes`] gives none, unless [`Assembly::finish_with`] compared.
    #[must_use]
    pub fn conflicts(&self) -> &[Conflict] {
        &self.conflicts
    }

    /// How many conflicts there are, listed or not.
    #[must_use]
    pub const fn conflict_count(&self) -> u64 {
        self.conflict_count
    }

    /// What was left out for lack of room.
    #[must_use]
    pub const fn left_out(&self) -> LeftOut {
        self.left_out
    }

    /// Reads the stream from offset 0. `fetch` is given a handle, the frame it belongs to and a buffer of exactly its
    /// length, to be filled.
    pub fn reader_with<F>(&self, on_gap: OnGap, fetch: F) -> StreamReader<'_, P, F>
    where
        F: FnMut(P, FrameRef, &mut [u8]) -> io::Result<()>,
    {
        StreamReader::new(&self.chunks, on_gap, fetch)
    }

    /// Conflicts that are listed.
    pub const MAX_CONFLICTS: usize = 1024;
}

impl Stream<&[u8]> {
    /// Reads the stream from offset 0.
    pub fn reader(&self, on_gap: OnGap) -> impl Read + '_ {
        self.reader_with(on_gap, |bytes, _, buffer| {
            buffer.copy_from_slice(bytes);
            Ok(())
        })
    }
}
