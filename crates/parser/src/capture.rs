//! One open capture.

use std::fmt;
use std::io::{self, Read};
use std::ops::Range;
use std::path::Path;

use crosscap_packet::{FrameRef, LinkType, Timestamp};

use crate::buffer::Buffer;
use crate::checkpoint::State;
use crate::format::known_but_unread;
use crate::likely;
use crate::log::Log;
use crate::parts::{Chunk, PartReader, Parts};
use crate::pcap::{FILE_HEADER, Pcap};
use crate::pcapng::{PcapNg, SECTION_HEAD};
use crate::record::Found;
use crate::source::{Source, Tail};
use crate::{
    Checkpoint, Compression, Error, Format, Interface, PacketRecord, ReadOptions, Warning,
    WarningKind,
};

/// One open capture file; read with [`next_record`](Self::next_record).
pub struct CaptureFile {
    buffer: Buffer,
    log: Log,
    reader: Reader,
    file_index: u16,
    packets: u64,
    last: Timestamp,
}

#[derive(Clone)]
enum Reader {
    Pcap(Pcap),
    PcapNg(PcapNg),
}

impl CaptureFile {
    /// Opens a file and reads its header. Format and compression are told by its content. The length of a regular file is
    /// taken now: what is appended later is not read. Pipes and other special files are read to their end.
    ///
    /// `file_index` is the file's place in its observation point's list of files; it goes into every
    /// [`PacketRecord::frame`].
    ///
    /// # Errors
    ///
    /// Whatever keeps the file header from being read.
    pub fn open(path: impl AsRef<Path>, file_index: u16) -> Result<Self, Error> {
        ReadOptions::new().open(path, file_index)
    }

    /// Reads a capture from a stream, such as the standard input. `name` is what errors call it.
    ///
    /// # Errors
    ///
    /// Whatever keeps the file header from being read.
    pub fn from_reader(
        reader: impl Read + Send + 'static,
        name: impl Into<String>,
        file_index: u16,
    ) -> Result<Self, Error> {
        ReadOptions::new().from_reader(reader, name, file_index)
    }

    pub(crate) fn start(
        source: Source,
        name: String,
        file_index: u16,
        _options: &ReadOptions,
    ) -> Result<Self, Error> {
        let (mut buffer, mut log) = (Buffer::new(source), Log::new(name));
        let reader = Reader::open(&mut buffer, &mut log)?;
        Ok(Self { buffer, log, reader, file_index, packets: 0, last: Timestamp::MIN })
    }

