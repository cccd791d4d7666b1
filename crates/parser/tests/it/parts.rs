//! One file read by several workers: the same as by one, whatever the cuts.

use std::path::Path;

use crosscap_parser::{CHUNK, CaptureFile, Error, PartReader, ReadOptions};
use crosscap_testkit::{InterfaceBlock, PcapNgWriter, PcapWriter, gzip};
use proptest::prelude::*;

use crate::{Outcome, corpus, drain, owned, save, warnings};

/// Reads it in parts, and says how many chunks were read again.
fn in_parts(path: &Path, chunk: u64, threads: usize) -> Result<(Outcome, u64), Error> {
    in_parts_of(CaptureFile::open(path, 3)?, chunk, threads)
}

fn in_parts_of(file: CaptureFile, chunk: u64, threads: usize) -> Result<(Outcome, u64), Error> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    pool.install(|| {
        let read = |part: &mut PartReader<'_>| {
            let mut packets = Vec::new();
            while let Some(record) = part.next_record()? {
                packets.push(owned(&record));
            }
            Ok(packets)
        };
        let mut parts = file.into_parts(chunk, read);
        let mut packets = Vec::new();
        loop {
            let several = parts.next_parts()?;
            if several.is_empty() {
                break;
            }
            for part in several {
                assert!(!part.value.is_empty());
                packets.extend(part.value.into_iter().map(|mut packet| {
                    packet.number += part.frames_before;
                    packet
                }));
            }
        }
        assert!(parts.next_parts()?.is_empty());
        assert_eq!(parts.file().packets(), packets.len() as u64);
        let warnings = warnings(parts.file());
        Ok((Outcome { packets, warnings }, parts.read_again()))
    })
}

#[track_caller]
fn same(bytes: &[u8], chunk: u64, threads: usize) -> u64 {
    let (_folder, path) = save(bytes);
    let whole = drain(&mut CaptureFile::open(&path, 3).unwrap());
    let (parts, read_again) = in_parts(&path, chunk, threads).unwrap();
    assert_eq!(parts, whole, "chunks of {chunk}, {threads} threads");
    read_again
}

const CHUNKS: [u64; 7] = [1, 7, 100, 1_000, 30_000, 300_000, 1 << 40];

fn pcap(packets: usize, len: impl Fn(usize) -> usize) -> PcapWriter {
    let mut writer = PcapWriter::new().nanos();
    for i in 0..packets {
        writer.packet(1_700_000_000_000_000_000 + i as u64 * 1_000_000, &vec![i as u8; len(i)]);
    }
    writer
}

#[test]
fn ordinary_files_are_cut_right_at_once() {
    let bytes = pcap(20_000, |i| i * 37 % 1_500).into_bytes();
    let mut ng = PcapNgWriter::new();
    ng.interface(&InterfaceBlock::new());
    for i in 0..20_000_u64 {
        ng.packet(0, 1_700_000_000_000_000 + i, &vec![i as u8; (i * 37 % 1_500) as usize]);
    }
    for bytes in [bytes, ng.into_bytes()] {
        assert_eq!(same(&bytes, 1_000_000, 4), 0);
    }
}

#[test]
fn a_pcap_inside_the_pcap_does_not_fool_it() {
    let inner = pcap(3_000, |i| i * 31 % 700).into_bytes();
    for (mss, start) in [(1_448, 0), (1_460, 5), (65_226, 11)] {
        let mut outer = PcapWriter::new().nanos();
        for (i, piece) in inner[start..].chunks(mss).enumerate() {
            let packet = [&[0x45; 54], piece].concat();
            outer.packet(1_700_000_100_000_000_000 + i as u64 * 1_000, &packet);
        }
        let bytes = outer.into_bytes();
        for chunk in [3_000, 50_000, 200_000] {
            same(&bytes, chunk, 3);
        }
    }
}

