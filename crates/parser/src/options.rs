//! How a capture is to be read.

use std::io::Read;
use std::path::Path;

use crate::source::Source;
use crate::{CaptureFile, Error};

/// How to read a capture; [`CaptureFile::open`] takes the defaults.
#[derive(Clone, Copy, Debug, Default)]
pub struct ReadOptions {
    salvage: bool,
}

impl ReadOptions {
    /// The defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether to read on behind damage; otherwise the file ends there.
    ///
    /// After a record that cannot be, the next one is looked for with which a chain of records begins that is longer than
    /// any packet, or that ends exactly with the file. Each gap is a
    /// [`WarningKind::SalvagedGap`](crate::WarningKind::SalvagedGap), and what is found behind it is marked with
    /// [`PacketRecord::after_gap`](crate::PacketRecord::after_gap). An undamaged file reads the same, a little slower.
    /// At most a few MiB or twice the longest record are held in memory, of pipes too.
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
