//! Where the bytes come from: a file, a pipe, a compressed stream.

mod gzip;
mod input;
mod lz4;
mod unpack;
mod xz;
mod zstd;

use std::fmt;
use std::fs::File;
use std::io::{self, Cursor, Read};
use std::path::Path;

use crate::{Compression, Error, ReadOptions};
use unpack::Unpacked;

pub(crate) type Stream = Box<dyn Read + Send>;

/// The (decompressed) bytes of a capture.
pub(crate) enum Source {
    File(Part),
    Stream(Stream),
    /// With the length of the compressed file, where it is one.
    Unpacked(Unpacked, Option<u64>),
}

/// How far the bytes go.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Tail {
    /// More may come.
    Open,
    /// The regular end.
    End,
    /// The file became shorter while it was read.
    Shrunk,
    /// The compressed stream ended before its own end.
    Cut(Compression),
    /// Cannot be unpacked any further.
    Corrupt(Compression),
    /// Is not to be unpacked any further.
    Limit(Limit),
}

/// A bound on unpacking that was reached.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Limit {
    Bytes(u64),
    Expansion(u32),
    Memory,
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(n) => write!(f, "it unpacks to more than {n} bytes"),
            Self::Expansion(n) => write!(f, "it unpacks to more than {n} times its size"),
            Self::Memory => write!(f, "to unpack it takes more than {} MiB", WINDOW >> 20),
        }
    }
}

impl Source {
    pub(crate) fn open(path: &Path, name: &str, options: &ReadOptions) -> Result<Self, Error> {
        let io = |source| Error::Io { file: name.to_owned(), offset: 0, frame: 0, source };
        Self::file(File::open(path).map_err(io)?, name, options)
    }

    pub(crate) fn file(file: File, name: &str, options: &ReadOptions) -> Result<Self, Error> {
        let io = |source| Error::Io { file: name.to_owned(), offset: 0, frame: 0, source };
        let meta = file.metadata().map_err(io)?;
        if meta.is_dir() {
            return Err(Error::IsDirectory { file: name.to_owned() });
        }
        if !meta.is_file() {
            return Self::stream(Box::new(file), options).map_err(io);
        }
        // The length is fixed now: a capture that is still running has an end that moves.
        let mut part = Part { file, pos: 0, len: meta.len() };
        let (_, compression) = first_bytes(&mut part).map_err(io)?;
        part.pos = 0;
        match compression {
            Compression::None => Ok(Self::File(part)),
            packed => {
                let len = part.len;
                let unpacked = Unpacked::start(packed, Box::new(part), options).map_err(io)?;
                Ok(Self::Unpacked(unpacked, Some(len)))
            }
        }
    }

    pub(crate) fn stream(mut stream: Stream, options: &ReadOptions) -> io::Result<Self> {
        let (start, compression) = first_bytes(&mut stream)?;
        let whole: Stream = Box::new(Cursor::new(start).chain(stream));
        match compression {
            Compression::None => Ok(Self::Stream(whole)),
            packed => Ok(Self::Unpacked(Unpacked::start(packed, whole, options)?, None)),
        }
    }

    pub(crate) fn compression(&self) -> Compression {
        match self {
            Self::Unpacked(unpacked, _) => unpacked.compression(),
            _ => Compression::None,
        }
    }

    /// Reads once into `into` (not empty). 0 bytes come with the reason.
    pub(crate) fn read(&mut self, into: &mut [u8]) -> io::Result<(usize, Tail)> {
        loop {
            let result = match self {
                Self::File(part) => part.read(into),
                Self::Stream(stream) => stream.read(into),
                Self::Unpacked(unpacked, _) => return unpacked.read(into),
            };
            match (result, &self) {
                (Ok(0), Self::File(part)) if part.pos < part.len => return Ok((0, Tail::Shrunk)),
                (Ok(0), _) => return Ok((0, Tail::End)),
                (Ok(n), _) => return Ok((n, Tail::Open)),
                (Err(e), _) if e.kind() == io::ErrorKind::Interrupted => {}
                (Err(e), _) => return Err(e),
            }
        }
    }

    /// Moves to `to`, which is at most the length. Files only; nothing happens elsewhere.
    pub(crate) fn seek(&mut self, to: u64) {
        if let Self::File(part) = self {
            part.pos = to;
        }
    }

    /// Length of what is stored in bytes, compressed or not, where known.
    pub(crate) fn stored_size(&self) -> Option<u64> {
        match self {
            Self::Unpacked(_, len) => *len,
            _ => self.size(),
        }
    }

    /// Another one on the same file, as long; `None` for what can be read only once.
    pub(crate) fn twin(&self) -> Option<Self> {
        match self {
            Self::File(part) => {
                let file = part.file.try_clone().ok()?;
                Some(Self::File(Part { file, pos: 0, len: part.len }))
            }
            _ => None,
        }
    }

    /// Length of the whole in bytes, where known.
    pub(crate) fn size(&self) -> Option<u64> {
        match self {
            Self::File(part) => Some(part.len),
            _ => None,
        }
    }
}

/// The first `len` bytes of a file, read from a place of its own: handles of one file do not disturb each other.
pub(crate) struct Part {
    file: File,
    pos: u64,
    len: u64,
}

impl Read for Part {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let left = self.len.saturating_sub(self.pos);
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(into.len());
        let got = read_at(&self.file, &mut into[..most], self.pos)?;
        self.pos += got as u64;
        Ok(got)
    }
}

#[cfg(unix)]
fn read_at(file: &File, into: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, into, offset)
}

#[cfg(windows)]
fn read_at(file: &File, into: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, into, offset)
}

/// As many first bytes as it takes to tell the compression, and which it is; fewer where there are no more.
fn first_bytes(from: &mut impl Read) -> io::Result<(Vec<u8>, Compression)> {
    let (mut start, mut at) = (Vec::new(), 0);
    loop {
        from.take((at + MAGIC - start.len()) as u64).read_to_end(&mut start)?;
        let here = start.get(at..).unwrap_or_default();
        // Frames to skip are the same in zstd and lz4: the one behind them tells which it is.
        match skippable(here) {
            Some(len) if at as u64 + len < MAX_SKIPPED => at += len as usize,
            _ => {
                let compression = Compression::detect(here);
                return Ok((start, compression));
            }
        }
    }
}

/// The length of a skippable frame of zstd or lz4 with its header (RFC 8878 section 3.1.2).
fn skippable(bytes: &[u8]) -> Option<u64> {
    let (magic, rest) = bytes.split_first_chunk::<4>()?;
    let len = u32::from_le_bytes(*rest.first_chunk()?);
    (u32::from_le_bytes(*magic) & !15 == SKIPPABLE).then_some(8 + u64::from(len))
}

const MAGIC: usize = 8;
const SKIPPABLE: u32 = 0x184d_2a50;
const MAX_SKIPPED: u64 = 64 << 10;

/// The most that zstd and xz may look back: what `zstd` itself takes by default, and twice what `xz -9` asks for.
const WINDOW: u64 = 128 << 20;
