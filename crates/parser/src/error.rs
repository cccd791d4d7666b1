//! Why a capture could not be read.

use std::io;

use crate::Compression;

/// A capture that cannot be opened, or reading that failed half-way. Every variant names the file.
///
/// Damage inside a capture is not here: it ends the file with a [`Warning`](crate::Warning).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused.
    #[error("{file}: {source}{}", place(*offset, *frame))]
    Io {
        /// The file.
        file: String,
        /// Bytes of the (decompressed) file read before.
        offset: u64,
        /// The last frame read before; 0 where there is none.
        frame: u64,
        /// What the operating system said.
        source: io::Error,
    },
    /// A directory was given.
    #[error("{file}: is a directory, not a capture file")]
    IsDirectory {
        /// The directory.
        file: String,
    },
    /// The file has no byte at all: nothing was ever recorded, not even a file header.
    #[error("{file}: the file is empty (0 bytes)")]
    Empty {
        /// The file.
        file: String,
    },
    /// The file ends inside its header.
    #[error("{file}: the file ends after {offset} bytes, inside the file header")]
    TruncatedHeader {
        /// The file.
        file: String,
        /// Bytes there are.
        offset: u64,
    },
    /// The first bytes are of no format this crate knows.
    #[error("{file}: not a pcap or pcapng capture (it begins with {start})")]
    NotACapture {
        /// The file.
        file: String,
        /// Its first bytes, in hexadecimal.
        start: String,
    },
    /// The first bytes are of a known format that is not read.
    #[error("{file}: {format} is not supported; {hint}")]
    UnsupportedFormat {
        /// The file.
        file: String,
        /// The format's name.
        format: &'static str,
        /// What to do about it.
        hint: &'static str,
    },
    /// A version of the format that is not read.
    #[error("{file}: version {major}.{minor} of the format is not supported")]
    UnsupportedVersion {
        /// The file.
        file: String,
        /// Major version.
        major: u16,
        /// Minor version.
        minor: u16,
    },
    /// The compressed stream is corrupt before the first packet.
    #[error("{file}: the {compression} stream is corrupt at its start")]
    CorruptCompression {
        /// The file.
        file: String,
        /// How it is compressed.
        compression: Compression,
    },
    /// A compressed file in a compressed file: unpacked once, never twice.
    #[error("{file}: {inner} inside {outer} is not unpacked twice; unpack it first")]
    NestedCompression {
        /// The file.
        file: String,
        /// How it is compressed.
        outer: Compression,
        /// How what is in it is compressed.
        inner: Compression,
    },
    /// A compressed file reached a limit of [`ReadOptions`](crate::ReadOptions) before the first packet, or needs too much
    /// memory to unpack.
    #[error("{file}: not unpacked: {limit}")]
    UnpackingLimit {
        /// The file.
        file: String,
        /// Which limit, in words.
        limit: String,
    },
    /// A pipe or compressed file was to be read again from a [`Checkpoint`](crate::Checkpoint).
    #[error("{file}: cannot seek in a pipe or compressed file")]
    NotSeekable {
        /// The file.
        file: String,
    },
    /// A [`Checkpoint`](crate::Checkpoint) does not belong to this file.
    #[error("{file}: the checkpoint at byte {offset} is not of this file")]
    ForeignCheckpoint {
        /// The file.
        file: String,
        /// Where the checkpoint points.
        offset: u64,
    },
}

/// Nothing where the file could not even be opened.
fn place(offset: u64, frame: u64) -> String {
    if (offset, frame) == (0, 0) {
        String::new()
    } else {
        format!(" (at byte {offset}, after frame {frame})")
    }
}

impl Error {
    /// The file concerned.
    #[must_use]
    pub fn file(&self) -> &str {
        match self {
            Self::Io { file, .. }
            | Self::IsDirectory { file }
            | Self::Empty { file }
            | Self::TruncatedHeader { file, .. }
            | Self::NotACapture { file, .. }
            | Self::UnsupportedFormat { file, .. }
            | Self::UnsupportedVersion { file, .. }
            | Self::CorruptCompression { file, .. }
            | Self::NestedCompression { file, .. }
            | Self::UnpackingLimit { file, .. }
            | Self::NotSeekable { file }
            | Self::ForeignCheckpoint { file, .. } => file,
        }
    }

    /// The byte of the (decompressed) file where it happened; 0 for what concerns the file as a whole.
    #[must_use]
    pub fn offset(&self) -> u64 {
        match self {
            Self::Io { offset, .. }
            | Self::TruncatedHeader { offset, .. }
            | Self::ForeignCheckpoint { offset, .. } => *offset,
            _ => 0,
        }
    }

    /// The last frame read before; 0 where there is none.
    #[must_use]
    pub fn frame(&self) -> u64 {
        match self {
            Self::Io { frame, .. } => *frame,
            _ => 0,
        }
    }
}
