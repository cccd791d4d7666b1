//! Bad input: each row of the table in the project's reliability notes that concerns containers.

use std::fs::OpenOptions;
use std::io::{Read, Write};

use crosscap_parser::{CaptureFile, Error, WarningKind};
use crosscap_testkit::{InterfaceBlock, PcapNgWriter, PcapWriter, gzip};

use crate::{drain, open, read, save};

fn three() -> PcapWriter {
    let mut writer = PcapWriter::new();
    writer.packet(1_000_000_000, &[1; 60]).packet(2_000_000_000, &[2; 60]);
    writer.packet(3_000_000_000, &[3; 60]);
    writer
}

fn three_ng() -> PcapNgWriter {
    let mut writer = PcapNgWriter::new();
    writer.interface(&InterfaceBlock::new());
    writer.packet(0, 1, &[1; 60]).packet(0, 2, &[2; 60]).packet(0, 3, &[3; 60]);
    writer
}

/// Three packets, then one warning of this kind.
#[track_caller]
fn three_then(bytes: &[u8], kind: WarningKind) {
    let outcome = read(bytes);
    assert_eq!((outcome.packets.len(), outcome.kinds()), (3, vec![kind]), "{outcome:?}");
}

#[test]
fn empty_file() {
    assert!(matches!(open(b""), Err(Error::Empty { .. })));
    assert!(matches!(open(&gzip(b"")), Err(Error::Empty { .. })));
    let (_folder, path) = save(b"");
    assert!(matches!(CaptureFile::open(path, 0), Err(Error::Empty { .. })));
}

#[test]
fn file_header_cut_at_10() {
    for bytes in [three().into_bytes(), three_ng().into_bytes()] {
        let (_folder, path) = save(&bytes[..10]);
        for result in [open(&bytes[..10]), CaptureFile::open(path, 0), open(&gzip(&bytes[..10]))] {
            let Err(error @ Error::TruncatedHeader { .. }) = result else { panic!("{result:?}") };
            assert_eq!(error.offset(), 10);
        }
    }
}

#[test]
fn record_header_or_body_cut() {
    // Wherever the cut is: the whole records before it, and a warning unless it lies between two.
    for (bytes, bounds) in [
        (three().into_bytes(), vec![24, 100, 176, 252]),
        (three_ng().into_bytes(), vec![28, 48, 140, 232, 324]),
    ] {
        assert_eq!(bytes.len(), bounds[bounds.len() - 1]);
        for cut in bounds[0]..bytes.len() {
            let outcome = drain(&mut open(&bytes[..cut]).unwrap());
            let blocks = bounds.iter().filter(|b| **b <= cut).count();
            assert_eq!(outcome.packets.len(), blocks.saturating_sub(bounds.len() - 3), "{cut}");
            let clean = bounds.contains(&cut);
            let expected = if clean { vec![] } else { vec![WarningKind::TruncatedTail] };
            assert_eq!(outcome.kinds(), expected, "{cut}");
            if !clean {
                assert_eq!(outcome.warnings[0].1, bounds[blocks - 1] as u64, "{cut}");
            }
        }
    }
}

#[test]
fn caplen_above_snaplen() {
    let mut writer = PcapWriter::new().snap_len(60);
    writer.packet(1, &[7; 100]);
    let outcome = read(&writer.into_bytes());
    assert_eq!((outcome.packets[0].data.len(), outcome.packets[0].snap_len), (100, 60));
}

#[test]
fn caplen_ffffffff_or_2_gib() {
    for caplen in [u32::MAX, 2 << 30, 262_145] {
        let mut writer = three();
        writer.record(4, 0, caplen, caplen, &[9; 1000]).packet(5, &[5]);
        three_then(&writer.into_bytes(), WarningKind::DamagedRecord);
    }
    // Not beyond what the snap length announces, but beyond the file.
    let mut writer = PcapWriter::new().snap_len(100 << 20);
    writer.record(4, 0, 90 << 20, 90 << 20, &[9; 1000]);
    assert_eq!(read(&writer.into_bytes()).kinds(), [WarningKind::TruncatedTail]);
}

