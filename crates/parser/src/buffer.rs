//! The read buffer: records are borrowed from here.

use std::io;

use crate::source::{Source, Tail};

/// A window on the file. Grows only as far as bytes are really there.
pub(crate) struct Buffer {
    source: Source,
    data: Vec<u8>,
    start: usize,
    end: usize,
    // Where data[0] is in the file.
    base: u64,
    // How much to read at once: little after a seek, for a second look at single packets.
    chunk: usize,
    tail: Tail,
}

impl Buffer {
    pub(crate) fn new(source: Source) -> Self {
        let (data, tail) = (vec![0; BLOCK], Tail::Open);
        Self { source, data, start: 0, end: 0, base: 0, chunk: BLOCK, tail }
    }

    /// What is there of the unread bytes.
    #[inline(always)]
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.data[self.start..self.end]
    }

    /// Where [`Self::bytes`] begins in the buffer.
    #[inline(always)]
    pub(crate) fn at(&self) -> usize {
        self.start
    }

    /// `len` bytes that [`Self::at`] told of, valid until the next call of [`Self::need`] or [`Self::skip`].
    #[inline(always)]
    pub(crate) fn slice(&self, at: usize, len: usize) -> &[u8] {
        &self.data[at..at + len]
    }

    /// All that [`Self::slice`] slices.
    #[inline(always)]
    pub(crate) fn whole(&self) -> &[u8] {
        &self.data
    }

    /// Where the unread bytes begin in the (decompressed) file.
    #[inline(always)]
    pub(crate) fn offset(&self) -> u64 {
        self.base + self.start as u64
    }

    /// Takes `n` of [`Self::bytes`].
    #[inline(always)]
    pub(crate) fn consume(&mut self, n: usize) {
        self.start = (self.start + n).min(self.end);
    }

    pub(crate) fn source(&self) -> &Source {
        &self.source
    }

    pub(crate) const fn tail(&self) -> Tail {
        self.tail
    }

    /// Unread bytes of the file; where its length is not known, those that are there.
    pub(crate) fn left(&self) -> u64 {
        let there = self.base + self.end as u64;
        self.source.size().unwrap_or(there).saturating_sub(self.offset())
    }

    fn lacks(&self, n: u64) -> bool {
        self.source.size().is_some() && self.left() < n
    }

    /// Reads until there are `n` unread bytes. False where the file does not have them; then [`Self::tail`] may say why.
    pub(crate) fn need(&mut self, n: usize) -> io::Result<bool> {
        if self.lacks(n as u64) {
            // Nothing needs to be read to see that.
            return Ok(false);
        }
        while self.end - self.start < n {
            if self.tail != Tail::Open {
                return Ok(false);
            }
            self.make_room(n);
            let until = self.data.len().min(self.end + self.chunk);
            let (got, tail) = self.source.read(&mut self.data[self.end..until])?;
            if got == 0 {
                self.tail = tail;
                return Ok(false);
            }
            self.end += got;
            self.chunk = (self.chunk * 2).min(BLOCK);
        }
        Ok(true)
    }

    fn make_room(&mut self, n: usize) {
        // Much is moved only where there is no room behind it, which is then there for long.
        if self.start > 0 && (self.end - self.start <= BLOCK || self.data.len() - self.start < n) {
            self.data.copy_within(self.start..self.end, 0);
            self.base += self.start as u64;
            self.end -= self.start;
            self.start = 0;
        }
        if self.end == self.data.len() {
            // Full of real bytes: growing keeps within a small multiple of what the file holds.
            let len = if 2 * self.end < n { 2 * self.end } else { n.max(BLOCK) + n / 4 };
            self.data.resize(len, 0);
        } else if self.data.len() > BLOCK && self.end < BLOCK && n <= BLOCK {
            self.data.truncate(BLOCK);
            self.data.shrink_to_fit();
        }
    }

    /// Goes over `n` bytes without keeping them. False where the file ends before.
    pub(crate) fn skip(&mut self, n: u64) -> io::Result<bool> {
        let there = (self.end - self.start) as u64;
        if n > there && self.source.size().is_some() && !self.lacks(n) {
            self.seek(self.offset() + n);
            return Ok(true);
        }
        let mut left = n;
        loop {
            let step = left.min((self.end - self.start) as u64);
            self.start += step as usize;
            left -= step;
            if left == 0 {
                return Ok(true);
            }
            if !self.need(1)? {
                return Ok(false);
            }
        }
    }

    /// Goes to `offset` of the file, which is seekable and not shorter.
    pub(crate) fn seek(&mut self, offset: u64) {
        self.tail = Tail::Open;
        let there = self.base..=self.base + self.end as u64;
        if there.contains(&offset) {
            self.start = (offset - self.base) as usize;
            return;
        }
        self.source.seek(offset);
        (self.start, self.end, self.base, self.chunk) = (0, 0, offset, FIRST_CHUNK);
    }
}

/// Reads this large scan as fast as larger ones and stay in the cache.
const BLOCK: usize = 256 << 10;
const FIRST_CHUNK: usize = 16 << 10;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ReadOptions;

    #[test]
    fn a_large_need_grows_the_buffer_only_as_bytes_come() {
        let source =
            Source::stream(Box::new(io::repeat(7).take(1_000_000)), &ReadOptions::new()).unwrap();
        let mut buffer = Buffer::new(source);
        assert!(!buffer.need(100 << 20).unwrap());
        assert_eq!(buffer.bytes().len(), 1_000_000);
        assert!(buffer.data.len() <= 2 << 20);
        assert_eq!(buffer.tail(), Tail::End);
    }

    use std::io::Read;

    #[test]
    fn the_buffer_shrinks_again() {
        let source =
            Source::stream(Box::new(io::repeat(7).take(10 << 20)), &ReadOptions::new()).unwrap();
        let mut buffer = Buffer::new(source);
        assert!(buffer.need(4 << 20).unwrap());
        buffer.consume(buffer.bytes().len());
        assert!(buffer.need(1000).unwrap());
        assert_eq!(buffer.data.len(), BLOCK);
        assert_eq!(buffer.offset(), 4 << 20);
    }

    #[test]
    fn skipping_counts() {
        let source =
            Source::stream(Box::new(io::repeat(7).take(1_000_000)), &ReadOptions::new()).unwrap();
        let mut buffer = Buffer::new(source);
        assert!(buffer.skip(999_999).unwrap());
        assert_eq!(buffer.offset(), 999_999);
        assert!(!buffer.skip(2).unwrap());
    }
}
