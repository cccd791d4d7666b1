//! lz4's frame format: frames, one after the other, and some to skip.

use std::io::Read;

use lz4_flex::frame::FrameDecoder;

use super::input::Input;
use super::unpack::Unpack;
use super::{Tail, skippable};
use crate::Compression;

pub(super) struct Lz4 {
    decoder: FrameDecoder<Input>,
    inside: bool,
}

impl Lz4 {
    pub(super) fn new(input: Input) -> Self {
        Self { decoder: FrameDecoder::new(input), inside: false }
    }

    /// Goes over frames to skip to the next one with data, if there is one.
    fn next_frame(&mut self) -> Tail {
        let input = self.decoder.get_mut();
        while let Some(len) = skippable(input.peek(8)) {
            if !input.skip(len) {
                return Tail::Cut(Compression::Lz4);
            }
        }
        match input.peek(MAGIC.len()) {
            [] => Tail::End,
            there if there.starts_with(&MAGIC) => {
                self.inside = true;
                Tail::Open
            }
            there if there.len() < MAGIC.len() => Tail::Cut(Compression::Lz4),
            _ => Tail::Corrupt(Compression::Lz4),
        }
    }
}

impl Unpack for Lz4 {
    fn step(&mut self, out: &mut [u8]) -> (usize, Tail) {
        if !self.inside {
            return (0, self.next_frame());
        }
        let result = self.decoder.read(out);
        // An end of the bytes inside a frame is not always an error to the decoder.
        let starved = self.decoder.get_ref().starved();
        match result {
            Ok(0) | Err(_) if starved => (0, Tail::Cut(Compression::Lz4)),
            Ok(0) => {
                self.inside = false;
                (0, Tail::Open)
            }
            Ok(n) => (n, Tail::Open),
            Err(_) => (0, Tail::Corrupt(Compression::Lz4)),
        }
    }

    fn input(&mut self) -> &mut Input {
        self.decoder.get_mut()
    }
}

const MAGIC: [u8; 4] = [0x04, 0x22, 0x4d, 0x18];