#[test]
fn odd_lengths_are_taken() {
    for snap_len in [0, u32::MAX] {
        let mut writer = PcapWriter::new().snap_len(snap_len);
        writer.record(1, 0, 3, 1, &[1, 2, 3]).record(2, 0, 0, 0, &[]).packet(3, &[1]);
        let outcome = read(&writer.into_bytes());
        let lens: Vec<_> = outcome.packets.iter().map(|p| p.data.len()).collect();
        assert_eq!(lens, [3, 0, 1]);
    }
}

#[test]
fn odd_times_are_taken() {
    let mut writer = PcapWriter::new();
    writer.record(1, u32::MAX, 0, 0, &[]).record(u32::MAX, u32::MAX, 0, 0, &[]);
    writer.record(5, 0, 0, 0, &[]).record(4, 0, 0, 0, &[]);
    let outcome = read(&writer.into_bytes());
    assert_eq!(
        outcome.times(),
        [4_295_967_295_000, 4_294_971_589_967_295_000, 5_000_000_000, 4_000_000_000]
    );
    // Each kind once, counted.
    let counts: Vec<_> = outcome.warnings.iter().map(|w| (w.0, w.3)).collect();
    assert_eq!(counts, [(WarningKind::BadTimestamp, 2), (WarningKind::TimeDisorder, 2)]);
}

#[test]
fn versions() {
    let old = PcapWriter::new().version(1, 2).into_bytes();
    assert!(matches!(open(&old), Err(Error::UnsupportedVersion { major: 1, minor: 2, .. })));
    let mut new = PcapWriter::new().version(2, 99);
    new.packet(1, &[1]);
    let outcome = read(&new.into_bytes());
    assert_eq!((outcome.packets.len(), outcome.kinds()), (1, vec![WarningKind::UnusualVersion]));

    let mut old = PcapNgWriter::default();
    old.section_with(false, (2, 0), &[]);
    assert!(matches!(open(&old.into_bytes()), Err(Error::UnsupportedVersion { major: 2, .. })));
    let mut later = three_ng();
    later.section_with(true, (2, 0), &[]);
    three_then(&later.into_bytes(), WarningKind::DamagedRecord);
}

#[test]
fn unknown_link_type() {
    let mut writer = PcapWriter::new().network(60_000);
    writer.packet(1, &[1]);
    assert_eq!(read(&writer.into_bytes()).packets[0].link_type, 60_000);
}

#[test]
fn trailing_garbage() {
    let mut bytes = three().into_bytes();
    bytes.extend([0xff; 7]);
    three_then(&bytes, WarningKind::TruncatedTail);
    bytes.extend([0xff; 30]);
    three_then(&bytes, WarningKind::DamagedRecord);
    let mut bytes = three_ng().into_bytes();
    bytes.extend([0xff; 37]);
    three_then(&bytes, WarningKind::DamagedRecord);
}

#[test]
fn impossible_block_lengths() {
    for len in [0, 8, 15, 33, u32::MAX, u32::MAX - 3] {
        for kind in [6, 1, 5, 0x0a0d_0d0a, 0x1234] {
            let mut writer = three_ng();
            writer.lying_block(kind, len, &[0x1a; 40], len).packet(0, 4, &[4]);
            three_then(&writer.into_bytes(), WarningKind::DamagedRecord);
        }
    }
}

#[test]
fn trailer_mismatch() {
    for kind in [6, 3, 2, 1, 5, 4, 0x1234] {
        let mut writer = three_ng();
        writer.lying_block(kind, 52, &[0; 40], 48).packet(0, 4, &[4]);
        three_then(&writer.into_bytes(), WarningKind::DamagedRecord);
    }
}

#[test]
fn unknown_custom_and_local_blocks_are_skipped() {
    let mut writer = three_ng();
    // One is larger than the read buffer.
    writer.block(0x1234, &[1; 100]).custom(1, &[2; 600_000]).block(0x8000_0001, &[3; 8]);
    writer.block(0x1235, &vec![4; 700_000]).packet(0, 4, &[4]);
    let outcome = read(&writer.into_bytes());
    assert_eq!((outcome.packets.len(), outcome.warnings.len()), (4, 0), "{:?}", outcome.warnings);

    for (trailer, kind) in [(600_016, WarningKind::TruncatedTail), (8, WarningKind::DamagedRecord)]
    {
        let mut writer = three_ng();
        writer.lying_block(0x1234, 600_016, &[0; 600_004], trailer);
        let mut bytes = writer.into_bytes();
        bytes.truncate(bytes.len() - usize::from(trailer != 8));
        three_then(&bytes, kind);
    }
}

