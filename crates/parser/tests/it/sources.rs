//! Where bytes come from: compressed streams whole, cut, damaged, nested and monstrous; pipes; open files.

use std::fs::{File, OpenOptions};
use std::io::{self, Cursor, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crosscap_parser::{CaptureFile, Compression, Error, ReadOptions, WarningKind};
use crosscap_testkit::{PcapWriter, gzip, lz4, xz, zstd};

use crate::{Outcome, drain, dribble, open, read, save};

type Pack = fn(&[u8]) -> Vec<u8>;

const ALL: [(Compression, Pack); 4] = [
    (Compression::Gzip, gzip),
    (Compression::Zstd, zstd),
    (Compression::Lz4, lz4),
    (Compression::Xz, xz),
];

/// 600 KB that shrink to a half or so: several blocks in every format.
fn capture() -> Vec<u8> {
    let mut writer = PcapWriter::new();
    let mut noise = 1_u32;
    for i in 0..1000 {
        let mut packet = vec![0; 600];
        for byte in packet.iter_mut().step_by(2) {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *byte = (noise >> 24) as u8;
        }
        writer.packet(i * 1000, &packet);
    }
    writer.into_bytes()
}

/// A capture of `packets` packets of 256 KiB of zeros.
fn zeros(packets: u64) -> Vec<u8> {
    let mut writer = PcapWriter::new();
    for i in 0..packets {
        writer.packet(i * 1000, &[0; 256 << 10]);
    }
    writer.into_bytes()
}

/// The same, packed: a member, frame or stream for each packet.
fn packed_zeros(pack: Pack, packets: usize) -> Vec<u8> {
    let bytes = zeros(1);
    [pack(&bytes[..24]), pack(&bytes[24..]).repeat(packets)].concat()
}

/// 256 KiB of zeros with a record header, as zstd's raw and RLE blocks of at most 128 KiB (RFC 8878 section 3.1.1.2), in a
/// frame with a window of 8 MiB. Or the file header.
fn rle(bytes: &[u8]) -> Vec<u8> {
    let block = |kind: u32, len: usize| ((len as u32) << 3 | kind << 1).to_le_bytes();
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0, 13 << 3];
    let (start, zeros) = bytes.split_at(if bytes.len() == 24 { 24 } else { 16 });
    frame.extend(&block(0, start.len())[..3]);
    frame.extend(start);
    for zeros in zeros.chunks(128 << 10) {
        frame.extend([&block(1, zeros.len())[..3], &[0]].concat());
    }
    frame.extend([1, 0, 0]);
    frame
}

/// Whatever it is, as an outcome.
fn drained(capture: Result<CaptureFile, Error>) -> Result<Outcome, String> {
    capture.map(|mut capture| drain(&mut capture)).map_err(|e| e.to_string())
}

/// What the limits leave of it, and how often the last warning was one.
fn limited(options: ReadOptions, packed: Vec<u8>) -> (u64, Vec<WarningKind>) {
    let mut capture = options.from_reader(Cursor::new(packed), "test", 3).unwrap();
    while capture.next_record().unwrap().is_some() {}
    (capture.packets(), capture.warnings().iter().map(|w| w.kind).collect())
}

#[test]
fn packed_captures_are_read_like_plain_ones() {
    let bytes = capture();
    let plain = read(&bytes);
    assert_eq!((plain.packets.len(), plain.warnings.len()), (1000, 0));
    for (compression, pack) in ALL {
        let packed = pack(&bytes);
        assert!(packed.len() < bytes.len());
        // From a stream and from a file.
        assert!(read(&packed) == plain, "{compression}");
        let mut capture = open(&packed).unwrap();
        assert_eq!((capture.compression(), capture.size()), (compression, None));
        assert!(!capture.is_seekable());
        let place = capture.position();
        assert!(matches!(capture.seek(&place), Err(Error::NotSeekable { .. })));
    }
}

