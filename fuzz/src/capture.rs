//! What must hold of a capture file, however damaged.

use std::fs;
use std::io::{self, Cursor, Read};
use std::path::Path;
use std::sync::OnceLock;

use crosscap_parser::{CaptureFile, Checkpoint, Format, ReadOptions, Warning, WarningKind};
use rayon::{ThreadPool, ThreadPoolBuilder};
use tempfile::NamedTempFile;

use crate::model::{self, Place};

/// All that reading gave.
#[derive(Clone, Debug, PartialEq)]
struct Outcome {
    packets: Vec<Packet>,
    warnings: Vec<Warning>,
    left_out: u64,
    frames: u64,
    /// How far; where damage ended the file, that depends on how its bytes came.
    offset: Option<u64>,
    interfaces: usize,
    link_types: Vec<u16>,
    snap_len: u32,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Packet {
    place: Place,
    nanos: i64,
    number: u64,
    snap_len: u32,
}

/// Reads `bytes` as a stream, in short reads, and from a file; asserts what must hold.
pub fn check(bytes: &[u8]) {
    static FILE: OnceLock<NamedTempFile> = OnceLock::new();
    let path = FILE.get_or_init(|| NamedTempFile::new().expect("a temporary file")).path();
    let name = path.display().to_string();
    let stream = |reader: Box<dyn Read + Send>| {
        CaptureFile::from_reader(reader, name.clone(), FILE_INDEX)
            .map_err(|e| e.to_string())
            .map(|mut capture| read(&mut capture, bytes))
    };

    let whole = stream(Box::new(Cursor::new(bytes.to_vec())));
    if let Ok(outcome) = &whole {
        check_outcome(outcome, bytes);
    }
    let dribbled = stream(Box::new(Dribble { bytes: Cursor::new(bytes.to_vec()), step: 0 }));
    assert_eq!(dribbled, whole, "short reads");

    fs::write(path, bytes).expect("a temporary folder to write to");
    match (CaptureFile::open(path, FILE_INDEX), whole) {
        (Ok(mut capture), Ok(outcome)) => check_file(&mut capture, &outcome, path, bytes),
        (opened, whole) => {
            assert_eq!(opened.map(drop).map_err(|e| e.to_string()), whole.map(drop), "file")
        }
    }
}

fn check_outcome(outcome: &Outcome, bytes: &[u8]) {
    let (expected, end) = if is_pcapng(bytes) { model::pcapng(bytes) } else { model::pcap(bytes) };
    let places: Vec<_> = outcome.packets.iter().map(|packet| packet.place).collect();
    assert_eq!(places, expected, "the naive reader");

    let pairs = || outcome.packets.windows(2).map(|w| (w[0], w[1]));
    assert!(pairs().all(|(a, b)| a.place.start + a.place.len <= b.place.offset), "offsets");
    assert!(pairs().all(|(a, b)| a.number < b.number), "frame numbers");
    assert!(outcome.packets.last().is_none_or(|last| last.number <= outcome.frames), "frames");
    if !is_pcapng(bytes) {
        let numbers = outcome.packets.iter().map(|packet| packet.number);
        assert!(numbers.eq(1..=outcome.frames), "frames of pcap are its packets");
    }

    let (last, before) = match outcome.warnings.split_last() {
        Some((last, before)) => (Some(last), before),
        None => (None, &[][..]),
    };
    assert!(!before.iter().any(|w| w.kind.ends_the_file()), "a warning behind the end");
    let is_damaged = last.is_some_and(|w| w.kind.ends_the_file());
    assert_eq!(is_damaged, end < bytes.len(), "a warning where, and only where, bytes are left");
    assert!(outcome.offset.is_none_or(|offset| offset == bytes.len() as u64));
    assert!(outcome.warnings.len() <= 65, "few warnings");
    for warning in &outcome.warnings {
        assert!(warning.offset <= bytes.len() as u64 && warning.frame <= outcome.frames);
        assert!(!warning.to_string().contains(char::is_control), "safe to print: {warning:?}");
    }
}

/// A file gives what a stream gave, and gives it again from any place.
fn check_file(capture: &mut CaptureFile, outcome: &Outcome, path: &Path, bytes: &[u8]) {
    assert!(capture.is_seekable());
    assert_eq!(capture.size(), Some(bytes.len() as u64));
    // Any packet will do, or the end.
    let hash = bytes.iter().fold(0, |sum, b| (sum * 31 + usize::from(*b)) % 65_521);
    let pick = hash % (outcome.packets.len() + 1);
    for expected in &outcome.packets[..pick] {
        assert_eq!(next(capture, bytes).as_ref(), Some(expected), "file");
    }
    let (position, interfaces) = (capture.position(), capture.interfaces().len());
    let rest = Outcome { packets: outcome.packets[pick..].to_vec(), ..outcome.clone() };
    assert_eq!(read(capture, bytes), rest, "the rest");
    // It takes longer than all else.
    if hash.is_multiple_of(4) {
        check_parts(outcome, path, bytes, 1 + hash as u64);
        check_salvage(outcome, path, bytes, hash);
    }

    capture.seek(&position).expect("a place of this file");
    assert_eq!(read(capture, bytes), rest, "the rest again, and no new warnings");

    let mut other = CaptureFile::open(path, FILE_INDEX).expect("opened before");
    other.seek(&position).expect("a place of this file");
    assert_eq!(read(&mut other, bytes).packets, rest.packets, "another reader");

    if interfaces == capture.interfaces().len() {
        check_named(&mut other, &position, &rest.packets, bytes);
    }
}

/// Several workers find what one does.
fn check_parts(outcome: &Outcome, path: &Path, bytes: &[u8], chunk: u64) {
    static POOL: OnceLock<ThreadPool> = OnceLock::new();
    let pool = || ThreadPoolBuilder::new().num_threads(2).build().expect("two threads");
    let file = CaptureFile::open(path, FILE_INDEX).expect("opened before");
    let mut packets = Vec::new();
    let warnings = POOL.get_or_init(pool).install(|| {
        let mut parts = file.into_parts(chunk, |part| {
            let mut found = Vec::new();
            while let Some(record) = part.next_record()? {
                let in_part = (record.frame.number(), record.offset, record.timestamp.as_nanos());
                found.push((in_part, record.interface, record.data.to_vec()));
            }
            Ok(found)
        });
        loop {
            let several = parts.next_parts().expect("files do not fail");
            if several.is_empty() {
                return parts.into_file().warnings().to_vec();
            }
            for part in several {
                packets.extend(part.value.into_iter().map(|((number, offset, nanos), i, data)| {
                    (number + part.frames_before, offset as usize, nanos, i, data)
                }));
            }
        }
    });
    let one = outcome.packets.iter().map(|p| {
        let Place { offset, start, len, interface, .. } = p.place;
        (p.number, offset, p.nanos, interface, bytes[start..start + len].to_vec())
    });
    assert!(one.eq(packets), "chunks of {chunk}");
    assert_eq!(warnings, outcome.warnings, "chunks of {chunk}");
}

/// Reading on behind damage finds records in the file, in order, whatever it is read from and from any place of it;
/// where there is no damage, the same.
fn check_salvage(outcome: &Outcome, path: &Path, bytes: &[u8], hash: usize) {
    let options = ReadOptions::new().salvage(true);
    let open = || options.open(path, FILE_INDEX).expect("opened before");
    let found = read(&mut open(), bytes);
    let pairs = || found.packets.windows(2).map(|w| (w[0], w[1]));
    assert!(pairs().all(|(a, b)| a.place.start + a.place.len <= b.place.offset), "offsets");
    assert!(pairs().all(|(a, b)| a.number < b.number), "frame numbers");
    let gaps = found.warnings.iter().any(|w| w.kind == WarningKind::SalvagedGap);
    if outcome.offset.is_some() && !gaps {
        assert_eq!(found.packets, outcome.packets, "an undamaged file");
    }
    let stream = Dribble { bytes: Cursor::new(bytes.to_vec()), step: 0 };
    let mut stream = options.from_reader(stream, "stream", FILE_INDEX).expect("opened before");
    assert_eq!(read(&mut stream, bytes), found, "salvaged from a stream");

    let mut file = open();
    let (before, rest) = found.packets.split_at(hash % (found.packets.len() + 1));
    for expected in before {
        assert_eq!(next(&mut file, bytes).as_ref(), Some(expected), "salvaged again");
    }
    let (position, interfaces) = (file.position(), file.interfaces().len());
    assert_eq!(read(&mut file, bytes).packets, rest, "the rest salvaged");
    for capture in [&mut file, &mut open()] {
        capture.seek(&position).expect("a place of this file");
        assert_eq!(read(capture, bytes).packets, rest, "the rest salvaged again");
    }
    if interfaces == file.interfaces().len() {
        check_named(&mut file, &position, rest, bytes);
        check_named(&mut open(), &position, rest, bytes);
    }
}

/// Goes to the last of the packets behind `position` by its place alone.
fn check_named(file: &mut CaptureFile, position: &Checkpoint, rest: &[Packet], bytes: &[u8]) {
    if let Some(last) = rest.last()
        && !may_begin_section(&bytes[position.offset() as usize..last.place.offset])
    {
        let place = position.at_record(last.place.offset as u64, last.number);
        file.seek(&place).expect("a place of this file");
        assert_eq!(next(file, bytes).as_ref(), Some(last), "the last one alone");
    }
}

fn read(capture: &mut CaptureFile, bytes: &[u8]) -> Outcome {
    let mut packets = Vec::new();
    while let Some(packet) = next(capture, bytes) {
        packets.push(packet);
    }
    assert_eq!(next(capture, bytes), None, "ended means ended");
    let is_damaged = capture.warnings().iter().any(|w| w.kind.ends_the_file());
    Outcome {
        packets,
        warnings: capture.warnings().to_vec(),
        left_out: capture.warnings_left_out(),
        frames: capture.frames(),
        offset: (!is_damaged).then(|| capture.offset()),
        interfaces: capture.interfaces().len(),
        link_types: capture.link_types().iter().map(|t| t.0).collect(),
        snap_len: capture.snap_len(),
    }
}

fn next(capture: &mut CaptureFile, bytes: &[u8]) -> Option<Packet> {
    let format = capture.format();
    let record = capture.next_record().expect("memory and files do not fail")?;
    assert_eq!(record.frame.file(), FILE_INDEX);
    let (data, offset) = (record.data, record.offset as usize);
    let head = match format {
        // A simple packet block, in either byte order.
        Format::PcapNg if matches!(bytes[offset..offset + 4], [3, 0, 0, 0] | [0, 0, 0, 3]) => 12,
        Format::PcapNg => 28,
        Format::PcapModified => 24,
        _ => 16,
    };
    let start = offset + head;
    assert!(bytes[start..].starts_with(data), "data that lies in the file");
    let (len, original_len) = (data.len(), record.original_len);
    let (link_type, interface) = (record.link_type.0, record.interface);
    let place = Place { offset, start, len, original_len, link_type, interface };
    let (nanos, number) = (record.timestamp.as_nanos(), record.frame.number());
    let packet = Packet { place, nanos, number, snap_len: record.snap_len };
    let described = &capture.interfaces()[interface as usize];
    assert_eq!((described.link_type().0, described.snap_len()), (link_type, packet.snap_len));
    Some(packet)
}

fn is_pcapng(bytes: &[u8]) -> bool {
    bytes[0] == 0x0a
}

fn may_begin_section(bytes: &[u8]) -> bool {
    bytes.windows(4).any(|w| w == [0x0a, 0x0d, 0x0d, 0x0a])
}

/// Gives 1 to 7 bytes at a time, and is interrupted now and then.
struct Dribble {
    bytes: Cursor<Vec<u8>>,
    step: usize,
}

impl Read for Dribble {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.step += 1;
        if self.step.is_multiple_of(5) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let most = (self.step * 31 % 7 + 1).min(into.len());
        self.bytes.read(&mut into[..most])
    }
}

const FILE_INDEX: u16 = 3;