    /// The next packet, borrowed until the next call; `None` at the end of the file. Damage ends the file too:
    /// [`warnings`](Self::warnings) then says where and why.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] where the operating system fails to read. No packet comes after it.
    #[inline]
    pub fn next_record(&mut self) -> Result<Option<PacketRecord<'_>>, Error> {
        let Some(found) = self.next_found()? else {
            return Ok(None);
        };
        Ok(Some(self.record(&found, self.log.frames)))
    }

    /// The next packet, counted; [`Self::record`] shows it.
    #[inline(always)]
    pub(crate) fn next_found(&mut self) -> Result<Option<Found>, Error> {
        if self.log.ended {
            return Ok(None);
        }
        let found = match &mut self.reader {
            Reader::Pcap(pcap) => pcap.next(&mut self.buffer, &mut self.log)?,
            Reader::PcapNg(pcapng) => pcapng.next(&mut self.buffer, &mut self.log)?,
        };
        let Some(found) = found else {
            return Ok(None);
        };
        if found.timestamp < self.last {
            self.out_of_order(found.timestamp, found.offset);
        }
        self.last = found.timestamp;
        self.log.frames += 1;
        self.packets += 1;
        Ok(Some(found))
    }

    /// What [`Self::next_found`] found last, as frame `number`.
    #[inline(always)]
    pub(crate) fn record(&self, found: &Found, number: u64) -> PacketRecord<'_> {
        PacketRecord {
            frame: FrameRef::new(self.file_index, number),
            timestamp: found.timestamp,
            original_len: found.original_len,
            link_type: found.link_type,
            interface: found.interface,
            snap_len: found.snap_len,
            data: self.buffer.slice(found.at, found.len),
            offset: found.offset,
        }
    }

    #[cold]
    fn out_of_order(&mut self, time: Timestamp, offset: u64) {
        // The epoch stands for no time at all.
        if time != Timestamp(0) {
            let detail = "packets earlier than the one before them";
            self.log.warn(WarningKind::TimeDisorder, offset, detail);
        }
    }

    /// What was odd so far. At most 64 entries and the end of the file.
    #[must_use]
    pub fn warnings(&self) -> &[Warning] {
        self.log.warnings.list()
    }

    /// Warnings that did not get into [`warnings`](Self::warnings) because there were too many.
    #[must_use]
    pub const fn warnings_left_out(&self) -> u64 {
        self.log.warnings.left_out()
    }

    /// The path given to [`open`](Self::open) or the name given to [`from_reader`](Self::from_reader).
    #[must_use]
    pub fn name(&self) -> &str {
        &self.log.name
    }

    /// The file format.
    #[must_use]
    pub const fn format(&self) -> Format {
        match &self.reader {
            Reader::Pcap(pcap) => pcap.format(),
            Reader::PcapNg(_) => Format::PcapNg,
        }
    }

    /// How the file is compressed.
    #[must_use]
    pub fn compression(&self) -> Compression {
        self.buffer.source().compression()
    }

    /// Length in bytes as taken when the file was opened; `None` for pipes and compressed files.
    #[must_use]
    pub fn size(&self) -> Option<u64> {
        self.buffer.source().size()
    }

    /// Bytes of the (decompressed) file read so far: where the next record begins.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.buffer.offset()
    }

    /// Packets delivered so far, those delivered again after [`seek`](Self::seek) included.
    #[must_use]
    pub const fn packets(&self) -> u64 {
        self.packets
    }

    /// Frames so far: the highest frame number as Wireshark counts.
    #[must_use]
    pub const fn frames(&self) -> u64 {
        self.log.frames
    }

    /// The interfaces described so far, over all sections. One without a name for pcap.
    #[must_use]
    pub fn interfaces(&self) -> &[Interface] {
        match &self.reader {
            Reader::Pcap(pcap) => std::slice::from_ref(pcap.interface()),
            Reader::PcapNg(pcapng) => pcapng.interfaces(),
        }
    }

    /// The link types of the interfaces so far, in order of appearance, each once (at most 256).
    #[must_use]
    pub fn link_types(&self) -> &[LinkType] {
        match &self.reader {
            Reader::Pcap(pcap) => std::slice::from_ref(pcap.link_type()),
            Reader::PcapNg(pcapng) => pcapng.link_types(),
        }
    }

    /// The largest snap length so far in bytes; 0 where none is known.
    #[must_use]
    pub const fn snap_len(&self) -> u32 {
        match &self.reader {
            Reader::Pcap(pcap) => pcap.interface().snap_len(),
            Reader::PcapNg(pcapng) => pcapng.snap_len(),
        }
    }

    /// Whether [`seek`](Self::seek) works: plain regular files only.
    #[must_use]
    pub fn is_seekable(&self) -> bool {
        self.size().is_some()
    }

    /// Where the next record begins, to come back to. Costs a reference count; in pcapng, the next interface description
    /// after it costs a copy of the list of interfaces.
    #[must_use]
    pub fn position(&self) -> Checkpoint {
        let state = match &self.reader {
            Reader::Pcap(_) => State::Pcap,
            Reader::PcapNg(pcapng) => State::PcapNg(pcapng.section()),
        };
        Checkpoint { offset: self.buffer.offset(), frames: self.log.frames, state }
    }

    /// Goes to a place that [`position`](Self::position) told, of this or another `CaptureFile` on the same file. What was
    /// warned about before is not warned about again.
    ///
    /// # Errors
    ///
    /// [`Error::NotSeekable`] for pipes and compressed files, [`Error::ForeignCheckpoint`] where the place cannot be in
    /// this file.
    pub fn seek(&mut self, to: &Checkpoint) -> Result<(), Error> {
        let file = || self.log.name.clone();
        let Some(size) = self.size() else {
            return Err(Error::NotSeekable { file: file() });
        };
        match (&mut self.reader, &to.state) {
            (Reader::Pcap(_), State::Pcap) if to.offset <= size => {}
            (Reader::PcapNg(pcapng), State::PcapNg(section)) if to.offset <= size => {
                pcapng.go_to(section.clone());
            }
            _ => return Err(Error::ForeignCheckpoint { file: file(), offset: to.offset }),
        }
        self.buffer.seek(to.offset);
        (self.log.frames, self.log.ended, self.last) = (to.frames, false, Timestamp::MIN);
        Ok(())
    }
}

