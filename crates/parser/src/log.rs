//! Where reading has got to, and what was odd on the way.

use std::io;

use crate::buffer::Buffer;
use crate::source::Tail;
use crate::warning::Warnings;
use crate::{Error, Warning, WarningKind};

pub(crate) struct Log {
    pub(crate) name: String,
    /// Frames numbered so far.
    pub(crate) frames: u64,
    /// No record comes any more.
    pub(crate) ended: bool,
    /// Something other than a packet was met, packets out of order aside.
    pub(crate) irregular: bool,
    pub(crate) warnings: Warnings,
}

impl Log {
    pub(crate) fn new(name: String) -> Self {
        Self { name, frames: 0, ended: false, irregular: false, warnings: Warnings::default() }
    }

    /// Warns about the record or block at `offset`.
    #[cold]
    pub(crate) fn warn(&mut self, kind: WarningKind, offset: u64, detail: impl Into<String>) {
        self.warn_interface(kind, offset, None, 1, detail.into());
    }

    pub(crate) fn warn_interface(
        &mut self,
        kind: WarningKind,
        offset: u64,
        interface: Option<u32>,
        count: u64,
        detail: String,
    ) {
        let frame = self.frames;
        self.irregular |= kind != WarningKind::TimeDisorder;
        self.warnings.push(Warning { kind, offset, frame, interface, count, detail });
    }

    /// Takes over what a worker warned about in a chunk that began after the frames so far and ended at `end`.
    pub(crate) fn absorb(&mut self, warning: Warning, end: u64) {
        self.warnings.absorb(Warning { frame: self.frames + warning.frame, ..warning }, end);
    }

    /// Ends the file here.
    #[cold]
    pub(crate) fn end(&mut self, kind: WarningKind, offset: u64, detail: impl Into<String>) {
        self.ended = true;
        self.warn(kind, offset, detail);
    }

    /// Has `n` unread bytes of a record in the buffer. Where the file does not have them it ends, and a warning says so.
    #[cold]
    pub(crate) fn need(&mut self, buffer: &mut Buffer, n: usize) -> Result<bool, Error> {
        let there = buffer.need(n).map_err(|e| self.failed(buffer, e))?;
        if !there {
            self.end_of_file(buffer, n as u64);
        }
        Ok(there)
    }

    /// Goes over `n` bytes that are not all in the buffer, and has the four behind them there.
    pub(crate) fn skip(&mut self, buffer: &mut Buffer, n: u64) -> Result<bool, Error> {
        let offset = buffer.offset();
        let there = buffer
            .skip(n)
            .and_then(|there| Ok(there && buffer.need(4)?))
            .map_err(|e| self.failed(buffer, e))?;
        if !there {
            self.truncated(
                buffer,
                offset,
                format!("the file ends inside a block of {} bytes", n + 4),
            );
        }
        Ok(there)
    }

    fn end_of_file(&mut self, buffer: &Buffer, n: u64) {
        let left = buffer.left();
        if left == 0 && matches!(buffer.tail(), Tail::Open | Tail::End) {
            self.ended = true;
        } else {
            let detail = format!("the file ends after {left} of {n} bytes of a record");
            self.truncated(buffer, buffer.offset(), detail);
        }
    }

    fn truncated(&mut self, buffer: &Buffer, offset: u64, detail: String) {
        match buffer.tail() {
            Tail::Cut(packed) => {
                self.end(
                    WarningKind::TruncatedTail,
                    offset,
                    format!("the {packed} stream ends early"),
                );
            }
            Tail::Corrupt(packed) => {
                self.end(
                    WarningKind::DamagedRecord,
                    offset,
                    format!("the {packed} stream is corrupt"),
                );
            }
            Tail::Limit(limit) => {
                self.end(WarningKind::UnpackingLimit, offset, limit.to_string());
            }
            Tail::Shrunk => {
                let detail = "the file became shorter while it was read";
                self.end(WarningKind::TruncatedTail, offset, detail);
            }
            Tail::Open | Tail::End => self.end(WarningKind::TruncatedTail, offset, detail),
        }
    }

    pub(crate) fn failed(&mut self, buffer: &Buffer, source: io::Error) -> Error {
        self.ended = true;
        let (file, offset) = (self.name.clone(), buffer.offset());
        Error::Io { file, offset, frame: self.frames, source }
    }
}
