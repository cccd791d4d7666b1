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
    /// Something other than a packet was met, packets out of order aside.
    pub(crate) irregular: bool,
    // No record comes any more.
    ended: bool,
    // Neither ended nor to be salvaged: looked at for every packet.
    is_plain: bool,
    pub(crate) warnings: Warnings,
    /// Records from here on lie behind a gap.
    pub(crate) first_gap: u64,
    salvages: bool,
    // Why the file ended, where it may yet go on.
    damage: Option<Warning>,
}

/// How much there is in the buffer of what was asked for.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(crate) enum Reach {
    All,
    /// Up to the end of the file.
    End,
    /// Up to where it cannot be read any further.
    Cut,
}

impl Log {
    pub(crate) fn new(name: String, salvages: bool) -> Self {
        Self {
            name,
            frames: 0,
            irregular: false,
            ended: false,
            is_plain: !salvages,
            warnings: Warnings::default(),
            first_gap: u64::MAX,
            salvages,
            damage: None,
        }
    }

    /// As it was before a record, before which were `frames`.
    pub(crate) fn go_to(&mut self, frames: u64, first_gap: u64) {
        self.set_ended(false);
        (self.frames, self.damage) = (frames, None);
        self.first_gap = self.first_gap.min(first_gap);
    }

    /// Whether nothing special is to be minded: the file has not ended, and ends with damage.
    #[inline(always)]
    pub(crate) const fn is_plain(&self) -> bool {
        self.is_plain
    }

    pub(crate) const fn has_ended(&self) -> bool {
        self.ended
    }

    pub(crate) const fn set_ended(&mut self, ended: bool) {
        self.ended = ended;
        self.is_plain = !ended && !self.salvages;
    }

    /// Whether reading goes on behind damage.
    pub(crate) const fn salvages(&self) -> bool {
        self.salvages
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
        self.set_ended(true);
        self.irregular = true;
        let (frame, detail) = (self.frames, detail.into());
        let damage = Warning { kind, offset, frame, interface: None, count: 1, detail };
        if self.salvages {
            self.damage = Some(damage);
        } else {
            self.warnings.push(damage);
        }
    }

    /// The damage that ended the file, not warned about yet.
    pub(crate) const fn take_damage(&mut self) -> Option<Warning> {
        self.damage.take()
    }

    /// Goes on behind damage: what lies between the two places was gone over.
    pub(crate) fn gap(&mut self, from: u64, to: u64, why: &str) {
        self.set_ended(false);
        self.first_gap = self.first_gap.min(to);
        self.warn(WarningKind::SalvagedGap, from, format!("{} bytes skipped: {why}", to - from));
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

    /// Has `n` unread bytes in the buffer, or all that there are.
    #[cold]
    pub(crate) fn fill(&mut self, buffer: &mut Buffer, n: usize) -> Result<Reach, Error> {
        let there = match buffer.source().size() {
            Some(_) => usize::try_from(buffer.left()).map_or(n, |left| left.min(n)),
            None => n,
        };
        buffer.need(there).map_err(|e| self.failed(buffer, e))?;
        Ok(match buffer.tail() {
            _ if buffer.bytes().len() >= n => Reach::All,
            Tail::Open | Tail::End => Reach::End,
            Tail::Shrunk | Tail::Cut(_) | Tail::Corrupt(_) | Tail::Limit(_) => Reach::Cut,
        })
    }

    /// The next `n` unread bytes and no more of them, or all that there are: what is made of these does not depend on how
    /// much was read at once.
    pub(crate) fn exactly<'b>(
        &mut self,
        buffer: &'b mut Buffer,
        n: usize,
    ) -> Result<(&'b [u8], Reach), Error> {
        let reach = self.fill(buffer, n)?;
        let bytes = buffer.bytes();
        Ok((bytes.get(..n).unwrap_or(bytes), reach))
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
            self.set_ended(true);
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
        self.set_ended(true);
        let (file, offset) = (self.name.clone(), buffer.offset());
        Error::Io { file, offset, frame: self.frames, source }
    }
}