#[test]
fn packets_without_an_interface_are_skipped() {
    let mut writer = three_ng();
    writer.packet(7, 4, &[4]).packet(u32::MAX, 4, &[4]).obsolete_packet(1, 4, &[4]);
    // The next section has no interface yet: its ids are not those of the last one.
    writer.section(false).packet(0, 5, &[5]).simple_packet(1, &[5]).statistics(0, 1, 1);
    writer.interface(&InterfaceBlock::new()).packet(0, 6, &[6]);
    let outcome = read(&writer.into_bytes());
    assert_eq!(outcome.times(), [1000, 2000, 3000, 6000]);
    assert_eq!(outcome.kinds(), [WarningKind::BadBlock; 6]);
}

#[test]
fn captured_length_above_the_block() {
    for captured in [61, 62, 100_000, u32::MAX] {
        let mut writer = three_ng();
        writer.enhanced_packet(0, 4, (captured, 60), &[4; 60], &[]).packet(0, 5, &[5]);
        let outcome = read(&writer.into_bytes());
        assert_eq!((outcome.packets.len(), outcome.kinds()), (4, vec![WarningKind::BadBlock]));
    }
    for body in 0..=16 {
        let mut writer = three_ng();
        writer.block(6, &vec![0; body]).packet(0, 5, &[5]);
        assert_eq!(read(&writer.into_bytes()).kinds(), [WarningKind::BadBlock]);
    }
}

#[test]
fn a_block_of_100_mib_that_is_not_there() {
    for kind in [6, 0x1234] {
        let mut writer = three_ng();
        writer.lying_block(kind, 100 << 20, &[0; 40], 100 << 20);
        three_then(&writer.into_bytes(), WarningKind::TruncatedTail);
    }
}

#[test]
fn resolutions_too_fine_for_any_date() {
    for tsresol in [20, 63, 127, 192, 255] {
        let mut writer = PcapNgWriter::new();
        writer.interface(&InterfaceBlock::new().tsresol(tsresol));
        writer.packet(0, u64::MAX, &[1]).packet(0, u64::MAX, &[2]);
        let outcome = read(&writer.into_bytes());
        assert_eq!(outcome.packets.len(), 2);
        assert_eq!(
            (outcome.warnings[0].0, outcome.warnings[0].3),
            (WarningKind::UnknownTimestamp, 2)
        );
    }
}

#[test]
fn time_offsets_saturate() {
    let mut writer = PcapNgWriter::new();
    writer.interface(&InterfaceBlock::new().tsoffset(i64::MIN)).packet(0, 1, &[1]);
    writer.interface(&InterfaceBlock::new().tsoffset(i64::MAX)).packet(1, u64::MAX, &[1]);
    assert_eq!(read(&writer.into_bytes()).times(), [i64::MIN, i64::MAX]);
}

#[test]
fn option_length_65535() {
    let mut writer = PcapNgWriter::new();
    // A name, then an option that does not fit.
    writer.block(
        1,
        &[1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1, 0, b'x', 0, 0, 0, 9, 0, 0xff, 0xff, 9, 0, 0, 0],
    );
    writer.enhanced_packet(0, 1, (1, 1), &[1], &[1, 0, 0xff, 0xff, 0, 0, 0, 0]);
    let mut capture = open(&writer.into_bytes()).unwrap();
    let outcome = drain(&mut capture);
    assert_eq!((outcome.times(), outcome.kinds()), (vec![1000], vec![WarningKind::BadOption]));
    assert_eq!(outcome.warnings[0].3, 2, "the interface's and the packet's");
    assert_eq!(capture.interfaces()[0].name(), Some("x"));
}

