//! One file, several workers.
//!
//! A window of the file is cut into chunks of equal length. The first begins where the records are known to reach; for
//! the others a worker guesses the first record behind the cut, and reads on from there, all chunks at once. Then the
//! chunks are joined in order: one counts only if it begins at the very byte where the one before it ended. By
//! induction the records are those that one reader finds, whatever was guessed; a wrong guess costs time only, because
//! then that chunk is read again.
//!
//! Workers take nothing but packets. Whatever else they meet, a damaged record or an interface description, they leave
//! to the one reader that joins the chunks, so that all it knows comes in the order of the file.

use std::ops::Range;

use crosscap_packet::Timestamp;
use rayon::prelude::*;

use crate::checkpoint::State;
use crate::record::Found;
use crate::{CaptureFile, Checkpoint, Error, PacketRecord, Warning, WarningKind};

/// A capture read in parts by the threads of the current rayon pool; from [`CaptureFile::into_parts`].
///
/// The records are those of [`CaptureFile::next_record`], in the same order and with the same warnings, whatever the
/// number of threads and the length of the chunks. Files that cannot be split (pipes, compressed ones) come in parts
/// too, read by one thread.
#[derive(Debug)]
pub struct Parts<F> {
    file: CaptureFile,
    read: F,
    chunk: u64,
    /// One for each chunk of a window; empty where the file cannot be split.
    workers: Vec<CaptureFile>,
    read_again: u64,
}

/// What became of one part of the file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Part<T> {
    /// What the given function returned for it.
    pub value: T,
    /// Frames of the file before this part: to be added to the frame numbers that the function saw.
    pub frames_before: u64,
}

/// The records of one part.
#[derive(Debug)]
pub struct PartReader<'f> {
    file: &'f mut CaptureFile,
    /// Where the next part begins.
    until: u64,
    frames_before: u64,
    /// Whether to stop at the first thing that is no plain packet.
    packets_only: bool,
    /// Where it stopped for that.
    stopped: Option<Place>,
    /// The first packet: when, and the byte where its record begins.
    first: Option<(Timestamp, u64)>,
}

/// A place in the file, and frames before it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) offset: u64,
    pub(crate) frames: u64,
}

impl PartReader<'_> {
    /// The next packet of the part; its frame number counts from the part's beginning. `None` at the part's end.
    ///
    /// # Errors
    ///
    /// As [`CaptureFile::next_record`].
    #[inline]
    pub fn next_record(&mut self) -> Result<Option<PacketRecord<'_>>, Error> {
        let offset = self.file.offset();
        if offset >= self.until || self.stopped.is_some() {
            return Ok(None);
        }
        let before = Place { offset, frames: self.file.frames() };
        match self.file.find_common() {
            Some(found) => Ok(self.take(before, &found)),
            None => self.any_record(before),
        }
    }

    #[inline(never)]
    fn any_record(&mut self, before: Place) -> Result<Option<PacketRecord<'_>>, Error> {
        let found = self.file.find_any()?;
        if let Some(found) = found {
            return Ok(self.take(before, &found));
        }
        self.stop_if_irregular(before);
        Ok(None)
    }

    #[inline(always)]
    fn take(&mut self, before: Place, found: &Found) -> Option<PacketRecord<'_>> {
        if self.stop_if_irregular(before) {
            return None;
        }
        self.file.count(found);
        if self.first.is_none() {
            self.first = Some((found.timestamp, found.offset));
        }
        Some(self.file.record(found, self.file.frames() - self.frames_before))
    }

    #[inline(always)]
    fn stop_if_irregular(&mut self, before: Place) -> bool {
        let stops = self.packets_only && self.file.is_irregular();
        if stops {
            self.stopped = Some(before);
        }
        stops
    }

    fn drain(&mut self) -> Result<(), Error> {
        while self.next_record()?.is_some() {}
        Ok(())
    }
}

/// What a worker made of one chunk.
struct Attempt<T> {
    value: T,
    start: u64,
    chunk: Chunk,
    /// Whether it left something alone at its end.
    stopped: bool,
}

/// The packets of a chunk, as far as the reader of the file has to know of them.
#[derive(Debug)]
pub(crate) struct Chunk {
    /// Frames count from the chunk's beginning.
    pub(crate) end: Place,
    pub(crate) first: Option<(Timestamp, u64)>,
    pub(crate) last: Timestamp,
    pub(crate) disorder: Option<Warning>,
}

