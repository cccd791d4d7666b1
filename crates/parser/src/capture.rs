//! One open capture.

use std::fmt;
use std::io::Read;
use std::net::IpAddr;
use std::ops::Range;
use std::path::Path;

use crosscap_packet::{FrameRef, LinkType, Timestamp};

use crate::buffer::Buffer;
use crate::checkpoint::State;
use crate::log::Log;
use crate::parts::{Chunk, PartReader, Parts};
use crate::reader::Reader;
use crate::record::Found;
use crate::salvage::Salvage;
use crate::source::Source;
use crate::{
    BlockCounts, Checkpoint, Compression, Error, Format, Interface, InterfaceStatistics,
    PacketRecord, ReadOptions, Secrets, SectionInfo, Warning, WarningKind,
};

/// One open capture file; read with [`next_record`](Self::next_record).
pub struct CaptureFile {
    buffer: Buffer,
    log: Log,
    reader: Reader,
    file_index: u16,
    packets: u64,
    last: Timestamp,
    salvage: Option<Box<Salvage>>,
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
        options: &ReadOptions,
    ) -> Result<Self, Error> {
        let (mut buffer, mut log) = (Buffer::new(source), Log::new(name, options.salvages()));
        let reader = Reader::open(&mut buffer, &mut log)?;
        let salvage = options.salvages().then(|| Box::new(Salvage::new(reader.snap_len())));
        Ok(Self { buffer, log, reader, file_index, packets: 0, last: Timestamp::MIN, salvage })
    }

    /// The next packet, borrowed until the next call; `None` at the end of the file. Damage ends the file too:
    /// [`warnings`](Self::warnings) then says where and why.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] where the operating system fails to read. No packet comes after it.
    #[inline]
    pub fn next_record(&mut self) -> Result<Option<PacketRecord<'_>>, Error> {
        match self.find_common() {
            Some(found) => Ok(Some(self.counted(&found))),
            None => self.any_record(),
        }
    }

    #[inline(never)]
    fn any_record(&mut self) -> Result<Option<PacketRecord<'_>>, Error> {
        Ok(self.find_any()?.map(|found| self.counted(&found)))
    }

    #[inline(always)]
    fn counted(&mut self, found: &Found) -> PacketRecord<'_> {
        self.count(found);
        self.record(found, self.log.frames)
    }

    /// The next packet, where it is a common one; [`Self::count`] counts it and [`Self::record`] shows it.
    #[inline(always)]
    pub(crate) fn find_common(&mut self) -> Option<Found> {
        self.reader.common(&mut self.buffer, &mut self.log)
    }

    #[inline(always)]
    pub(crate) fn count(&mut self, found: &Found) {
        if found.timestamp < self.last {
            self.out_of_order(found.timestamp, found.offset);
        }
        self.last = found.timestamp;
        self.log.frames += 1;
        self.packets += 1;
    }

    /// The next packet, whatever it is.
    #[inline(never)]
    pub(crate) fn find_any(&mut self) -> Result<Option<Found>, Error> {
        match &mut self.salvage {
            _ if self.log.has_ended() => Ok(None),
            None => self.reader.any(&mut self.buffer, &mut self.log),
            Some(salvage) => {
                self.reader.next_behind_damage(salvage, &mut self.buffer, &mut self.log)
            }
        }
    }

    /// What was found last, as frame `number`.
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
            after_gap: found.offset >= self.log.first_gap,
            block: found.block.in_buffer(&self.buffer),
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
        self.reader.format()
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

    /// Length in bytes of the file as it is stored, compressed or not, as taken when it was opened; `None` for pipes.
    #[must_use]
    pub fn stored_size(&self) -> Option<u64> {
        self.buffer.source().stored_size()
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
        self.reader.interfaces()
    }

    /// The link types of the interfaces so far, in order of appearance, each once (at most 256).
    #[must_use]
    pub fn link_types(&self) -> &[LinkType] {
        self.reader.link_types()
    }

    /// The largest snap length so far in bytes; 0 where none is known.
    #[must_use]
    pub const fn snap_len(&self) -> u32 {
        self.reader.snap_len()
    }

    /// The sections of a pcapng file read so far, at most 4096. None for other formats.
    #[must_use]
    pub fn sections(&self) -> &[SectionInfo] {
        self.reader.contents().map_or(&[], |contents| &contents.sections)
    }

    /// The last statistics so far that a pcapng file has of an interface: an index into
    /// [`interfaces`](Self::interfaces).
    #[must_use]
    pub fn statistics(&self, interface: u32) -> Option<&InterfaceStatistics> {
        self.reader.contents()?.statistics.get(&interface)
    }

    /// Names of addresses that a pcapng file tells, so far and in the order of addresses: of each the first. At most
    /// 65,536, and 256 bytes of each. What the capturing host believed, or whoever edited the file.
    pub fn names(&self) -> impl Iterator<Item = (IpAddr, &str)> {
        let names = self.reader.contents().into_iter().flat_map(|contents| &contents.names);
        names.map(|(address, name)| (*address, &**name))
    }

    /// The decryption secrets in a pcapng file so far, at most 1024: what kind and how much, never what.
    #[must_use]
    pub fn secrets(&self) -> &[Secrets] {
        self.reader.contents().map_or(&[], |contents| &contents.secrets)
    }

    /// The blocks of a pcapng file that were passed over so far.
    #[must_use]
    pub fn passed_over(&self) -> Option<&BlockCounts> {
        self.reader.contents().map(|contents| &contents.blocks)
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
            Reader::Snoop(_) => State::Snoop,
        };
        Checkpoint {
            offset: self.buffer.offset(),
            frames: self.log.frames,
            state,
            first_gap: self.log.first_gap,
            salvage: self.salvage.as_deref().copied(),
        }
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
            (Reader::Pcap(_), State::Pcap) | (Reader::Snoop(_), State::Snoop)
                if to.offset <= size => {}
            (Reader::PcapNg(pcapng), State::PcapNg(section)) if to.offset <= size => {
                pcapng.go_to(section.clone());
            }
            _ => return Err(Error::ForeignCheckpoint { file: file(), offset: to.offset }),
        }
        self.buffer.seek(to.offset);
        self.log.go_to(to.frames, to.first_gap);
        self.last = Timestamp::MIN;
        if let Some(salvage) = &mut self.salvage {
            **salvage = to.salvage.unwrap_or_else(|| Salvage::new(self.reader.snap_len()));
            if let (Reader::PcapNg(pcapng), Some(offset)) = (&mut self.reader, salvage.named()) {
                pcapng.believe(offset);
            }
        }
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

    /// Another one on the same file; `None` where it can be read only once, or has to be read in order.
    pub(crate) fn twin(&self) -> Option<Self> {
        if self.salvage.is_some() {
            return None;
        }
        Some(Self {
            buffer: Buffer::new(self.buffer.source().twin()?),
            log: Log::new(self.log.name.clone(), false),
            reader: self.reader.twin()?,
            file_index: self.file_index,
            packets: 0,
            last: Timestamp::MIN,
            salvage: None,
        })
    }

    /// Forgets all that was read, for packets that might follow those before `from`.
    pub(crate) fn begin(&mut self, from: &Checkpoint) {
        self.log = Log::new(std::mem::take(&mut self.log.name), false);
        self.packets = 0;
        self.last = Timestamp::MIN;
        if let (Reader::PcapNg(pcapng), State::PcapNg(section)) = (&mut self.reader, &from.state) {
            pcapng.go_to(section.clone());
        }
    }

    /// The first record that begins in `range`, by the looks of the bytes there, not long before or after `near`.
    pub(crate) fn guess(
        &mut self,
        range: &Range<u64>,
        near: Timestamp,
    ) -> Result<Option<u64>, Error> {
        if self.size().is_none_or(|size| range.start >= size) {
            return Ok(None);
        }
        self.buffer.seek(range.start);
        let len = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
        let at = self.reader.guess(near, len, &mut self.buffer, &mut self.log)?;
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
        self.log.has_ended()
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
