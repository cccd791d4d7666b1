//! Where the bytes come from: a file, a pipe, a gzip stream.

use std::fs::File;
use std::io::{self, BufReader, Cursor, Read, Seek};
use std::path::Path;
use std::sync::Arc;

use flate2::bufread::MultiGzDecoder;

use crate::{Compression, Error, ReadOptions};

pub(crate) type Stream = Box<dyn Read + Send>;

/// The (decompressed) bytes of a capture.
pub(crate) enum Source {
    File(Plain),
    Stream(Stream),
    Gzip(Box<MultiGzDecoder<BufReader<Raw>>>),
}

/// A regular file, read by position: several can read one file at the same time.
#[derive(Clone)]
pub(crate) struct Plain {
    file: Arc<File>,
    pos: u64,
    len: u64,
}

impl Plain {
    /// Reads once into `into`, not beyond the length. 0 bytes before it: the file is shorter now.
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.len - self.pos).unwrap_or(usize::MAX).min(into.len());
        let got = read_at(&self.file, &mut into[..left], self.pos)?;
        self.pos += got as u64;
        Ok(got)
    }
}

#[cfg(unix)]
fn read_at(file: &File, into: &mut [u8], pos: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, into, pos)
}

#[cfg(windows)]
fn read_at(file: &File, into: &mut [u8], pos: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, into, pos)
}

/// How far the bytes go.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Tail {
    /// More may come.
    Open,
    /// The regular end.
    End,
    /// Ended before its own end.
    Cut(&'static str),
    /// Cannot be unpacked any further.
    Corrupt(&'static str),
}

impl Source {
    pub(crate) fn open(path: &Path, name: &str, options: &ReadOptions) -> Result<Self, Error> {
        let io = |source| Error::Io { file: name.to_owned(), offset: 0, frame: 0, source };
        let mut file = File::open(path).map_err(io)?;
        let meta = file.metadata().map_err(io)?;
        if meta.is_dir() {
            return Err(Error::IsDirectory { file: name.to_owned() });
        }
        if !meta.is_file() {
            return Self::stream(Box::new(file), options).map_err(io);
        }
        // Fixed now: a capture that is still running has an end that moves.
        let len = meta.len();
        let start = first_bytes(&mut file).map_err(io)?;
        file.rewind().map_err(io)?;
        Ok(if is_gzip(&start) {
            Self::gzip(Box::new(file.take(len)))
        } else {
            Self::File(Plain { file: Arc::new(file), pos: 0, len })
        })
    }

    pub(crate) fn stream(mut stream: Stream, _options: &ReadOptions) -> io::Result<Self> {
        let start = first_bytes(&mut stream)?;
        let gzip = is_gzip(&start);
        let whole: Stream = Box::new(Cursor::new(start).chain(stream));
        Ok(if gzip { Self::gzip(whole) } else { Self::Stream(whole) })
    }

    fn gzip(stream: Stream) -> Self {
        let raw = Raw { stream, failed: None };
        Self::Gzip(Box::new(MultiGzDecoder::new(BufReader::with_capacity(GZIP_INPUT, raw))))
    }

    pub(crate) fn compression(&self) -> Compression {
        match self {
            Self::Gzip(_) => Compression::Gzip,
            _ => Compression::None,
        }
    }

    /// Reads once into `into` (not empty). 0 bytes come with the reason.
    pub(crate) fn read(&mut self, into: &mut [u8]) -> io::Result<(usize, Tail)> {
        loop {
            let result = match self {
                Self::File(plain) => match plain.read(into) {
                    Ok(0) if plain.pos < plain.len => {
                        return Ok((0, Tail::Cut("the file became shorter while it was read")));
                    }
                    result => result,
                },
                Self::Stream(stream) => stream.read(into),
                Self::Gzip(gzip) => {
                    // Output of a failing call is lost, so calls are kept short.
                    let short = into.len().min(GZIP_OUTPUT);
                    match gzip.read(&mut into[..short]) {
                        Err(e) => match gzip_failure(e) {
                            Ok(tail) => return Ok((0, tail)),
                            Err(e) => Err(e),
                        },
                        ok => ok,
                    }
                }
            };
            match result {
                Ok(0) => return Ok((0, Tail::End)),
                Ok(n) => return Ok((n, Tail::Open)),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
    }
}

/// Whether a failure is the stream's (a tail) or the operating system's (an error).
fn gzip_failure(error: io::Error) -> Result<Tail, io::Error> {
    match error.downcast::<ReadFailed>() {
        Ok(ReadFailed(inner)) => Err(inner),
        Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => {
            Ok(Tail::Cut("the gzip stream ends early"))
        }
        Err(e) if e.kind() == io::ErrorKind::Interrupted => Err(e),
        Err(_) => Ok(Tail::Corrupt("the gzip stream is corrupt")),
    }
}

/// The bytes under the decompressor. Marks their errors, to tell them from the decompressor's own, and fills what it is
/// given: how much of a corrupt stream is lost must not depend on how its bytes arrive.
pub(crate) struct Raw {
    stream: Stream,
    failed: Option<io::Error>,
}

impl Read for Raw {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while filled < into.len() && self.failed.is_none() {
            match self.stream.read(&mut into[filled..]) {
                Ok(0) => break,
                Ok(n) => filled += n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => self.failed = Some(e),
            }
        }
        match self.failed.take_if(|_| filled == 0) {
            Some(e) => Err(io::Error::other(ReadFailed(e))),
            None => Ok(filled),
        }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct ReadFailed(io::Error);

/// As many first bytes as it takes to tell gzip; fewer where there are no more.
fn first_bytes(from: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut start = Vec::with_capacity(GZIP_MAGIC.len());
    from.take(GZIP_MAGIC.len() as u64).read_to_end(&mut start)?;
    Ok(start)
}

fn is_gzip(start: &[u8]) -> bool {
    start == GZIP_MAGIC
}

impl Source {
    /// Moves to `to`, which is at most the length. Files only; nothing happens elsewhere.
    pub(crate) fn seek(&mut self, to: u64) {
        if let Self::File(plain) = self {
            plain.pos = to;
        }
    }

    /// Another one on the same file, as long; `None` for what can be read only once.
    pub(crate) fn twin(&self) -> Option<Self> {
        match self {
            Self::File(plain) => Some(Self::File(Plain { pos: 0, ..plain.clone() })),
            _ => None,
        }
    }

    /// Length of the whole in bytes, where known.
    pub(crate) fn size(&self) -> Option<u64> {
        match self {
            Self::File(plain) => Some(plain.len),
            _ => None,
        }
    }
}

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
const GZIP_INPUT: usize = 64 << 10;
const GZIP_OUTPUT: usize = 32 << 10;