/// Reads the chunk whose records begin in `range` as if they followed those before `from`.
fn attempt<T>(
    worker: &mut CaptureFile,
    from: &Checkpoint,
    range: Range<u64>,
    near: Timestamp,
    read: impl Fn(&mut PartReader<'_>) -> Result<T, Error>,
) -> Option<Attempt<T>> {
    worker.begin(from);
    let start = match from.offset {
        known if known == range.start => known,
        _ => worker.guess(&range, near).ok()??,
    };
    worker.go_to(start);
    let mut reader = PartReader {
        file: worker,
        until: range.end,
        frames_before: 0,
        packets_only: true,
        stopped: None,
        first: None,
    };
    // Whatever goes wrong is met again, at its place in the file.
    let value = read(&mut reader).ok()?;
    reader.drain().ok()?;
    let (first, stopped) = (reader.first, reader.stopped);
    let end = match stopped {
        Some(place) => place,
        None => Place { offset: worker.offset(), frames: worker.frames() },
    };
    let disorder = worker.warnings().iter().find(|w| w.kind == WarningKind::TimeDisorder).cloned();
    let chunk = Chunk { end, first, last: worker.last(), disorder };
    Some(Attempt { value, start, chunk, stopped: stopped.is_some() })
}

impl<T, F> Parts<F>
where
    T: Send,
    F: Fn(&mut PartReader<'_>) -> Result<T, Error> + Sync,
{
    pub(crate) fn new(file: CaptureFile, chunk: u64, read: F) -> Self {
        let workers = match rayon::current_num_threads() {
            0 | 1 => 0,
            // Two for each thread, so that a slow one holds up fewer.
            threads => 2 * threads,
        };
        let workers = (0..workers).map_while(|_| file.twin()).collect();
        Self { file, read, chunk: chunk.max(1), workers, read_again: 0 }
    }

    /// The next parts, in order; none at the end of the file.
    ///
    /// # Errors
    ///
    /// As [`CaptureFile::next_record`], and whatever the given function returns. No part comes after it; those read in
    /// the same call are lost.
    pub fn next_parts(&mut self) -> Result<Vec<Part<T>>, Error> {
        let mut parts = Vec::with_capacity(self.workers.len());
        while parts.is_empty() && !self.file.has_ended() {
            self.next_window(&mut parts)?;
        }
        Ok(parts)
    }

    fn next_window(&mut self, parts: &mut Vec<Part<T>>) -> Result<(), Error> {
        let from = self.file.position();
        let (start, chunk) = (from.offset, self.chunk);
        let bound = move |i: usize| start.saturating_add(chunk.saturating_mul(i as u64));
        let size = self.file.size();
        if self.workers.is_empty() || size.is_some_and(|size| from.offset >= size) {
            return self.read_alone(bound(1), parts);
        }
        if self.file.packets() == 0 {
            // The workers need to know the interfaces, and about when it was.
            return self.read_alone(start + chunk.min(BEGINNING), parts);
        }
        let (read, near) = (&self.read, self.file.last());
        let attempts: Vec<Option<Attempt<T>>> = self
            .workers
            .par_iter_mut()
            .enumerate()
            .map(|(i, worker)| attempt(worker, &from, bound(i)..bound(i + 1), near, read))
            .collect();
        for (i, attempt) in attempts.into_iter().enumerate() {
            self.join(&from.state, attempt, bound(i + 1), parts)?;
        }
        Ok(())
    }

    /// The file that is read: what it says of itself is complete once the parts are.
    #[must_use]
    pub fn file(&self) -> &CaptureFile {
        &self.file
    }

    /// Chunks so far that no worker could read to their end, so that one thread had to: where its beginning was guessed
    /// wrong, or something other than packets lay in it. Few in an ordinary file.
    #[must_use]
    pub const fn read_again(&self) -> u64 {
        self.read_again
    }

    /// The file, read as far as the parts went.
    #[must_use]
    pub fn into_file(self) -> CaptureFile {
        self.file
    }

    /// Takes an attempt at the chunk that ends before `until`, if it fits, and reads the rest of it.
    fn join(
        &mut self,
        state: &State,
        attempt: Option<Attempt<T>>,
        until: u64,
        parts: &mut Vec<Part<T>>,
    ) -> Result<(), Error> {
        let fits = |a: &Attempt<T>| a.start == self.file.offset() && self.file.is_in(state);
        if let Some(attempt) = attempt.filter(fits) {
            let frames_before = self.file.frames();
            let complete = !attempt.stopped;
            if attempt.chunk.first.is_some() {
                parts.push(Part { value: attempt.value, frames_before });
            }
            self.file.go_behind(attempt.chunk);
            if complete {
                return Ok(());
            }
        }
        // A packet may reach over whole chunks.
        self.read_again += u64::from(self.file.offset() < until);
        self.read_alone(until, parts)
    }

    /// Reads what begins before `until` with the one reader that knows everything.
    fn read_alone(&mut self, until: u64, parts: &mut Vec<Part<T>>) -> Result<(), Error> {
        let frames_before = self.file.frames();
        let mut reader = PartReader {
            file: &mut self.file,
            until,
            frames_before,
            packets_only: false,
            stopped: None,
            first: None,
        };
        let value = (self.read)(&mut reader)?;
        reader.drain()?;
        if reader.first.is_some() {
            parts.push(Part { value, frames_before });
        }
        Ok(())
    }
}

/// A good length of a part: long enough to be worth a worker, short enough for its packets to stay in the cache.
pub const CHUNK: u64 = 2 << 20;
const BEGINNING: u64 = 64 << 10;