/// For reading in parts.
impl CaptureFile {
    /// Reads the rest of the file in parts of about `chunk` bytes, by the threads of the current rayon pool: `read` is
    /// called for each part, for several at the same time, and has to take the part's records. [`CHUNK`](crate::CHUNK)
    /// is a good length.
    ///
    /// ```
    /// # use crosscap_parser::{CHUNK, CaptureFile, Error};
    /// # fn main() -> Result<(), Error> {
    /// # let bytes: &[u8] = b"\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\x04\0\x01\0\0\0\
    /// #     \x01\0\0\0\0\0\0\0\x03\0\0\0\x03\0\0\0abc";
    /// let file = CaptureFile::from_reader(bytes, "example.pcap", 0)?;
    /// let mut parts = file.into_parts(CHUNK, |part| {
    ///     let mut bytes = 0;
    ///     while let Some(record) = part.next_record()? {
    ///         bytes += record.data.len();
    ///     }
    ///     Ok(bytes)
    /// });
    /// let mut sum = 0;
    /// loop {
    ///     let several = parts.next_parts()?;
    ///     if several.is_empty() {
    ///         break;
    ///     }
    ///     sum += several.iter().map(|part| part.value).sum::<usize>();
    /// }
    /// assert_eq!((sum, parts.file().packets()), (3, 1));
    /// # Ok(())
    /// # }
    /// ```
    pub fn into_parts<T, F>(self, chunk: u64, read: F) -> Parts<F>
    where
        T: Send,
        F: Fn(&mut PartReader<'_>) -> Result<T, Error> + Sync,
    {
        Parts::new(self, chunk, read)
    }

    /// Another one on the same file; `None` where it can be read only once.
    pub(crate) fn twin(&self) -> Option<Self> {
        let buffer = Buffer::new(self.buffer.source().twin()?);
        Some(Self {
            buffer,
            log: Log::new(self.log.name.clone()),
            reader: self.reader.clone(),
            file_index: self.file_index,
            packets: 0,
            last: Timestamp::MIN,
        })
    }

    /// Forgets all that was read, for packets that might follow those before `from`.
    pub(crate) fn begin(&mut self, from: &Checkpoint) {
        self.log = Log::new(std::mem::take(&mut self.log.name));
        self.packets = 0;
        self.last = Timestamp::MIN;
        if let (Reader::PcapNg(pcapng), State::PcapNg(section)) = (&mut self.reader, &from.state) {
            pcapng.go_to(section.clone());
        }
    }

    /// The first record that begins in `range`, by the looks of the bytes there, not long before or after `near`.
    pub(crate) fn guess(&mut self, range: &Range<u64>, near: Timestamp) -> io::Result<Option<u64>> {
        let Some(size) = self.size().filter(|size| range.start < *size) else { return Ok(None) };
        self.buffer.seek(range.start);
        // Both the search and the proof may take as much.
        let there = usize::try_from(size - range.start).unwrap_or(usize::MAX);
        self.buffer.need(there.min(2 * likely::SPAN))?;
        let bytes = self.buffer.bytes();
        let limit = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
        let (limit, is_end) = (limit.min(likely::SPAN), bytes.len() >= there);
        let at = match &self.reader {
            Reader::Pcap(pcap) => likely::first(bytes, limit, is_end, near, |b| pcap.looks(b)),
            Reader::PcapNg(ng) => likely::first(bytes, limit, is_end, near, |b| ng.looks(b)),
        };
        Ok(at.map(|at| range.start + at as u64))
    }

    /// Goes to a place where a record is thought to begin.
    pub(crate) fn go_to(&mut self, offset: u64) {
        self.buffer.seek(offset);
    }

    /// Goes on behind a chunk that another has read.
    pub(crate) fn go_behind(&mut self, chunk: Chunk) {
        let Some((first, offset)) = chunk.first else { return };
        if first < self.last {
            self.out_of_order(first, offset);
        }
        if let Some(disorder) = chunk.disorder {
            self.log.absorb(disorder, chunk.end.offset);
        }
        self.buffer.seek(chunk.end.offset);
        self.log.frames += chunk.end.frames;
        self.packets += chunk.end.frames;
        self.last = chunk.last;
    }

    /// Whether what follows here means what it means in `state`.
    pub(crate) fn is_in(&self, state: &State) -> bool {
        match (&self.reader, state) {
            (Reader::Pcap(_), State::Pcap) => true,
            (Reader::PcapNg(pcapng), State::PcapNg(section)) => pcapng.is_in(section),
            _ => false,
        }
    }

    pub(crate) const fn has_ended(&self) -> bool {
        self.log.ended
    }

    pub(crate) const fn is_irregular(&self) -> bool {
        self.log.irregular
    }

    pub(crate) const fn last(&self) -> Timestamp {
        self.last
    }
}

impl fmt::Debug for CaptureFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CaptureFile")
            .field("name", &self.name())
            .field("format", &self.format())
            .field("compression", &self.compression())
            .field("offset", &self.offset())
            .field("packets", &self.packets)
            .finish_non_exhaustive()
    }
}

