//! However bytes arrive, and whatever they are.

use std::path::PathBuf;

use crosscap_parser::{CaptureFile, Error};
use crosscap_testkit::{InterfaceBlock, PcapNgWriter, PcapWriter, gzip};

use crate::{corpus, drain, dribble, open};

/// A bit of everything.
fn mixed() -> [Vec<u8>; 3] {
    let mut pcap = PcapWriter::new().nanos();
    let mut pcapng = PcapNgWriter::new();
    pcapng.interface(&InterfaceBlock::new().name("eth0").tsresol(9).tsoffset(1));
    for i in 0..40_u64 {
        let data = vec![i as u8; (i * 37 % 300) as usize];
        pcap.packet(i * 1000, &data);
        match i % 8 {
            0 => pcapng.obsolete_packet(0, i, &data),
            1 => pcapng.simple_packet(data.len() as u32, &data),
            2 => pcapng.custom(7, &data),
            3 => pcapng.statistics(0, i, 2),
            4 => pcapng.section(i > 20).interface(&InterfaceBlock::new().tsresol(0x8a)),
            5 => pcapng.packet(1, i, &data),
            _ => pcapng.packet(0, i, &data),
        };
    }
    let (pcap, pcapng) = (pcap.into_bytes(), pcapng.into_bytes());
    [gzip(&pcap), pcap, pcapng]
}

#[test]
fn short_interrupted_reads_give_the_same() {
    for bytes in mixed() {
        let mut capture = CaptureFile::from_reader(dribble(&bytes), "pipe", 3).unwrap();
        assert_eq!(drain(&mut capture), drain(&mut open(&bytes).unwrap()));
    }
}

#[test]
fn short_reads_of_other_peoples_files_give_the_same() {
    let files = corpus::files();
    let check = |file: &PathBuf| {
        let bytes = std::fs::read(file).unwrap();
        let drained = |c: Result<CaptureFile, Error>| match c {
            Ok(mut capture) => Ok((capture.format(), drain(&mut capture), capture.frames())),
            Err(error) => Err(error.to_string()),
        };
        let short = CaptureFile::from_reader(dribble(&bytes), file.display().to_string(), 3);
        let (short, whole) = (drained(short), drained(CaptureFile::open(file, 3)));
        assert!(short == whole, "{}", file.display());
    };
    // A read of a few bytes for each few bytes takes its time.
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let mine = files.iter().skip(thread).step_by(4);
            scope.spawn(move || mine.for_each(check));
        }
    });
}

#[test]
fn damaged_bytes_never_panic_hang_or_overcount() {
    let mut noise = 7_u32;
    let mut next = move || {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (noise >> 8) as usize
    };
    let small = corpus::files().into_iter().map(|f| std::fs::read(f).unwrap());
    let small = small.filter(|bytes| bytes.len() <= 4096);
    let inputs: Vec<(Vec<u8>, usize)> =
        mixed().map(|m| (m, 150)).into_iter().chain(small.map(|s| (s, 4))).collect();
    for (bytes, copies) in inputs {
        for _ in 0..copies {
            let mut damaged = bytes.clone();
            for _ in 0..=next() % 8 {
                let at = next() % damaged.len();
                // Mostly small numbers and extremes: they make likelier lies than noise.
                damaged[at] = [0, 1, 4, 0x7f, 0x80, 0xff, next() as u8, next() as u8][next() % 8];
            }
            damaged.truncate(damaged.len() - next() % 3 * next() % damaged.len());
            if let Ok(mut capture) = open(&damaged) {
                let outcome = drain(&mut capture);
                let short = CaptureFile::from_reader(dribble(&damaged), "pipe", 3);
                assert_eq!(outcome, drain(&mut short.unwrap()));
                let zipped = damaged.starts_with(&[0x1f, 0x8b]);
                assert!(zipped || outcome.packets.len() <= damaged.len() / 16);
                assert!(outcome.warnings.len() <= 65);
            }
        }
    }
}
