//! gzip (RFC 1952): members, one after the other, and zeros behind the last.

use flate2::{Decompress, FlushDecompress, Status};

use super::Tail;
use super::input::Input;
use super::unpack::Unpack;
use crate::Compression;

pub(super) struct Gzip {
    input: Input,
    inflate: Decompress,
    inside: bool,
}

impl Gzip {
    pub(super) fn new(input: Input) -> Self {
        Self { input, inflate: Decompress::new_gzip(WINDOW_BITS), inside: false }
    }

    /// Goes to the next member, if there is one.
    fn next_member(&mut self) -> Tail {
        // As `gzip` does: tapes and block devices fill up with zeros.
        while self.inflate.total_in() > 0 && self.input.fill().first() == Some(&0) {
            let zeros = self.input.fill().iter().take_while(|b| **b == 0).count();
            self.input.consume(zeros);
        }
        match self.input.peek(2) {
            [] => Tail::End,
            [0x1f, 0x8b, ..] => {
                self.inflate.reset(true);
                self.inside = true;
                Tail::Open
            }
            [0x1f] => Tail::Cut(Compression::Gzip),
            _ => Tail::Corrupt(Compression::Gzip),
        }
    }
}

impl Unpack for Gzip {
    fn step(&mut self, out: &mut [u8]) -> (usize, Tail) {
        if !self.inside {
            return (0, self.next_member());
        }
        let (total_in, total_out) = (self.inflate.total_in(), self.inflate.total_out());
        let bytes = self.input.fill();
        // Without input it may still have output to give.
        let starved = bytes.is_empty();
        let result = self.inflate.decompress(bytes, out, FlushDecompress::None);
        self.input.consume((self.inflate.total_in() - total_in) as usize);
        let n = (self.inflate.total_out() - total_out) as usize;
        let tail = match result {
            Ok(Status::StreamEnd) => {
                self.inside = false;
                Tail::Open
            }
            Ok(_) if starved && n == 0 => Tail::Cut(Compression::Gzip),
            Ok(_) => Tail::Open,
            Err(_) => Tail::Corrupt(Compression::Gzip),
        };
        (n, tail)
    }

    fn input(&mut self) -> &mut Input {
        &mut self.input
    }
}

const WINDOW_BITS: u8 = 15;