#[test]
fn members_frames_and_streams_follow_each_other() {
    let bytes = capture();
    let plain = read(&bytes);
    let skipped = [&[0x5e, 0x2a, 0x4d, 0x18, 5, 0, 0, 0][..], b"hello"].concat();
    for (compression, pack) in ALL {
        // Members do not end where packets do, and one is empty.
        let parts: Vec<Vec<u8>> = bytes.chunks(77_777).chain([&[][..]]).map(pack).collect();
        assert!(read(&parts.concat()) == plain, "{compression}");
        match compression {
            Compression::Zstd | Compression::Lz4 => {
                let all = [&skipped[..], &parts.join(&skipped[..]), &skipped].concat();
                assert!(read(&all) == plain, "{compression}");
                let cut = drain(&mut open(&all[..all.len() - 1]).unwrap());
                assert_eq!(cut.kinds(), [WarningKind::TruncatedTail]);
            }
            Compression::Gzip => {
                let tape = [parts.concat(), vec![0; 100_000]].concat();
                assert!(read(&tape) == plain, "{compression}");
            }
            _ => assert!(read(&[parts.join(&[0; 8][..]), vec![0; 4]].concat()) == plain),
        }
        let garbage = drain(&mut open(&[&parts.concat()[..], b"garbage!"].concat()).unwrap());
        assert_eq!(garbage.packets, plain.packets);
        assert_eq!(garbage.kinds(), [WarningKind::DamagedRecord], "{compression}");
    }
}

#[test]
fn a_cut_stream_gives_what_is_before_the_cut() {
    let bytes = capture();
    let plain = read(&bytes);
    for (compression, pack) in ALL {
        let packed = pack(&bytes);
        let mut last = 0;
        for cut in (6..packed.len()).step_by(23_993).chain([packed.len() - 1]) {
            let start = &packed[..cut];
            let outcome = drained(open(start));
            let short = CaptureFile::from_reader(dribble(start), "test", 3);
            assert!(drained(short) == outcome, "{compression} cut at {cut}");
            let Ok(outcome) = outcome else {
                assert_eq!(last, 0, "{compression} cut at {cut}");
                continue;
            };
            assert_eq!(outcome.kinds(), [WarningKind::TruncatedTail], "{compression} cut at {cut}");
            let told = &outcome.warnings[0].4;
            assert!(told.contains(&format!("the {compression} stream ends early")), "{told}");
            let packets = outcome.packets.len();
            assert!(outcome.packets[..] == plain.packets[..packets]);
            // Never less than before, and no more than a block behind: 128 KiB in zstd, 64 KiB here in lz4.
            assert!(packets >= last, "{compression} cut at {cut}");
            let fair = (bytes.len() * cut / packed.len()).saturating_sub(150_000) / 616;
            assert!(packets >= fair, "{compression} cut at {cut}: {packets} of {fair}");
            last = packets;
        }
        assert!(last >= 780, "{compression}: {last}");
    }
}

#[test]
fn an_lz4_frame_without_its_end_is_cut() {
    let packed = lz4(&capture());
    // Behind the header: the length of the first block, and the block.
    let first = 7 + 4 + u32::from_le_bytes(packed[7..11].try_into().unwrap()) as usize;
    for cut in [first - 1, first, first + 1, first + 3, first + 4] {
        let outcome = drained(open(&packed[..cut]));
        if cut < first {
            assert!(outcome.is_err(), "{cut}");
            continue;
        }
        let outcome = outcome.unwrap();
        assert_eq!(outcome.packets.len(), (65_536 - 24) / 616, "{cut}");
        assert_eq!(outcome.kinds(), [WarningKind::TruncatedTail], "{cut}");
        assert!(outcome.warnings[0].4.contains("lz4"), "{:?}", outcome.warnings);
    }
}

