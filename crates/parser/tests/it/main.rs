//! What the parser makes of capture files: honest, odd, hostile, and those of other people.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "helpers of tests")]

mod contents;
mod corpus;
mod defects;
mod formats;
mod hostile;
mod parts;
mod reads;
mod salvage;
mod seek;
mod sources;

use std::io::{self, Read};

use crosscap_parser::{CaptureFile, Error, PacketRecord, WarningKind};

/// A packet, owned.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Packet {
    number: u64,
    nanos: i64,
    original_len: u32,
    link_type: u16,
    interface: u32,
    snap_len: u32,
    data: Vec<u8>,
    offset: u64,
}

/// All that a capture gave.
#[derive(Debug, Default, Eq, PartialEq)]
struct Outcome {
    packets: Vec<Packet>,
    warnings: Vec<(WarningKind, u64, u64, u64, String)>,
}

impl Outcome {
    fn kinds(&self) -> Vec<WarningKind> {
        self.warnings.iter().map(|w| w.0).collect()
    }

    fn times(&self) -> Vec<i64> {
        self.packets.iter().map(|p| p.nanos).collect()
    }
}

fn open(bytes: &[u8]) -> Result<CaptureFile, Error> {
    CaptureFile::from_reader(io::Cursor::new(bytes.to_vec()), "test", 3)
}

fn drain(capture: &mut CaptureFile) -> Outcome {
    let mut packets = Vec::new();
    while let Some(record) = capture.next_record().unwrap() {
        assert_eq!(record.frame.file(), 3);
        packets.push(owned(&record));
    }
    assert!(capture.next_record().unwrap().is_none(), "ended means ended");
    assert_eq!(capture.packets(), packets.len() as u64);
    let warnings = warnings(capture);
    Outcome { packets, warnings }
}

fn owned(record: &PacketRecord<'_>) -> Packet {
    Packet {
        number: record.frame.number(),
        nanos: record.timestamp.as_nanos(),
        original_len: record.original_len,
        link_type: record.link_type.0,
        interface: record.interface,
        snap_len: record.snap_len,
        data: record.data.to_vec(),
        offset: record.offset,
    }
}

fn warnings(capture: &CaptureFile) -> Vec<(WarningKind, u64, u64, u64, String)> {
    let list = capture.warnings().iter();
    list.map(|w| (w.kind, w.offset, w.frame, w.count, w.detail.clone())).collect()
}

/// From a stream and from a file; both have to agree.
fn read(bytes: &[u8]) -> Outcome {
    let outcome = drain(&mut open(bytes).unwrap());
    let (_folder, path) = save(bytes);
    assert_eq!(drain(&mut CaptureFile::open(path, 3).unwrap()), outcome, "file and stream differ");
    outcome
}

fn save(bytes: &[u8]) -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test.pcap");
    std::fs::write(&path, bytes).unwrap();
    (folder, path)
}

/// Gives 1 to 7 bytes at a time, and is interrupted now and then.
struct Dribble {
    bytes: io::Cursor<Vec<u8>>,
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

fn dribble(bytes: &[u8]) -> Dribble {
    Dribble { bytes: io::Cursor::new(bytes.to_vec()), step: 0 }
}
