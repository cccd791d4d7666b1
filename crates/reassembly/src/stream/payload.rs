//! Where captured bytes lie.

use std::ops::Range;

/// A handle to the captured payload of a segment: the bytes themselves, where the capture is held in memory, or a
/// place from where the caller can read them again.
pub trait Payload: Copy {
    /// Captured bytes.
    fn len(&self) -> usize;

    /// Whether nothing was captured.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The handle to a part of it; `range` lies in `0..self.len()`.
    #[must_use]
    fn part(self, range: Range<usize>) -> Self;

    /// The bytes, where they are at hand. Only then are overlaps compared.
    fn bytes(&self) -> Option<&[u8]>;
}

impl Payload for &[u8] {
    fn len(&self) -> usize {
        <[u8]>::len(self)
    }

    fn part(self, range: Range<usize>) -> Self {
        self.get(range).unwrap_or_default()
    }

    fn bytes(&self) -> Option<&[u8]> {
        Some(self)
    }
}

/// A place in a file or another numbered store of bytes.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Extent {
    /// Where it begins, in bytes.
    pub position: u64,
    /// How many bytes it has.
    pub len: u32,
}

impl Payload for Extent {
    fn len(&self) -> usize {
        self.len as usize
    }

    fn part(self, range: Range<usize>) -> Self {
        let (start, end) = (range.start.min(self.len as usize), range.end.min(self.len as usize));
        Self { position: self.position.saturating_add(start as u64), len: (end - start) as u32 }
    }

    fn bytes(&self) -> Option<&[u8]> {
        None
    }
}