#[test]
fn a_damaged_stream_gives_what_is_before_the_damage() {
    let bytes = capture();
    let plain = read(&bytes);
    for (compression, pack) in ALL {
        let packed = pack(&bytes);
        for at in (packed.len() * 2 / 5..packed.len() - 40_000).step_by(29_989) {
            let mut damaged = packed.clone();
            damaged[at..at + 30_000].fill(0xff);
            let outcome = drained(open(&damaged));
            let short = CaptureFile::from_reader(dribble(&damaged), "test", 3);
            assert!(drained(short) == outcome, "{compression} damaged at {at}");
            let outcome = outcome.unwrap();
            // As much as if it ended there. What xz makes of 4 KiB at once is lost.
            let until = if compression == Compression::Xz { at - 4096 } else { at };
            let cut = drain(&mut open(&packed[..until]).unwrap()).packets.len();
            assert!(cut > 100, "{compression} damaged at {at}: {cut}");
            assert!(outcome.packets.len() >= cut, "{compression} damaged at {at}");
            assert!(outcome.packets[..cut] == plain.packets[..cut]);
            assert_eq!(outcome.kinds().last(), Some(&WarningKind::DamagedRecord));
        }
    }
}

#[test]
fn a_wrong_checksum_is_told_after_the_last_packet() {
    let bytes = capture();
    for (compression, pack) in ALL {
        let mut packed = pack(&bytes);
        // The checksums: before the length; at the end; before the index and its CRC, padded to four bytes.
        let at = match compression {
            Compression::Gzip => packed.len() - 8,
            Compression::Xz => packed.len() - 12 - 4 - 8 - 8,
            _ => packed.len() - 4,
        };
        packed[at] ^= 1;
        let outcome = read(&packed);
        assert_eq!(outcome.packets.len(), 1000, "{compression}");
        assert_eq!(outcome.kinds(), [WarningKind::DamagedRecord], "{compression}");
    }
}

#[test]
fn damage_never_breaks_a_decoder() {
    // A decoder that panics takes its thread with it, which reads like damage: so it is looked for.
    static BROKEN: std::sync::Mutex<Vec<String>> = std::sync::Mutex::new(Vec::new());
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if std::thread::current().name() == Some("crosscap-unpack") {
            BROKEN.lock().unwrap().push(info.to_string());
        } else {
            hook(info);
        }
    }));
    let bytes = capture()[..40_000].to_vec();
    let mut noise = 7_u32;
    let mut next = move || {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (noise >> 8) as usize
    };
    for (_, pack) in ALL {
        let packed = pack(&bytes);
        for round in 0..400 {
            let mut damaged = packed.clone();
            for _ in 0..=next() % 4 {
                // Every other round in the headers, where the lies are.
                let range = if round % 2 == 0 { 100 } else { damaged.len() };
                damaged[next() % range] = next() as u8;
            }
            damaged.truncate(damaged.len() - next() % 3 * next() % damaged.len());
            let outcome = drained(open(&damaged));
            let short = CaptureFile::from_reader(dribble(&damaged), "test", 3);
            assert!(drained(short) == outcome);
        }
    }
    assert_eq!(*BROKEN.lock().unwrap(), Vec::<String>::new());
}

#[test]
fn never_unpacked_twice() {
    let bytes = capture();
    for (outer, pack_outer) in ALL {
        for (inner, pack_inner) in ALL {
            let error = open(&pack_outer(&pack_inner(&bytes))).unwrap_err();
            assert!(matches!(error, Error::NestedCompression { .. }));
            let said = format!("{inner} inside {outer}");
            assert!(error.to_string().contains(&said), "{error}, not {said}");
        }
    }
}

#[test]
fn bytes_that_are_no_stream_are_corrupt_at_once() {
    for (compression, pack) in ALL {
        let mut packed = pack(&capture());
        packed[6..100].fill(0xee);
        let error = open(&packed).unwrap_err();
        assert!(
            matches!(error, Error::CorruptCompression { compression: c, .. } if c == compression)
        );
        assert!(matches!(open(&pack(b"")), Err(Error::Empty { .. })), "{compression}");
        assert!(matches!(open(&pack(b"hello, world")), Err(Error::NotACapture { .. })));
    }
}

