//! xz: streams, one after the other, and zeros in between.

use std::io::ErrorKind;

use lzma_rust2::{Action, Status, XzStream};

use super::input::Input;
use super::unpack::Unpack;
use super::{Limit, Tail, WINDOW};
use crate::Compression;

pub(super) struct Xz {
    input: Input,
    stream: XzStream,
}

impl Xz {
    pub(super) fn new(input: Input) -> Self {
        Self { input, stream: XzStream::new_mem_limit(true, MEMORY_KIB) }
    }
}

impl Unpack for Xz {
    fn step(&mut self, out: &mut [u8]) -> (usize, Tail) {
        let before = self.stream.total_out();
        let bytes = self.input.fill();
        let bytes = &bytes[..bytes.len().min(STEP)];
        let ended = bytes.is_empty();
        let action = if ended { Action::Finish } else { Action::Run };
        let result = self.stream.process(bytes, out, action);
        let tail = match &result {
            Ok(done) if done.status == Status::StreamEnd => Tail::End,
            Ok(_) => Tail::Open,
            Err(e) if e.kind() == ErrorKind::OutOfMemory => Tail::Limit(Limit::Memory),
            Err(_) if ended => Tail::Cut(Compression::Xz),
            Err(_) => Tail::Corrupt(Compression::Xz),
        };
        self.input.consume(result.map_or(0, |done| done.bytes_consumed));
        // A failing call does not say how much it gave.
        ((self.stream.total_out() - before) as usize, tail)
    }

    fn input(&mut self) -> &mut Input {
        &mut self.input
    }
}

/// The window and what else the decoder says it takes.
const MEMORY_KIB: u32 = (WINDOW >> 10) as u32 + 1024;
/// Compressed bytes at once: when the decoder fails, what it made of them is lost.
const STEP: usize = 4 << 10;
