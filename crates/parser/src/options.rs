//! How a capture is to be read.

use std::io::Read;
use std::path::Path;

use crate::source::Source;
use crate::{CaptureFile, Error};

/// How to read a capture; [`CaptureFile::open`] takes the defaults.
#[derive(Clone, Copy, Debug, Default)]
pub struct ReadOptions {}

impl ReadOptions {
    /// The defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
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