#[test]
fn what_is_no_packet_keeps_its_place() {
    let mut ng = PcapNgWriter::new();
    for i in 0..400_u64 {
        let data = vec![i as u8; (i * 37 % 300) as usize];
        match i {
            0 | 150 => ng.interface(&InterfaceBlock::new().tsresol(if i == 0 { 6 } else { 9 })),
            90 | 91 => ng.custom(7, &data),
            120 => ng.statistics(0, i, 2),
            200 => ng.packet(7, i, &data),
            220 => ng.section(true).interface(&InterfaceBlock::new().snap_len(99)),
            300 => ng.simple_packet(20, &[1; 20]),
            310 => ng.interface(&InterfaceBlock::new().tsresol(9)),
            151..220 => ng.packet((i % 2) as u32, 1_000 + i, &data),
            311.. => ng.packet((i % 2) as u32, 5_000 - i, &data),
            _ => ng.packet(0, 1_000 + i, &data),
        };
    }
    let bytes = ng.into_bytes();
    for chunk in CHUNKS {
        for threads in [1, 2, 5] {
            same(&bytes, chunk, threads);
        }
        same(&bytes[..bytes.len() - 3], chunk, 2);
    }
}

#[test]
fn damage_and_disorder_are_told_once_where_they_are() {
    let mut good = pcap(500, |i| i * 37 % 300);
    good.packet(5, &[1; 60]).packet(4, &[1; 60]).packet(0, &[1; 60]).packet(9, &[1; 60]);
    let mut damaged = good.clone();
    damaged.record(8, 0, u32::MAX, 0, &[2; 5_000]).packet(9, &[1]);
    for chunk in CHUNKS {
        same(&good.clone().into_bytes(), chunk, 3);
        same(&damaged.clone().into_bytes(), chunk, 3);
    }
}

#[test]
fn what_a_worker_leaves_alone_is_warned_about_once() {
    let mut file = pcap(40, |i| i % 9);
    // Too early, and with a fraction of a second that is none.
    for _ in 0..5 {
        file.record(1_600_000_000, 3_000_000_000, 3, 3, &[1, 2, 3]).packet(7, &[1]);
    }
    for chunk in [100, 300, 700, 1_000] {
        same(&file.clone().into_bytes(), chunk, 3);
    }
}

#[test]
fn reading_on_behind_damage_gives_the_same() {
    let mut damaged = pcap(300, |i| i * 3_700 % 3_000);
    damaged.record(8, 0, u32::MAX, 0, &[2; 5_000]);
    let later = pcap(300, |_| 1_400).into_bytes();
    let (_folder, path) = save(&damaged.raw(&later[24..]).clone().into_bytes());
    let salvage = || ReadOptions::new().salvage(true).open(&path, 3).unwrap();
    let whole = drain(&mut salvage());
    assert_eq!(whole.packets.len(), 600);
    for chunk in [500, 100_000] {
        assert_eq!(in_parts_of(salvage(), chunk, 3).unwrap().0, whole);
    }
}

#[test]
fn packets_longer_than_chunks_and_empty_files() {
    let bytes = pcap(40, |i| if i % 5 == 0 { 200_000 } else { 10 }).into_bytes();
    for chunk in [1, 1_000, 70_000] {
        same(&bytes, chunk, 4);
    }
    same(&pcap(0, |_| 0).into_bytes(), 10, 4);
}

#[test]
fn what_cannot_be_split_comes_in_parts_all_the_same() {
    let bytes = gzip(&pcap(3_000, |i| i * 37 % 1_500).into_bytes());
    for chunk in [10, 100_000, CHUNK] {
        same(&bytes, chunk, 3);
    }
}

#[test]
fn other_peoples_files_give_the_same() {
    for file in corpus::files() {
        let Ok(mut whole) = CaptureFile::open(&file, 3) else { continue };
        let whole = drain(&mut whole);
        let size = std::fs::metadata(&file).unwrap().len();
        for (chunk, threads) in [(size / 3 + 1, 2), (size / 19 + 1, 3)] {
            let (parts, _) = in_parts(&file, chunk, threads).unwrap();
            assert!(parts == whole, "{}, chunks of {chunk}", file.display());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Records of any lengths and times, with bytes that are records themselves.
    #[test]
    fn any_file_gives_the_same(
        packets in prop::collection::vec((0..4_000_000_000_u64, 0..200_usize, any::<bool>()), 0..80),
        chunk in 1..3_000_u64,
        threads in 1..4_usize,
    ) {
        let inner = pcap(30, |i| i % 7).into_bytes();
        let mut writer = PcapWriter::new().nanos();
        for (nanos, len, nested) in packets {
            let data = if nested { &inner[len..] } else { &inner[..len] };
            writer.packet(nanos, data);
        }
        same(&writer.into_bytes(), chunk, threads);
    }
}
