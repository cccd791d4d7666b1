//! Unpacking, in a thread of its own.

use std::io;
use std::mem::replace;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread;

use super::gzip::Gzip;
use super::input::Input;
use super::lz4::Lz4;
use super::xz::Xz;
use super::zstd::Zstd;
use super::{Limit, Stream, Tail};
use crate::{Compression, ReadOptions};

/// Unpacks one kind of stream.
pub(super) trait Unpack: Send {
    /// Puts what comes next into `out` (not empty) and says whether more may come.
    fn step(&mut self, out: &mut [u8]) -> (usize, Tail);

    /// Where the compressed bytes come from.
    fn input(&mut self) -> &mut Input;
}

/// A compressed stream. A thread unpacks it, a few blocks ahead of the reader; it ends with the stream, or once the
/// reader is gone and it has a block to deliver.
pub(crate) struct Unpacked {
    compression: Compression,
    messages: Receiver<Message>,
    spare: Sender<Vec<u8>>,
    block: Vec<u8>,
    at: usize,
    end: Tail,
}

enum Message {
    Block(Vec<u8>),
    End(Tail),
    Failed(io::Error),
}

impl Unpacked {
    pub(super) fn start(
        compression: Compression,
        stream: Stream,
        options: &ReadOptions,
    ) -> io::Result<Self> {
        let input = Input::new(stream);
        let decoder: Box<dyn Unpack> = match compression {
            Compression::Zstd => Box::new(Zstd::new(input)),
            Compression::Lz4 => Box::new(Lz4::new(input)),
            Compression::Xz => Box::new(Xz::new(input)),
            Compression::Gzip | Compression::None => Box::new(Gzip::new(input)),
        };
        let (to_reader, messages) = sync_channel(AHEAD);
        let (spare, used) = channel();
        let worker = Worker { compression, decoder, options: *options, out: 0, idle: 0 };
        thread::Builder::new()
            .name("crosscap-unpack".into())
            .spawn(move || worker.run(&to_reader, &used))?;
        // Where the thread ends without a word, it was the stream that broke the decoder.
        let end = Tail::Corrupt(compression);
        Ok(Self { compression, messages, spare, block: Vec::new(), at: 0, end })
    }

    pub(super) const fn compression(&self) -> Compression {
        self.compression
    }

    /// As [`super::Source::read`].
    pub(super) fn read(&mut self, into: &mut [u8]) -> io::Result<(usize, Tail)> {
        while self.at == self.block.len() {
            match self.messages.recv() {
                Ok(Message::Block(block)) => {
                    // No use to a thread that has ended.
                    let _ = self.spare.send(replace(&mut self.block, block));
                    self.at = 0;
                }
                Ok(Message::End(tail)) => self.end = tail,
                Ok(Message::Failed(e)) => return Err(e),
                Err(_) => return Ok((0, self.end)),
            }
        }
        let n = into.len().min(self.block.len() - self.at);
        into[..n].copy_from_slice(&self.block[self.at..self.at + n]);
        self.at += n;
        Ok((n, Tail::Open))
    }
}

/// What the thread does.
struct Worker {
    compression: Compression,
    decoder: Box<dyn Unpack>,
    options: ReadOptions,
    out: u64,
    // Steps in a row that changed nothing.
    idle: u32,
}

impl Worker {
    fn run(mut self, to_reader: &SyncSender<Message>, used: &Receiver<Vec<u8>>) {
        let mut len = FIRST_BLOCK;
        loop {
            let mut block = used.try_recv().unwrap_or_default();
            block.resize(len, 0);
            let (filled, tail) = self.fill(&mut block);
            block.truncate(filled);
            if to_reader.send(Message::Block(block)).is_err() {
                return;
            }
            if tail != Tail::Open {
                let ended = matches!(tail, Tail::End | Tail::Cut(_));
                let failure = self.decoder.input().failure().filter(|_| ended);
                let _ = to_reader.send(failure.map_or(Message::End(tail), Message::Failed));
                return;
            }
            len = (len * 2).min(BLOCK);
        }
    }

    /// Fills `block`, or as much of it as there is.
    fn fill(&mut self, block: &mut [u8]) -> (usize, Tail) {
        let (mut filled, mut tail) = (0, Tail::Open);
        while filled < block.len() && tail == Tail::Open {
            let before = self.decoder.input().taken();
            // One byte more than is allowed tells that there are more.
            let room = (self.options.unpacked_limit() - self.out).saturating_add(1);
            let most = usize::try_from(room).unwrap_or(usize::MAX).min(block.len() - filled);
            let (n, next) = self.decoder.step(&mut block[filled..filled + most]);
            (filled, tail) = (filled + n, next);
            self.out += n as u64;

            let taken = self.decoder.input().taken();
            if self.out > self.options.unpacked_limit() {
                filled -= 1;
                tail = Tail::Limit(Limit::Bytes(self.options.unpacked_limit()));
            } else if self.out > JUDGED
                && self.out / u64::from(self.options.expansion_limit()) > taken
            {
                tail = Tail::Limit(Limit::Expansion(self.options.expansion_limit()));
            }
            self.idle = if n == 0 && taken == before { self.idle + 1 } else { 0 };
            if self.idle > MAX_IDLE && tail == Tail::Open {
                tail = Tail::Corrupt(self.compression);
            }
        }
        (filled, tail)
    }
}

/// Blocks waiting for the reader.
const AHEAD: usize = 4;
const BLOCK: usize = 256 << 10;
/// Small, for those who only want to see how a file begins.
const FIRST_BLOCK: usize = 16 << 10;
/// Bytes out before the expansion is judged: unpacked at once, and a small capture may well be nothing but repetition.
const JUDGED: u64 = 64 << 20;
const MAX_IDLE: u32 = 16;