#[test]
fn huge_options() {
    // 1.3 MB of comments.
    let comment: Vec<u8> = [1, 0, 0xfc, 0xff].into_iter().chain([b'c'; 65_532]).collect();
    let mut writer = PcapNgWriter::default();
    writer.section_with(true, (1, 0), &comment.repeat(20));
    writer.interface(&InterfaceBlock::new().name(&"n".repeat(60_000))).packet(0, 1, &[1]);
    let mut capture = open(&writer.into_bytes()).unwrap();
    assert_eq!(drain(&mut capture).times(), [1000]);
    assert_eq!(capture.interfaces()[0].name().unwrap().len(), 256);

    let mut writer = three_ng();
    writer.block(1, &vec![0; 17 << 20]);
    three_then(&writer.into_bytes(), WarningKind::DamagedRecord);
}

#[test]
fn interfaces_by_the_thousands() {
    let mut writer = PcapNgWriter::new();
    for i in 0..70_000 {
        writer.interface(&InterfaceBlock::new().link_type((i % 1000) as u16));
    }
    writer.packet(69_999, 1, &[1]);
    let mut capture = open(&writer.into_bytes()).unwrap();
    assert_eq!(drain(&mut capture).packets[0].interface, 69_999);
    assert_eq!((capture.interfaces().len(), capture.link_types().len()), (70_000, 256));
}

#[test]
fn name_resolution_that_lies_is_ignored() {
    // Far too long, and by one byte; the good record before it goes with the block.
    for lie in [&[1, 0, 0xff, 0xff, 1, 2, 3, 4][..], &[1, 0, 9, 0, 1, 2, 3, 4, b'x', 0, 0, 0]] {
        let mut writer = three_ng();
        let good = [1, 0, 6, 0, 10, 0, 0, 1, b'x', 0, 0, 0];
        writer.block(4, &[&good, lie].concat()).packet(0, 4, &[4]);
        let mut capture = open(&writer.into_bytes()).unwrap();
        let outcome = drain(&mut capture);
        assert_eq!((outcome.packets.len(), outcome.kinds()), (4, vec![WarningKind::BadBlock]));
        assert_eq!(capture.names().count(), 0);
    }
}

#[test]
fn names_by_the_hundred_thousand() {
    let mut writer = three_ng();
    for block in 0..2 {
        let names: Vec<_> = (0..50_000_u32)
            .map(|n| (std::net::Ipv4Addr::from(block << 24 | n).into(), "name"))
            .collect();
        writer.names(&names);
    }
    let mut capture = open(&writer.into_bytes()).unwrap();
    assert_eq!(drain(&mut capture).kinds(), [WarningKind::ContentsLeftOut]);
    assert_eq!(capture.names().count(), 65_536);
}

#[test]
fn comments_beyond_what_is_kept() {
    let mut writer = three_ng();
    let options = writer.options(&[(1, &[b'c'; 60_000])]).repeat(250);
    for _ in 0..10 {
        writer.section_with(false, (1, 0), &options);
    }
    writer.interface(&InterfaceBlock::new()).packet(0, 4, &[4]);
    let mut capture = open(&writer.into_bytes()).unwrap();
    assert_eq!(drain(&mut capture).kinds(), [WarningKind::ContentsLeftOut]);
    let comments: Vec<_> = capture.sections().iter().flat_map(|s| &s.comments).collect();
    assert!(comments.iter().all(|comment| comment.len() == 4096));
    assert!((1900..2100).contains(&comments.len()), "{}", comments.len());
}

#[test]
fn kinds_of_blocks_by_the_thousands() {
    let mut writer = three_ng();
    for n in 0..1000 {
        writer.custom(n, &[]).block(0x1_0000 + n, &[]).section(false).secrets(n, &[1]);
    }
    let mut capture = open(&writer.into_bytes()).unwrap();
    assert_eq!(drain(&mut capture).kinds(), [WarningKind::ContentsLeftOut]);
    let counts = capture.passed_over().unwrap();
    assert_eq!((counts.custom().count(), counts.unknown().count()), (256, 256));
    assert_eq!((capture.secrets().len(), capture.sections().len()), (1000, 1001));
}

