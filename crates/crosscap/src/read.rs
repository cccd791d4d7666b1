//! The first look at a point: every packet once.

use crosscap_diagnosis::{counted, thousands};
use crosscap_packet::{Decoded, Decoder, LinkType, NotTcp, TcpPacket, Timestamp};
use crosscap_parser::{CHUNK, CaptureFile, PacketRecord, ReadOptions};
use crosscap_reassembly::{Connections, Judgement, Sighting};
use crosscap_report::{PointConnections, PointInfo, Quality};

use crate::Error;
use crate::batch::Batch;
use crate::files::{FileSet, InputFile};
use crate::info::warning;
use crate::shards::Shards;

/// A point read to its end.
pub(crate) struct PointRead {
    pub(crate) point: PointConnections,
    pub(crate) files: Vec<InputFile>,
}

/// Reads all files of a point as one capture, with as many threads.
pub(crate) fn read_point(
    found: FileSet,
    options: &ReadOptions,
    threads: usize,
) -> Result<PointRead, Error> {
    read_files(found, options, threads, |state, input, file| {
        if threads > 1 {
            state.read_on_all_cores(input, file)
        } else {
            state.read_on_one_core(input, file, |_, _, _| Ok(()))
        }
    })
}

/// As [`read_point`], on one core; `each` is told of every segment whose it is, when it was captured, and what it was.
pub(crate) fn read_point_with(
    found: FileSet,
    options: &ReadOptions,
    mut each: impl FnMut(Judgement, &Sighting, &TcpPacket<'_>) -> Result<(), Error>,
) -> Result<PointRead, Error> {
    read_files(found, options, 1, |state, input, file| {
        state.read_on_one_core(input, file, &mut each)
    })
}

fn read_files(
    found: FileSet,
    options: &ReadOptions,
    threads: usize,
    mut read: impl FnMut(&mut State, &InputFile, CaptureFile) -> Result<CaptureFile, Error>,
) -> Result<PointRead, Error> {
    let set = found.in_order_of_time(options)?;
    let names = set.display_names();
    let mut state = State { shards: Shards::new(threads), ..State::default() };
    state.seen.quality = set.notes;
    for (index, file) in set.files.iter().enumerate() {
        let index = u16::try_from(index).map_err(|_| Error::TooManyFiles(set.name.clone()))?;
        state.shards.begin_file(state.seen.packets);
        let file = read(&mut state, file, file.open(options, index)?)?;
        state.seen.file_ended(&names[usize::from(index)], &file);
    }
    let State { shards, decoder, mut seen } = state;
    let defragmented = decoder.defragmenter().stats();
    seen.fragmented = defragmented.incomplete + defragmented.evicted;
    let connections = shards.finish();
    let (first, last) = (seen.first, seen.last);
    let info = seen.into_info(&connections);
    let point = PointConnections { name: set.name, files: names, first, last, connections, info };
    Ok(PointRead { point, files: set.files })
}

/// What goes on from file to file.
#[derive(Default)]
struct State {
    shards: Shards,
    decoder: Decoder,
    seen: Seen,
}

impl State {
    fn read_on_one_core(
        &mut self,
        input: &InputFile,
        mut file: CaptureFile,
        mut each: impl FnMut(Judgement, &Sighting, &TcpPacket<'_>) -> Result<(), Error>,
    ) -> Result<CaptureFile, Error> {
        let Some(tracker) = self.shards.tracker() else { return Ok(file) };
        while let Some(r) = file.next_record()? {
            if !input.takes(&r) {
                continue;
            }
            self.seen.packet(&r);
            match self.decoder.decode(r.link_type, r.data, r.original_len, r.timestamp) {
                Decoded::Tcp(packet) => {
                    let at =
                        Sighting { time: r.timestamp, frame: r.frame, segment: packet.segment };
                    each(tracker.push_segment(packet.src, packet.dst, at), &at, &packet)?;
                }
                Decoded::IcmpError(error) => tracker.push_icmp(r.frame, r.timestamp, &error),
                Decoded::NotTcp(why) => self.seen.not_tcp(why),
                _ => {}
            }
        }
        Ok(file)
    }

    /// Decodes some parts of the file while the connections of the parts before them are tracked.
    fn read_on_all_cores(
        &mut self,
        input: &InputFile,
        file: CaptureFile,
    ) -> Result<CaptureFile, Error> {
        let sorter = self.shards.sorter();
        let shard = |src, dst| Some(sorter.shard(src, dst));
        let mut parts = file.into_parts(CHUNK, |part| {
            let (mut batch, mut seen) = (Batch::default(), Seen::default());
            while let Some(record) = part.next_record()? {
                if !input.takes(&record) {
                    continue;
                }
                seen.packet(&record);
                if let Some(why) = batch.take(&record, shard) {
                    seen.not_tcp(why);
                }
            }
            Ok((batch, seen))
        });
        let mut ready = Vec::new();
        loop {
            let (next, ()) = rayon::join(|| parts.next_parts(), || self.shards.take(&ready));
            let next = next?;
            if next.is_empty() {
                return Ok(parts.into_file());
            }
            ready.clear();
            for part in next {
                let (mut batch, mut seen) = part.value;
                batch.defragment(&mut self.decoder, shard, |why| seen.not_tcp(why));
                self.seen.add(&seen);
                ready.push((batch, part.frames_before));
            }
        }
    }
}

/// What reading notes besides connections.
#[derive(Default)]
struct Seen {
    packets: u64,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
    link_types: Vec<LinkType>,
    snap_len: u32,
    /// Packets of which not all bytes were captured, and how many of them at most.
    shortened: u64,
    shortened_to: usize,
    cut: u64,
    malformed: u64,
    fragmented: u64,
    unknown_link: u64,
    quality: Vec<Quality>,
}

impl Seen {
    fn packet(&mut self, record: &PacketRecord<'_>) {
        self.packets += 1;
        self.times(record.timestamp, record.timestamp);
        let len = record.data.len();
        if len < record.original_len as usize {
            self.shortened += 1;
            self.shortened_to = self.shortened_to.max(len);
        }
    }

    fn times(&mut self, first: Timestamp, last: Timestamp) {
        self.first = Some(self.first.map_or(first, |f| f.min(first)));
        self.last = Some(self.last.map_or(last, |l| l.max(last)));
    }

    /// Adds what was noted of a part of a file.
    fn add(&mut self, part: &Self) {
        if let (Some(first), Some(last)) = (part.first, part.last) {
            self.times(first, last);
        }
        self.packets += part.packets;
        self.shortened += part.shortened;
        self.shortened_to = self.shortened_to.max(part.shortened_to);
        self.cut += part.cut;
        self.malformed += part.malformed;
        self.unknown_link += part.unknown_link;
    }

    fn not_tcp(&mut self, why: NotTcp) {
        match why {
            NotTcp::Cut => self.cut += 1,
            NotTcp::Malformed => self.malformed += 1,
            NotTcp::UnknownLinkType => self.unknown_link += 1,
            _ => {}
        }
    }

    fn file_ended(&mut self, name: &str, file: &CaptureFile) {
        for &link_type in file.link_types() {
            if !self.link_types.contains(&link_type) {
                self.link_types.push(link_type);
            }
        }
        self.snap_len = self.snap_len.max(file.snap_len());
        self.quality.extend(
            file.warnings()
                .iter()
                .map(|w| Quality::new(w.kind.id(), format!("{name}: {}", warning(w).sentence()))),
        );
        let left_out = file.warnings_left_out();
        if left_out > 0 {
            self.quality.push(Quality::new(
                "more-warnings",
                format!("{name}: {} more warnings", thousands(left_out)),
            ));
        }
    }

    fn into_info(mut self, connections: &Connections) -> PointInfo {
        if self.packets == 0 {
            self.quality.push(Quality::new("no-packets", "there are no packets in it".into()));
        }
        if self.shortened > 0 {
            let less = if self.shortened_to < LONGEST_HEADERS {
                ", and TCP options may be missing, which tell packets apart"
            } else {
                ""
            };
            let detail = format!(
                "{} cut to {} bytes or less, whose payload cannot be compared{less}",
                counted(self.shortened, "packet"),
                self.shortened_to
            );
            self.quality.push(Quality::new("cut-packets", detail));
        }
        let noted = [
            (
                self.cut,
                "cut-headers",
                "packet",
                "cut by the snap length before the end of the headers",
            ),
            (self.malformed, "malformed", "packet", "with headers that contradict themselves"),
            (
                self.fragmented,
                "fragments",
                "IP datagram",
                "not put together, as fragments are missing",
            ),
            (
                self.unknown_link,
                "unknown-link-type",
                "packet",
                "with a link type that is not decoded",
            ),
            (
                connections.copies(),
                "capture-duplicates",
                "packet",
                "seen again within 10 ms: captured twice, or sent twice",
            ),
            (
                connections.evicted(),
                "connections-evicted",
                "connection",
                "that said little given up to keep memory bounded",
            ),
            (
                connections.forgotten_holes(),
                "holes-forgotten",
                "hole",
                "in streams forgotten to keep memory bounded: what fills them counts as resent",
            ),
        ];
        for (count, id, noun, what) in noted {
            if count > 0 {
                self.quality.push(Quality::new(id, format!("{} {what}", counted(count, noun))));
            }
        }
        PointInfo {
            packets: self.packets,
            link_types: self.link_types,
            snap_len: self.snap_len,
            quality: self.quality,
        }
    }
}

/// Ethernet, IPv4 and TCP with all options that fit: bytes.
const LONGEST_HEADERS: usize = 14 + 20 + 60;