impl Reader {
    /// Tells the format and reads its header.
    fn open(buffer: &mut Buffer, log: &mut Log) -> Result<Self, Error> {
        // Eight bytes name every format known; with less, a file may still be told from no capture at all.
        let enough = buffer.source().size().map_or(8, |size| size.min(8) as usize);
        buffer.need(enough).map_err(|e| log.failed(buffer, e))?;
        let bytes = buffer.bytes();
        let Some(&magic) = bytes.first_chunk::<4>() else {
            return Err(short(buffer, log));
        };
        if let Some(kind) = Pcap::detect(magic) {
            let head = header::<FILE_HEADER>(buffer, log)?;
            buffer.consume(FILE_HEADER);
            Ok(Self::Pcap(Pcap::open(&head, kind, log)?))
        } else if PcapNg::is_section_header(magic) {
            let head = header::<SECTION_HEAD>(buffer, log)?;
            Ok(Self::PcapNg(PcapNg::open(&head, log)?))
        } else if let inner = Compression::detect(bytes)
            && inner != Compression::None
        {
            let outer = buffer.source().compression();
            Err(Error::NestedCompression { file: log.name.clone(), outer, inner })
        } else if let Some((format, hint)) = known_but_unread(bytes) {
            Err(Error::UnsupportedFormat { file: log.name.clone(), format, hint })
        } else {
            Err(Error::NotACapture { file: log.name.clone(), start: hex(bytes) })
        }
    }
}

fn header<const N: usize>(buffer: &mut Buffer, log: &mut Log) -> Result<[u8; N], Error> {
    buffer.need(N).map_err(|e| log.failed(buffer, e))?;
    buffer.bytes().first_chunk().copied().ok_or_else(|| short(buffer, log))
}

/// The file has no whole header: why.
fn short(buffer: &Buffer, log: &Log) -> Error {
    let (file, offset) = (log.name.clone(), buffer.left());
    match buffer.tail() {
        Tail::Corrupt(compression) => Error::CorruptCompression { file, compression },
        Tail::Limit(limit) => Error::UnpackingLimit { file, limit: limit.to_string() },
        Tail::Cut(_) | Tail::Shrunk => Error::TruncatedHeader { file, offset },
        Tail::Open | Tail::End if offset == 0 => Error::Empty { file },
        Tail::Open | Tail::End => Error::TruncatedHeader { file, offset },
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().take(12).map(|b| format!("{b:02x}")).collect()
}
