//! Where packets lie in capture files.
//!
//! This crate opens pcap, pcapng and snoop files, plain or compressed, regular files as well as pipes, and hands out one
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
//! - [`Interface`], [`InterfaceStatistics`], [`SectionInfo`], [`Secrets`], [`BlockCounts`]: what a pcapng file says
//!   besides packets; comments and drops of a packet are with [`PacketRecord`].
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
//! - pcap, pcapng and snoop only; bzip2, zip and others are named in the error.
//! - 64 bytes or more of zeros at the end of a pcap file, or 64 KiB anywhere, are damage and not empty packets of 1970,
//!   which tshark, capinfos and tcpdump make of them.
//! - Of what pcapng says besides packets these are kept: 262,144 interfaces, 4096 sections, 65,536 names, 1024 secrets,
//!   256 enterprises and 256 unknown types of blocks; 256 bytes of a name, 4 KiB of a comment or filter, 8 MiB of texts
//!   of interfaces and 8 MiB of others. More is a [`WarningKind::ContentsLeftOut`] (more interfaces, a
//!   [`WarningKind::BadBlock`]). Packet options are not kept but read when asked for.
//! - What is kept is of the places read so far: what [`CaptureFile::seek`] went over is missing.
//! - Drops are told in statistics and with packets. Both count the same ones, so that the larger sum is taken, for each
//!   interface.
//! - [`ReadOptions::salvage`] proves records behind damage by chains of 256 KiB, or of the longest packet seen up to
//!   1 MiB, or up to the end of the file. So all is lost between two damages that are closer, and behind a damage where
//!   neighbouring packets lie more than 31 days apart. Behind a lost section header or interface description of
//!   pcapng, packets may be taken for those of another interface. Where a pcap header was lost without a trace and its
//!   packet carries capture records of the same second up to its own end, these are taken for packets.

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
