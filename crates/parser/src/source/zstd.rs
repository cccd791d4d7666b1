//! zstd (RFC 8878): frames, one after the other, and some to skip.

use std::io::Read;

use ruzstd::decoding::errors::FrameDecoderError;
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use super::input::Input;
use super::unpack::Unpack;
use super::{Limit, Tail, WINDOW, skippable};
use crate::Compression;

pub(super) struct Zstd {
    input: Input,
    // Of the frame it is in. A new one for each: a used one keeps the memory that the largest window took.
    frame: Option<FrameDecoder>,
    // Why the frame is the last, once its decoder has given all it holds.
    tail: Tail,
}

impl Zstd {
    pub(super) const fn new(input: Input) -> Self {
        Self { input, frame: None, tail: Tail::Open }
    }

    /// Goes over frames to skip into the next one with data, if there is one.
    fn next_frame(&mut self) -> Tail {
        while let Some(len) = skippable(self.input.peek(8)) {
            if !self.input.skip(len) {
                return Tail::Cut(Compression::Zstd);
            }
        }
        if self.input.fill().is_empty() {
            return Tail::End;
        }
        let mut frame = FrameDecoder::new();
        frame.set_max_window_size(WINDOW);
        match frame.init(&mut self.input) {
            Ok(()) => {
                self.frame = Some(frame);
                Tail::Open
            }
            Err(FrameDecoderError::WindowSizeTooBig { .. }) => Tail::Limit(Limit::Memory),
            Err(_) => self.broken(),
        }
    }

    fn broken(&self) -> Tail {
        if self.input.starved() {
            Tail::Cut(Compression::Zstd)
        } else {
            Tail::Corrupt(Compression::Zstd)
        }
    }
}

impl Unpack for Zstd {
    fn step(&mut self, out: &mut [u8]) -> (usize, Tail) {
        let Some(frame) = &mut self.frame else {
            return (0, self.next_frame());
        };
        match frame.read(out) {
            Ok(0) => {}
            Ok(n) => return (n, Tail::Open),
            Err(_) => return (0, Tail::Corrupt(Compression::Zstd)),
        }
        if self.tail != Tail::Open {
            return (0, self.tail);
        }
        if frame.is_finished() {
            let stored = frame.get_checksum_from_data();
            if stored.is_some() && stored != frame.get_calculated_checksum() {
                return (0, Tail::Corrupt(Compression::Zstd));
            }
            self.frame = None;
            return (0, Tail::Open);
        }
        if frame.decode_blocks(&mut self.input, BlockDecodingStrategy::UptoBlocks(1)).is_err() {
            // It only gives away its last window when the frame has ended.
            let ended = frame.decode_blocks(LAST_BLOCK, BlockDecodingStrategy::UptoBlocks(1));
            self.tail = self.broken();
            if ended.is_err() {
                return (0, self.tail);
            }
        }
        (0, Tail::Open)
    }

    fn input(&mut self) -> &mut Input {
        &mut self.input
    }
}

/// An empty raw block, marked as the last (RFC 8878 section 3.1.1.2), and a checksum.
const LAST_BLOCK: &[u8] = &[1, 0, 0, 0, 0, 0, 0];
