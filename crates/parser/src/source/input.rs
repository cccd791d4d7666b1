//! Compressed bytes on their way to a decoder.

use std::io::{self, Read};

use super::Stream;

/// Compressed bytes, in blocks filled to the brim: what is made of a stream must not depend on how its bytes arrive.
pub(super) struct Input {
    stream: Stream,
    block: Vec<u8>,
    start: usize,
    end: usize,
    taken: u64,
    failed: Option<io::Error>,
    starved: bool,
}

impl Input {
    pub(super) fn new(stream: Stream) -> Self {
        let block = vec![0; BLOCK];
        Self { stream, block, start: 0, end: 0, taken: 0, failed: None, starved: false }
    }

    /// The bytes that come next; none only at the end.
    pub(super) fn fill(&mut self) -> &[u8] {
        self.peek(1)
    }

    /// At least `n` of the bytes that come next; fewer only at the end.
    pub(super) fn peek(&mut self, n: usize) -> &[u8] {
        if self.end - self.start < n {
            self.block.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
            self.fill_block();
        }
        &self.block[self.start..self.end]
    }

    fn fill_block(&mut self) {
        while self.end < self.block.len() && self.failed.is_none() {
            match self.stream.read(&mut self.block[self.end..]) {
                Ok(0) => break,
                Ok(n) => self.end += n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => self.failed = Some(e),
            }
        }
    }

    pub(super) fn consume(&mut self, n: usize) {
        let n = n.min(self.end - self.start);
        self.start += n;
        self.taken += n as u64;
    }

    /// Goes over `n` bytes. False where there are not so many.
    pub(super) fn skip(&mut self, mut n: u64) -> bool {
        while n > 0 {
            let there = self.fill().len();
            if there == 0 {
                return false;
            }
            let step = usize::try_from(n).unwrap_or(usize::MAX).min(there);
            self.consume(step);
            n -= step as u64;
        }
        true
    }

    /// Bytes consumed so far.
    pub(super) const fn taken(&self) -> u64 {
        self.taken
    }

    /// Whether [`Read::read`] was asked for more than there is.
    pub(super) const fn starved(&self) -> bool {
        self.starved
    }

    /// Why the bytes ended, where that was no regular end.
    pub(super) const fn failure(&mut self) -> Option<io::Error> {
        self.failed.take()
    }
}

/// Never fails: to a decoder a failure is an end like any other.
impl Read for Input {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let there = self.fill();
        let n = there.len().min(into.len());
        into[..n].copy_from_slice(&there[..n]);
        self.consume(n);
        self.starved |= n == 0 && !into.is_empty();
        Ok(n)
    }
}

const BLOCK: usize = 64 << 10;
