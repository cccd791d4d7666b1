//! One open capture.

use std::fmt;
use std::io::Read;
use std::path::Path;

use crosscap_packet::{FrameRef, LinkType, Timestamp};

use crate::buffer::Buffer;
use crate::checkpoint::State;
use crate::format::known_but_unread;
use crate::log::Log;
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
            self.out_of_order(&found);
        }
        self.last = found.timestamp;
        self.log.frames += 1;
        self.packets += 1;
        Ok(Some(PacketRecord {
            frame: FrameRef::new(self.file_index, self.log.frames),
            timestamp: found.timestamp,
            original_len: found.original_len,
            link_type: found.link_type,
            interface: found.interface,
            snap_len: found.snap_len,
            data: self.buffer.slice(found.at, found.len),
            offset: found.offset,
        }))
    }

    #[cold]
    fn out_of_order(&mut self, found: &Found) {
        // The epoch stands for no time at all.
        if found.timestamp != Timestamp(0) {
            let detail = "packets earlier than the one before them";
            self.log.warn(WarningKind::TimeDisorder, found.offset, detail);
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
    bytes.iter().take(8).map(|b| format!("{b:02x}")).collect()
}
