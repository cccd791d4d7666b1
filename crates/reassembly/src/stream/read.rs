//! A stream as a reader.

use std::error::Error;
use std::fmt;
use std::io::{self, Read};

use crosscap_packet::FrameRef;

use super::{Chunk, GapKind, Payload};

/// What a reader does where bytes are missing.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum OnGap {
    /// Fails, and again when asked again: [`io::ErrorKind::InvalidData`] with a [`GapError`] inside.
    Error,
    /// Ends there, as if nothing followed.
    Stop,
    /// Gives zeros. A gap can be of many GiB.
    Zeros,
    /// Goes on behind it.
    Skip,
}

/// Reads a stream in order: [`Stream::reader`](super::Stream::reader) and
/// [`Stream::reader_with`](super::Stream::reader_with).
#[derive(Debug)]
pub struct StreamReader<'s, P, F> {
    /// What is not read yet, the first of them partly.
    chunks: &'s [Chunk<P>],
    /// Bytes read of the first.
    read: u64,
    on_gap: OnGap,
    fetch: F,
}

impl<'s, P, F> StreamReader<'s, P, F> {
    pub(super) fn new(chunks: &'s [Chunk<P>], on_gap: OnGap, fetch: F) -> Self {
        Self { chunks, read: 0, on_gap, fetch }
    }
}

impl<P, F> Read for StreamReader<'_, P, F>
where
    P: Payload,
    F: FnMut(P, FrameRef, &mut [u8]) -> io::Result<()>,
{
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some((&chunk, rest)) = self.chunks.split_first() {
            if buffer.is_empty() {
                return Ok(0);
            }
            let left = chunk.len() - self.read;
            let n = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
            match (chunk, self.on_gap) {
                (Chunk::Data { payload, frame, .. }, _) => {
                    let from = self.read as usize;
                    (self.fetch)(payload.part(from..from + n), frame, &mut buffer[..n])?;
                }
                (Chunk::Gap { .. }, OnGap::Stop) => return Ok(0),
                (Chunk::Gap { offset, len, kind }, OnGap::Error) => {
                    let gap = GapError { offset, len, kind };
                    return Err(io::Error::new(io::ErrorKind::InvalidData, gap));
                }
                (Chunk::Gap { .. }, OnGap::Zeros) => buffer[..n].fill(0),
                (Chunk::Gap { .. }, OnGap::Skip) => {
                    (self.chunks, self.read) = (rest, 0);
                    continue;
                }
            }
            self.read += n as u64;
            if self.read == chunk.len() {
                (self.chunks, self.read) = (rest, 0);
            }
            return Ok(n);
        }
        Ok(0)
    }
}

/// Bytes are missing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct GapError {
    /// Stream offset of the first.
    pub offset: u64,
    /// How many.
    pub len: u64,
    /// Why.
    pub kind: GapKind,
}

impl fmt::Display for GapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let why = match self.kind {
            GapKind::Acknowledged => "acknowledged, but not captured",
            GapKind::Cut => "cut by the snap length",
            GapKind::LeftOut => "beyond the limit of segments",
            GapKind::Unknown => "not captured",
        };
        write!(f, "{} bytes are missing at stream offset {}: {why}", self.len, self.offset)
    }
}

impl Error for GapError {}