#[test]
fn a_bomb_of_a_gibibyte_is_cut_off() {
    let bomb = packed_zeros(gzip, 4096);
    assert!(bomb.len() < 12 << 20, "{}", bomb.len());
    let begun = Instant::now();
    let (packets, kinds) = limited(ReadOptions::new().max_expansion(50), bomb);
    assert_eq!(kinds, [WarningKind::UnpackingLimit]);
    // The first 64 MiB are not judged.
    assert!((255..258).contains(&packets), "{packets}");
    assert!(begun.elapsed() < Duration::from_secs(10));
}

#[test]
fn by_default_a_thousandfold_is_too_much() {
    for (compression, pack, bomb) in [
        (Compression::Gzip, gzip as Pack, false),
        (Compression::Lz4, lz4, false),
        (Compression::Xz, xz, true),
        (Compression::Zstd, rle, true),
    ] {
        let (small, large) = (packed_zeros(pack, 240), packed_zeros(pack, 288));
        let times = (72 << 20) / large.len();
        assert_eq!(times > 1000, bomb, "{compression}: {times}");
        assert_eq!(limited(ReadOptions::new(), small), (240, vec![]), "{compression}");
        let (packets, kinds) = limited(ReadOptions::new(), large.clone());
        if bomb {
            assert_eq!(kinds, [WarningKind::UnpackingLimit], "{compression}");
            assert!((255..258).contains(&packets), "{compression}: {packets}");
        } else {
            assert_eq!((packets, kinds), (288, vec![]), "{compression}");
        }
        // Settable both ways.
        let generous = ReadOptions::new().max_expansion(u32::MAX);
        assert_eq!(limited(generous, large), (288, vec![]), "{compression}");
    }
}

#[test]
fn unpacked_bytes_can_be_limited_exactly() {
    let bytes = capture();
    let all = bytes.len() as u64;
    for (compression, pack) in ALL {
        let packed = pack(&bytes);
        for (limit, packets) in [(all + 1, 1000), (all, 1000), (all - 1, 999), (300_000, 486)] {
            let options = ReadOptions::new().max_unpacked_bytes(limit);
            let (_folder, path) = save(&packed);
            for capture in [
                options.open(&path, 3),
                options.from_reader(dribble(&packed), "test", 3),
                options.from_file(File::open(&path).unwrap(), "test", 3),
            ] {
                let outcome = drain(&mut capture.unwrap());
                assert_eq!(outcome.packets.len(), packets, "{compression}, {limit}");
                let expected = if limit < all { vec![WarningKind::UnpackingLimit] } else { vec![] };
                assert_eq!(outcome.kinds(), expected, "{compression}, {limit}");
                let told = outcome.warnings.first().map_or("", |w| &w.4);
                assert!(limit >= all || told.contains(&limit.to_string()), "{told}");
            }
        }
        let none = ReadOptions::new().max_unpacked_bytes(10);
        let error = none.from_reader(Cursor::new(packed), "test", 3).unwrap_err();
        assert!(matches!(&error, Error::UnpackingLimit { .. }), "{error}");
        assert!(error.to_string().contains("more than 10 bytes"), "{error}");
    }
    // Of plain files nothing is unpacked.
    let (_folder, path) = save(&bytes);
    let mut plain = ReadOptions::new().max_unpacked_bytes(10).open(&path, 3).unwrap();
    assert_eq!(drain(&mut plain).packets.len(), 1000);
}