#[test]
fn zero_filled_tail() {
    let one = three().into_bytes();
    for (zeros, packets) in [(16, 4), (48, 6), (63, 6), (64, 3), (80, 3), (1_000_003, 3)] {
        let outcome = read(&[&one[..], &vec![0; zeros]].concat());
        assert_eq!(outcome.packets.len(), packets, "{zeros}");
        if zeros >= 64 {
            assert_eq!(outcome.kinds(), [WarningKind::DamagedRecord]);
            assert_eq!((outcome.warnings[0].1, outcome.warnings[0].2), (one.len() as u64, 3));
            assert!(outcome.warnings[0].4.contains("zero-filled"));
        }
    }
    let modified = PcapWriter::new().modified().into_bytes();
    assert_eq!(read(&[&modified[..], &[0; 96]].concat()).kinds(), [WarningKind::DamagedRecord]);
    assert_eq!(read(&[&modified[..], &[0; 48]].concat()).packets.len(), 2);

    // Empty packets of some time are packets, and so are a few of no time before others.
    let mut writer = three();
    for second in 1..100 {
        writer.record(second, 0, 0, 0, &[]);
    }
    writer.raw(&[0; 1600]).packet(1, &[1]);
    assert_eq!(read(&writer.into_bytes()).packets.len(), 3 + 99 + 100 + 1);

    three_then(&[&three_ng().into_bytes()[..], &[0; 100]].concat(), WarningKind::DamagedRecord);
}

#[test]
fn time_offset_in_both_orders_and_negative() {
    for big_endian in [false, true] {
        let mut writer = PcapNgWriter::default();
        writer.section(big_endian).interface(&InterfaceBlock::new().tsoffset(-3).tsresol(0x8a));
        writer.packet(0, 5 << 10, &[1]);
        let mut capture = open(&writer.into_bytes()).unwrap();
        assert_eq!(drain(&mut capture).times(), [2_000_000_000]);
        let interface = &capture.interfaces()[0];
        assert_eq!((interface.tsoffset(), interface.tsresol()), (-3, 0x8a));
    }
}

#[test]
fn gzip_bomb_is_unpacked_as_a_stream() {
    let mut writer = PcapWriter::new();
    for i in 0..64 {
        writer.packet(i, &[0; 262_144]);
    }
    let zipped = gzip(&writer.into_bytes());
    assert!(zipped.len() < 200_000);
    let mut capture = open(&zipped).unwrap();
    while capture.next_record().unwrap().is_some() {}
    assert_eq!((capture.packets(), capture.warnings().len()), (64, 0));
}

#[test]
fn gzip_cut() {
    let bytes = three().into_bytes();
    let zipped = gzip(&bytes);
    // Without its trailer, all the data is there.
    three_then(&zipped[..zipped.len() - 1], WarningKind::TruncatedTail);
    three_then(&zipped[..zipped.len() - 8], WarningKind::TruncatedTail);
    for cut in 2..zipped.len() {
        match open(&zipped[..cut]) {
            Ok(mut capture) => {
                assert_eq!(drain(&mut capture).kinds(), [WarningKind::TruncatedTail], "{cut}");
            }
            Err(e) => assert!(matches!(e, Error::TruncatedHeader { .. }), "{cut}: {e}"),
        }
    }
}

#[test]
fn gzip_corrupt() {
    let mut zipped = gzip(&three().into_bytes());
    let crc = zipped.len() - 8;
    zipped[crc] ^= 1;
    three_then(&zipped, WarningKind::DamagedRecord);
    assert!(matches!(
        open(&[0x1f, 0x8b, 9, 9, 9, 9, 9, 9, 9, 9, 9]),
        Err(Error::CorruptCompression { .. })
    ));

    // In the middle: nothing before it is lost.
    let mut writer = PcapWriter::new();
    let mut noise = 1_u32;
    for i in 0..2000 {
        let mut packet = vec![0; 500];
        for byte in &mut packet {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *byte = (noise >> 24) as u8;
        }
        writer.packet(i * 1000, &packet);
    }
    let mut zipped = gzip(&writer.into_bytes());
    let half = zipped.len() / 2;
    zipped[half..half + 40_000].fill(0xff);
    let outcome = read(&zipped);
    assert!(outcome.packets.len() >= 950, "{}", outcome.packets.len());
    assert_eq!(outcome.kinds().last(), Some(&WarningKind::DamagedRecord), "{:?}", outcome.warnings);
}

