//! How a capture is to be read.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::source::Source;
use crate::{CaptureFile, Error};

/// How to read a capture; [`CaptureFile::open`] takes the defaults.
///
/// The limits concern compressed files. Where one is reached the packets before it are delivered, then the file ends
/// with [`WarningKind::UnpackingLimit`](crate::WarningKind::UnpackingLimit).
#[derive(Clone, Copy, Debug)]
pub struct ReadOptions {
    max_unpacked_bytes: u64,
    max_expansion: u32,
    salvage: bool,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self { max_unpacked_bytes: u64::MAX, max_expansion: 1000, salvage: false }
    }
}

impl ReadOptions {
    /// The defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The most bytes that a compressed file may unpack to. No limit by default: unpacked bytes pass through a few blocks
    /// of memory, so they cost time but no space, and [`max_expansion`](Self::max_expansion) bounds the time.
    #[must_use]
    pub const fn max_unpacked_bytes(mut self, bytes: u64) -> Self {
        self.max_unpacked_bytes = bytes;
        self
    }

    /// How many times its compressed size a file may unpack to; 1,000 by default, at least 1. The first 64 MiB are not
    /// judged. Captures shrink to a tenth or, where nearly all packets are alike, to a hundredth.
    #[must_use]
    pub const fn max_expansion(mut self, times: u32) -> Self {
        self.max_expansion = if times == 0 { 1 } else { times };
        self
    }

    pub(crate) const fn unpacked_limit(&self) -> u64 {
        self.max_unpacked_bytes
    }

    pub(crate) const fn expansion_limit(&self) -> u32 {
        self.max_expansion
    }

    /// Whether to read on behind damage; otherwise the file ends there.
    ///
    /// After a record that cannot be, the next one is looked for with which a chain of records begins that is longer than
    /// any packet, or that ends exactly with the file. Each gap is a
    /// [`WarningKind::SalvagedGap`](crate::WarningKind::SalvagedGap), and what is found behind it is marked with
    /// [`PacketRecord::after_gap`](crate::PacketRecord::after_gap). An undamaged file reads the same, a little slower.
    /// At most a few MiB are held in memory, of pipes too, or as much of a record or block as its length says (at most
    /// 128 MiB, and half as much again) and is there.
    #[must_use]
    pub const fn salvage(mut self, salvage: bool) -> Self {
        self.salvage = salvage;
        self
    }

    pub(crate) const fn salvages(&self) -> bool {
        self.salvage
    }

    /// As [`CaptureFile::open`].
    ///
    /// # Errors
    ///
    /// Whatever keeps the file header from being read.
    pub fn open(&self, path: impl AsRef<Path>, file_index: u16) -> Result<CaptureFile, Error> {
        let path = path.as_ref();
        let name = path.display().to_string();
        CaptureFile::start(Source::open(path, &name, self)?, name, file_index, self)
    }

    /// As [`CaptureFile::open`], of a file that is open already, such as a temporary one without a name. A regular file is
    /// read from its beginning, whatever its position, and others may read it through a copy of the handle meanwhile.
    /// `name` is what errors call it.
    ///
    /// # Errors
    ///
    /// Whatever keeps the file header from being read.
    pub fn from_file(
        &self,
        file: File,
        name: impl Into<String>,
        file_index: u16,
    ) -> Result<CaptureFile, Error> {
        let name = name.into();
        CaptureFile::start(Source::file(file, &name, self)?, name, file_index, self)
    }

    /// As [`CaptureFile::from_reader`].
    ///
    /// # Errors
    ///
    /// Whatever keeps the file header from being read.
    pub fn from_reader(
        &self,
        reader: impl Read + Send + 'static,
        name: impl Into<String>,
        file_index: u16,
    ) -> Result<CaptureFile, Error> {
        let name = name.into();
        let source = Source::stream(Box::new(reader), self).map_err(|source| Error::Io {
            file: name.clone(),
            offset: 0,
            frame: 0,
            source,
        })?;
        CaptureFile::start(source, name, file_index, self)
    }
}