#[test]
fn windows_beyond_128_mib_are_refused() {
    // zstd: no checksum, no content size, a window of 128 MiB and of an eighth more (RFC 8878 section 3.1.1.1.2), and an
    // empty last block.
    let frame = |window: u8| [0x28, 0xb5, 0x2f, 0xfd, 0, window, 1, 0, 0];
    // xz: a stream with one block, whose filter asks for a dictionary of 128 and of 192 MiB.
    let stream = |dictionary: u8| {
        let mut stream = xz(b"");
        let mut block = vec![2, 0, 0x21, 1, dictionary, 0, 0, 0];
        let mut crc = flate2::Crc::new();
        crc.update(&block);
        block.extend(crc.sum().to_le_bytes());
        stream.truncate(12);
        // The block has no data.
        [stream, block, vec![0]].concat()
    };
    let mut small = PcapWriter::new();
    small.packet(1000, &[1]).packet(2000, &[2]);
    let small = small.into_bytes();
    for (compression, pack, good, bad) in [
        (Compression::Zstd, zstd as Pack, frame(17 << 3).to_vec(), frame(17 << 3 | 1).to_vec()),
        (Compression::Xz, xz as Pack, stream(30), stream(31)),
    ] {
        let error = open(&bad).unwrap_err();
        assert!(matches!(&error, Error::UnpackingLimit { .. }), "{error}");
        assert!(error.to_string().contains("128 MiB"), "{error}");
        let error = open(&good).unwrap_err();
        assert!(!matches!(&error, Error::UnpackingLimit { .. }), "{compression}: {error}");
        // Behind good data it ends the file.
        let outcome = read(&[pack(&small), bad].concat());
        assert_eq!(outcome.packets.len(), 2, "{compression}");
        assert_eq!(outcome.kinds(), [WarningKind::UnpackingLimit], "{compression}");
    }
}

#[test]
fn a_failing_reader_is_an_error_not_damage() {
    struct Failing;
    impl Read for Failing {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("unplugged"))
        }
    }
    for (compression, pack) in ALL {
        let packed = pack(&capture());
        let half = Cursor::new(packed[..packed.len() * 3 / 4].to_vec());
        let mut capture = CaptureFile::from_reader(half.chain(Failing), "cable", 0).unwrap();
        let error = loop {
            match capture.next_record() {
                Ok(record) => assert!(record.is_some(), "{compression}"),
                Err(error) => break error,
            }
        };
        assert!(matches!(&error, Error::Io { source, .. } if source.to_string() == "unplugged"));
        assert!(error.frame() > 400 && capture.warnings().is_empty(), "{compression}: {error}");
    }
}

#[test]
fn the_thread_ends_when_the_reader_is_dropped() {
    /// Endless, and counted.
    struct Zeros {
        bytes: Cursor<Vec<u8>>,
        _count: Arc<()>,
    }
    impl Read for Zeros {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            if self.bytes.position() == self.bytes.get_ref().len() as u64 {
                self.bytes.set_position(0);
            }
            self.bytes.read(into)
        }
    }
    for (compression, pack) in ALL {
        let count = Arc::new(());
        let endless = Zeros { bytes: Cursor::new(pack(&zeros(1))), _count: Arc::clone(&count) };
        let mut capture = CaptureFile::from_reader(endless, "endless", 0).unwrap();
        assert!(capture.next_record().unwrap().is_some());
        assert_eq!(Arc::strong_count(&count), 2);
        drop(capture);
        let begun = Instant::now();
        while Arc::strong_count(&count) > 1 {
            assert!(begun.elapsed() < Duration::from_secs(20), "{compression}: still unpacking");
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

#[test]
fn an_open_file_is_read_from_its_beginning_by_several_at_once() {
    let bytes = capture();
    let plain = read(&bytes);
    for packed in [bytes.clone(), gzip(&bytes)] {
        // Without a name, and with a position of its own.
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&packed).unwrap();
        let open = || ReadOptions::new().from_file(file.try_clone().unwrap(), "copy", 3).unwrap();
        let (mut one, mut other) = (open(), open());
        assert!(one.next_record().unwrap().is_some());
        assert!(drain(&mut other) == plain);
        assert!(one.next_record().unwrap().is_some_and(|r| r.data == plain.packets[1].data));
        if one.is_seekable() {
            let place = one.position();
            other.seek(&place).unwrap();
            assert_eq!(other.next_record().unwrap().map(|r| r.frame.number()), Some(3));
        }
        assert_eq!((one.name(), one.is_seekable()), ("copy", packed == bytes));
    }
}

#[test]
#[cfg(unix)]
fn fifo() {
    let bytes = capture();
    let plain = read(&bytes);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fifo");
    let made = Command::new("mkfifo").arg(&path).status();
    assert!(made.is_ok_and(|status| status.success()));
    let packed = ALL.map(|(_, pack)| pack(&bytes));
    for bytes in [&bytes].into_iter().chain(&packed) {
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut pipe = OpenOptions::new().write(true).open(&path).unwrap();
                for part in bytes.chunks(997) {
                    pipe.write_all(part).unwrap();
                }
            });
            let mut capture = CaptureFile::open(&path, 3).unwrap();
            assert!(drain(&mut capture) == plain && !capture.is_seekable());
        });
    }
}