#[test]
fn other_formats_are_named() {
    for (start, name) in [
        (&[0x02, 0x21, 0x4c, 0x18][..], "legacy lz4"),
        (b"BZh91AY", "bzip2"),
        (b"PK\x03\x04", "zip"),
    ] {
        let error = open(&[start, &[0; 30]].concat()).unwrap_err();
        assert!(error.to_string().contains(name), "{error}");
    }
    for text in [&b"hello, world"[..], &[0; 100], &[0x0a, 0x0d, 0x0d, 0x0a, 1, 1, 1, 1].repeat(9)] {
        assert!(matches!(open(text), Err(Error::NotACapture { .. })));
        assert!(matches!(open(&gzip(text)), Err(Error::NotACapture { .. })));
    }
    let (_folder, path) = save(b"short");
    assert!(matches!(CaptureFile::open(path, 0), Err(Error::NotACapture { .. })));
}

#[test]
#[cfg(unix)]
fn fifo() {
    let bytes = three().into_bytes();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fifo");
    let made = std::process::Command::new("mkfifo").arg(&path).status();
    assert!(made.is_ok_and(|status| status.success()));
    for bytes in [bytes.clone(), gzip(&bytes)] {
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut pipe = OpenOptions::new().write(true).open(&path).unwrap();
                for part in bytes.chunks(11) {
                    pipe.write_all(part).unwrap();
                }
            });
            let mut capture = CaptureFile::open(&path, 3).unwrap();
            assert!(!capture.is_seekable());
            assert_eq!(drain(&mut capture).packets.len(), 3);
        });
    }
}

#[test]
fn directory_and_missing_file() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(CaptureFile::open(folder.path(), 0), Err(Error::IsDirectory { .. })));
    let missing = folder.path().join("missing.pcap");
    let error = CaptureFile::open(&missing, 0).unwrap_err();
    assert!(
        matches!(&error, Error::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound)
    );
    assert!(error.to_string().contains("missing.pcap"));
}

#[test]
fn growing_file_ends_where_it_ended_when_opened() {
    for bytes in [three().into_bytes(), gzip(&three().into_bytes())] {
        let (_folder, path) = save(&bytes);
        let mut capture = CaptureFile::open(&path, 3).unwrap();
        let mut more = OpenOptions::new().append(true).open(&path).unwrap();
        more.write_all(&[0; 10_000]).unwrap();
        let outcome = drain(&mut capture);
        assert_eq!((outcome.packets.len(), outcome.warnings.len()), (3, 0));
    }
}

#[test]
fn file_cut_while_it_is_read() {
    let mut writer = PcapWriter::new();
    for i in 0..2000 {
        writer.packet(i, &[1; 1000]);
    }
    let (_folder, path) = save(&writer.into_bytes());
    let mut capture = CaptureFile::open(&path, 3).unwrap();
    OpenOptions::new().write(true).open(&path).unwrap().set_len(500_000).unwrap();
    let outcome = drain(&mut capture);
    assert_eq!((outcome.packets.len(), outcome.kinds()), (492, vec![WarningKind::TruncatedTail]));
}

#[test]
fn a_read_error_is_an_error() {
    struct Failing;
    impl Read for Failing {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("unplugged"))
        }
    }
    let bytes = three().into_bytes();
    for start in [bytes[..150].to_vec(), gzip(&bytes)[..60].to_vec()] {
        let zipped = start[0] == 0x1f;
        let reader = std::io::Cursor::new(start).chain(Failing);
        let capture = CaptureFile::from_reader(reader, "cable", 0);
        let error = match capture {
            Ok(mut capture) => loop {
                match capture.next_record() {
                    Ok(record) => assert!(record.is_some()),
                    Err(error) => break error,
                }
            },
            Err(error) => error,
        };
        assert!(matches!(&error, Error::Io { source, .. } if source.to_string() == "unplugged"));
        if !zipped {
            assert_eq!((error.file(), error.offset(), error.frame()), ("cable", 100, 1));
        }
    }
}
