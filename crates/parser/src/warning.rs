//! What was odd about a file that could be read.

use std::fmt;

/// Something odd in a capture file. It never contains text from the file, so it is safe to print.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Warning {
    /// What.
    pub kind: WarningKind,
    /// Where: byte offset in the (decompressed) file. Of the first, where `count` tells of several.
    pub offset: u64,
    /// Frames before it: the last good one where the file ended, one less than the frame concerned elsewhere.
    pub frame: u64,
    /// The interface concerned: an index into [`CaptureFile::interfaces`](crate::CaptureFile::interfaces).
    pub interface: Option<u32>,
    /// How often; for [`WarningKind::CaptureDrops`] how many packets.
    pub count: u64,
    /// Why, in words.
    pub detail: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} (at byte {}, ", self.kind, self.detail, self.offset)?;
        write!(f, "after frame {}", self.frame)?;
        if self.count > 1 {
            write!(f, ", count {}", self.count)?;
        }
        f.write_str(")")
    }
}

/// The kinds of warnings.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum WarningKind {
    /// The file ends inside a record: it was cut, or the capture was still running. Ends the file.
    TruncatedTail,
    /// A record or block that cannot be, so that nothing behind it can be found. Ends the file.
    DamagedRecord,
    /// A pcapng block that was skipped.
    BadBlock,
    /// An option of a pcapng block was malformed; it and those behind it were ignored.
    BadOption,
    /// The capturing host says that it dropped packets: what is missing here may be capture loss, not packet loss.
    CaptureDrops,
    /// A fraction of a second of one second or more. It was added up.
    BadTimestamp,
    /// Packets without a usable time: simple packet blocks, or a resolution too fine to tell the date.
    UnknownTimestamp,
    /// Packets earlier than the one before them.
    TimeDisorder,
    /// An unusual version of the format; read as the version known.
    UnusualVersion,
    /// A compressed file reached a limit of [`ReadOptions`](crate::ReadOptions) or needs too much memory to unpack. Ends
    /// the file.
    UnpackingLimit,
    /// Damage that was gone over ([`ReadOptions::salvage`](crate::ReadOptions::salvage)): packets are missing.
    SalvagedGap,
    /// A link type that has no number in the tcpdump.org registry.
    UnknownLinkType,
    /// More names, comments or kinds of blocks than are kept. The packets are not concerned.
    ContentsLeftOut,
}

impl WarningKind {
    /// A stable name, as reports show it: `truncated-tail`.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::TruncatedTail => "truncated-tail",
            Self::DamagedRecord => "damaged-record",
            Self::BadBlock => "bad-block",
            Self::BadOption => "bad-option",
            Self::CaptureDrops => "capture-drops",
            Self::BadTimestamp => "bad-timestamp",
            Self::UnknownTimestamp => "unknown-timestamp",
            Self::TimeDisorder => "time-disorder",
            Self::UnusualVersion => "unusual-version",
            Self::UnpackingLimit => "unpacking-limit",
            Self::SalvagedGap => "salvaged-gap",
            Self::UnknownLinkType => "unknown-link-type",
            Self::ContentsLeftOut => "contents-left-out",
        }
    }

    /// Whether the file ended there although more bytes may follow.
    #[must_use]
    pub const fn ends_the_file(self) -> bool {
        matches!(self, Self::TruncatedTail | Self::DamagedRecord | Self::UnpackingLimit)
    }

    /// Whether all of a kind (and interface) are told as one.
    const fn is_counted(self) -> bool {
        matches!(
            self,
            Self::BadOption
                | Self::CaptureDrops
                | Self::BadTimestamp
                | Self::UnknownTimestamp
                | Self::TimeDisorder
                | Self::ContentsLeftOut
        )
    }
}

impl fmt::Display for WarningKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

/// The warnings of one file: few, whatever the file does.
#[derive(Debug, Default)]
pub(crate) struct Warnings {
    list: Vec<Warning>,
    left_out: u64,
    // Per kind, where the next new one can be: a second look at the same bytes must not warn again.
    new_from: [u64; KINDS],
}

impl Warnings {
    pub(crate) fn list(&self) -> &[Warning] {
        &self.list
    }

    pub(crate) const fn left_out(&self) -> u64 {
        self.left_out
    }

    pub(crate) fn push(&mut self, warning: Warning) {
        let end = warning.offset + 1;
        self.absorb(warning, end);
    }

    /// Takes all warnings of a kind up to byte `end`, told as one.
    pub(crate) fn absorb(&mut self, warning: Warning, end: u64) {
        let kind = warning.kind;
        let new_from = &mut self.new_from[kind as usize];
        if warning.offset < *new_from {
            return;
        }
        *new_from = end;

        let same = |w: &&mut Warning| w.kind == kind && w.interface == warning.interface;
        if kind.is_counted()
            && let Some(old) = self.list.iter_mut().find(same)
        {
            if kind == WarningKind::CaptureDrops {
                // Interface statistics count from the start of the capture.
                old.count = warning.count;
                old.detail = warning.detail;
            } else {
                old.count += warning.count;
            }
        } else if self.list.len() < MAX_WARNINGS || kind.ends_the_file() {
            self.list.push(warning);
        } else {
            self.left_out += 1;
        }
    }
}

const KINDS: usize = WarningKind::ContentsLeftOut as usize + 1;
const MAX_WARNINGS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn warning(kind: WarningKind, offset: u64) -> Warning {
        Warning { kind, offset, frame: 1, interface: None, count: 1, detail: String::new() }
    }

    #[test]
    fn the_list_is_bounded_but_the_end_is_always_told() {
        let mut warnings = Warnings::default();
        for offset in 0..100 {
            warnings.push(warning(WarningKind::BadBlock, offset));
        }
        warnings.push(warning(WarningKind::TruncatedTail, 100));
        assert_eq!(warnings.list().len(), MAX_WARNINGS + 1);
        assert_eq!(warnings.left_out(), 36);
    }

    #[test]
    fn a_second_look_does_not_warn_again() {
        let mut warnings = Warnings::default();
        for _ in 0..2 {
            for offset in [10, 20, 30] {
                warnings.push(warning(WarningKind::TimeDisorder, offset));
                warnings.push(warning(WarningKind::BadBlock, offset));
            }
        }
        assert_eq!(warnings.list().len(), 4);
        assert_eq!(warnings.list()[0].count, 3);
    }
}