#[test]
fn what_the_real_tools_write_is_read() {
    let bytes = capture();
    let plain = read(&bytes);
    let (folder, path) = save(&bytes);
    let mut skipped = Vec::new();
    for (tool, options, compression) in TOOLS {
        let Some(packed) = run(tool, options, &path) else {
            skipped.push(tool);
            continue;
        };
        let name = format!("{tool} {options}");
        let packed_path = folder.path().join("packed");
        std::fs::write(&packed_path, &packed).unwrap();
        let mut capture = CaptureFile::open(&packed_path, 3).unwrap();
        assert_eq!(capture.compression(), *compression, "{name}");
        assert!(drain(&mut capture) == plain, "{name}");
        let twice = [&packed[..], &packed[..packed.len() / 2]].concat();
        let outcome = drain(&mut open(&twice).unwrap());
        assert!(outcome.packets.starts_with(&plain.packets), "{name}, one and a half times");
        assert!(outcome.kinds().last().is_some_and(|k| k.ends_the_file()), "{name}: no end told");
    }
    println!("not installed: {skipped:?}");
}

/// What a tool makes of a file; nothing where it is not installed.
fn run(tool: &str, options: &str, path: &Path) -> Option<Vec<u8>> {
    let file = File::open(path).unwrap();
    let mut command = Command::new(tool);
    command.args(options.split_whitespace()).stdin(file).stderr(Stdio::inherit());
    let output = command.output().ok()?;
    assert!(output.status.success(), "{tool} {options}");
    Some(output.stdout)
}

const TOOLS: &[(&str, &str, Compression)] = &[
    ("gzip", "-c -1", Compression::Gzip),
    ("gzip", "-c -9", Compression::Gzip),
    ("pigz", "-c -b 128 -p 2", Compression::Gzip),
    ("zstd", "-c -q -1 --no-check", Compression::Zstd),
    ("zstd", "-c -q -19", Compression::Zstd),
    ("zstd", "-c -q -3 --long=27", Compression::Zstd),
    ("zstd", "-c -q -3 -B100000 -T2", Compression::Zstd),
    ("pzstd", "-c -q -p 2", Compression::Zstd),
    ("lz4", "-c -q", Compression::Lz4),
    ("lz4", "-c -q -9 -B4 -BD -BX", Compression::Lz4),
    ("lz4", "-c -q --content-size --no-frame-crc -B5", Compression::Lz4),
    ("xz", "-c -6", Compression::Xz),
    ("xz", "-c -2e --check=sha256", Compression::Xz),
    ("xz", "-c -0 --block-size=100000 --check=crc32 -T2", Compression::Xz),
    ("xz", "-c --check=none --delta=dist=4 --lzma2=preset=1", Compression::Xz),
];
