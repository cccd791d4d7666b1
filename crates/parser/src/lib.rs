//! Where packets lie in capture files.
//!
//! This crate opens pcap and pcapng files, plain or compressed, regular files as well as pipes, and hands out one
//! [`PacketRecord`] after the other. Packet bytes are borrowed from the read buffer, never copied. It knows nothing of
//! what the packets say.
//!
//! - [`CaptureFile`]: one open capture; [`CaptureFile::next_record`] is the whole of reading;
//! - [`Parts`]: one file read by several threads, with the same result;
//! - [`ReadOptions`]: how to read it, how much to unpack, and whether to go on behind damage;
//! - [`Warning`]: what was odd about the file. *Damage is not an error*: the packets before it are delivered, then the
//!   file ends, and a warning says where and why;
//! - [`Error`]: the file could not be read at all, or reading failed half-way;
//! - [`Checkpoint`]: a place in a plain file, for a second look that starts in the middle;
//! - [`Interface`]: what a pcapng file says of an interface.
//!
//! ```
//! use crosscap_parser::CaptureFile;
//!
//! let bytes: &[u8] = &[
//!     0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0, // file header
//!     1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 60, 0, 0, 0, // 1 s, 2 µs, 3 of 60 bytes captured
//!     0xaa, 0xbb, 0xcc, //
//!     9, 0, 0, // a cut record header
//! ];
//! let mut capture = CaptureFile::from_reader(bytes, "example.pcap", 0)?;
//! while let Some(record) = capture.next_record()? {
//!     assert_eq!(record.frame.number(), 1);
//!     assert_eq!(record.timestamp.as_nanos(), 1_000_002_000);
//!     assert_eq!((record.data, record.original_len), (&[0xaa, 0xbb, 0xcc][..], 60));
//! }
//! assert_eq!(capture.warnings()[0].kind.id(), "truncated-tail");
//! # Ok::<(), crosscap_parser::Error>(())
//! ```
//!
//! # Limits
//!
//! - One record or block is at most 128 MiB; a pcap record is at most the larger of its file's snap length and 256 KiB,
//!   as in Wireshark. Longer ones are damage. Memory grows only as far as bytes are really there, so a lying length
//!   costs nothing.
//! - The length of a regular file is taken when it is opened: what is appended later is not read.
//! - gzip, zstd, lz4 and xz are told by content and unpacked once, as a stream, in a thread of its own: no more than 2 MiB
//!   ahead of the reader, besides what the format makes a decoder remember (at most 128 MiB: more is an error). The thread
//!   ends when the [`CaptureFile`] is dropped, or when the read it is waiting for returns.
//! - By default a file may unpack to 1,000 times its size: see [`ReadOptions::max_expansion`].
//! - Where a compressed stream is cut or corrupt, gzip and xz give all or nearly all before it (xz: but for what 4 KiB held),
//!   lz4 and zstd whole blocks: the last 4 MiB and 128 KiB before it may be lost. zstd dictionaries, lz4's legacy format and
//!   xz with several filters besides LZMA2 are not read.
//! - pcap and pcapng only; bzip2, zip, snoop and others are named in the error.
//! - Packet options and comments, name resolution and decryption secrets of pcapng are skipped.

#![forbid(unsafe_code)]

mod buffer;
mod capture;
mod checkpoint;
mod error;
mod format;
mod log;
mod options;
mod order;
mod parts;
mod pcap;
mod pcapng;
mod reader;
mod record;
mod salvage;
mod snoop;
mod source;
mod warning;

pub use capture::CaptureFile;
pub use checkpoint::Checkpoint;
pub use error::Error;
pub use format::{Compression, Format};
pub use options::ReadOptions;
pub use parts::{CHUNK, Part, PartReader, Parts};
pub use pcapng::{BlockCounts, Interface, InterfaceStatistics, Secrets, SectionInfo};
pub use record::PacketRecord;
pub use warning::{Warning, WarningKind};
