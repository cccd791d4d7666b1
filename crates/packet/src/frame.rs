//! Which frame of which file.

use std::fmt;

/// A frame of an observation point: the file's place in the point's list of files (0-based) and the frame's number in
/// that file (1-based, as Wireshark counts).
///
/// Ordered as the point was read: by file, then by number. Eight bytes: 16 bits of file, 48 bits of number.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct FrameRef(u64);

impl FrameRef {
    /// Frame `number` (1-based) of file `file` (0-based). Numbers above 2⁴⁸−1 saturate.
    #[must_use]
    pub const fn new(file: u16, number: u64) -> Self {
        let number = if number > NUMBER_MASK { NUMBER_MASK } else { number };
        Self((file as u64) << 48 | number)
    }

    /// The same frame where `frames_before` more came before it in its file.
    #[must_use]
    pub const fn behind(self, frames_before: u64) -> Self {
        Self::new(self.file(), self.number().saturating_add(frames_before))
    }

    /// The file's place in its observation point's list of files, from 0.
    #[must_use]
    pub const fn file(self) -> u16 {
        (self.0 >> 48) as u16
    }

    /// The frame's number in its file, from 1.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0 & NUMBER_MASK
    }
}

impl fmt::Display for FrameRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.number().fmt(f)
    }
}

const NUMBER_MASK: u64 = (1 << 48) - 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_is_file_then_number() {
        let last_of_first = FrameRef::new(0, NUMBER_MASK);
        let first_of_second = FrameRef::new(1, 1);
        assert!(last_of_first < first_of_second);
        assert_eq!((first_of_second.file(), first_of_second.number()), (1, 1));
    }
}
