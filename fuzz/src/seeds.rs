//! Small inputs that are worth mutating: ours, and captures of other people where they are at hand.

use std::path::{Path, PathBuf};
use std::{env, fs};

use crosscap_parser::CaptureFile;
use crosscap_testkit::{InterfaceBlock, PcapNgWriter, PcapWriter, TcpFrame};

/// Writes seeds into the folder that the environment variable `CROSSCAP_SEEDS` names; without it, none.
pub(crate) fn write(make: fn() -> Vec<Vec<u8>>) {
    let Some(folder) = env::var_os("CROSSCAP_SEEDS").map(PathBuf::from) else { return };
    fs::create_dir_all(&folder).expect("a folder to write to");
    for (number, seed) in make().iter().enumerate() {
        fs::write(folder.join(format!("seed-{number}")), seed).expect("a folder to write to");
    }
}

/// Takes an input of a capture target apart: whether its lengths are to be mended, and the file.
pub fn options(data: &[u8]) -> (bool, &[u8]) {
    match data.split_last() {
        Some((&MEND, rest)) => (true, rest),
        _ => (false, data),
    }
}

/// For `pcap`.
pub fn pcap() -> Vec<Vec<u8>> {
    let writers = [
        PcapWriter::new(),
        PcapWriter::new().big_endian().nanos(),
        PcapWriter::new().modified(),
        PcapWriter::new().version(2, 3).network(101 | 4 << 28),
    ];
    let ours = writers.map(|mut writer| {
        for (number, frame) in frames().iter().enumerate() {
            let nanos = 1_700_000_000_000_000_000 + number as u64;
            writer.cut_packet(nanos, &frame.ethernet(), 1514);
        }
        writer.into_bytes()
    });
    with_mended(ours.into_iter().chain(captures(is_pcap)))
}

/// For `pcapng`.
pub fn pcapng() -> Vec<Vec<u8>> {
    let mut ours = PcapNgWriter::new();
    for big_endian in [false, true] {
        ours.section(big_endian)
            .interface(&InterfaceBlock::new().name("eth0").tsresol(9).snap_len(96))
            .interface(&InterfaceBlock::new().link_type(101).tsresol(0x94).tsoffset(-3600))
            .custom(32_473, b"custom");
        for frame in frames() {
            let data = frame.ethernet();
            ours.packet(0, 1_700_000_000_000_000_000, &data);
            ours.obsolete_packet(1, 1 << 50, &data)
                .simple_packet(1514, &data[..96.min(data.len())]);
        }
        ours.statistics(0, 2, 3);
    }
    with_mended([ours.into_bytes()].into_iter().chain(captures(|bytes| !is_pcap(bytes))))
}

/// For `decode`.
pub fn decode() -> Vec<Vec<u8>> {
    let seed = |link_type: u16, missing: u16, data: &[u8]| {
        [&link_type.to_be_bytes(), &missing.to_be_bytes(), data].concat()
    };
    let mut seeds = Vec::new();
    for frame in frames() {
        seeds.push(seed(1, 0, &frame.ethernet()));
        seeds.push(seed(1, 9, &frame.clone().vlan(7).ethernet()));
        seeds.push(seed(101, 0, &frame.ip()));
        seeds.push(seed(113, u16::MAX, &frame.linux_sll()));
        seeds.push(seed(276, 0, &frame.linux_sll2(2)));
        seeds.push(seed(0, 0, &[&[2, 0, 0, 0], &frame.ip()[..]].concat()));
    }
    for file in captures(|_| true) {
        let Ok(mut capture) = CaptureFile::from_reader(std::io::Cursor::new(file), "seed", 0)
        else {
            continue;
        };
        while let Ok(Some(record)) = capture.next_record() {
            let missing = (record.original_len as usize).saturating_sub(record.data.len());
            seeds.push(seed(record.link_type.0, missing.min(0xffff) as u16, record.data));
        }
    }
    seeds
}

/// For `defrag`: two limits, then eight bytes for each fragment, see [`Piece`](crate::datagram::Piece).
pub fn defrag() -> Vec<Vec<u8>> {
    let piece = |which, place, len, kind| [which, place, 0, len, 0, 1, kind, 0];
    // In order; the last one first; one twice and one with other bytes; one that is not captured whole; two datagrams.
    let lists: [&[[u8; 8]]; 5] = [
        &[piece(0, 0, 64, 1), piece(0, 8, 20, 0)],
        &[piece(1, 16, 9, 0), piece(1, 8, 64, 1), piece(1, 0, 64, 1)],
        &[piece(0, 0, 64, 1), piece(0, 0, 64, 1), piece(0, 4, 64, 3), piece(0, 12, 3, 0)],
        &[[0, 0, 0, 64, 160, 1, 1, 0], piece(0, 8, 64, 0)],
        &[piece(0, 0, 8, 1), piece(4, 0, 8, 1), piece(4, 1, 80, 0), piece(0, 1, 80, 0)],
    ];
    lists.iter().map(|list| [&[8, 2], list.as_flattened()].concat()).collect()
}

/// For `stream`.
pub fn stream() -> Vec<Vec<u8>> {
    let event = |what, place, len, flags, far, kind| [what, 0, place, len, 0, flags, far, kind];
    let data = |place, len, kind| event(0, place, len, 0, 0, kind);
    let (syn, ack) = (event(6, 0, 0, 0, 0, 0), |place| event(7, place, 0, 0, 0, 0));
    let probe = |place| event(0, place, 1, 1, 0, 0);
    let fin = |place, len| event(0, place, len, 0x10, 0, 0);
    // In order; with holes, backwards; overlaps that differ; probes and what lies around SYN and FIN; far away; cut.
    let lists: [&[[u8; 8]]; 6] = [
        &[syn, data(1, 20, 0), ack(21), data(21, 9, 0), fin(30, 0), ack(31)],
        &[data(90, 9, 0), data(40, 20, 0), ack(70), data(0, 30, 0)],
        &[syn, data(1, 30, 0), data(9, 30, 1), data(5, 4, 1), data(0, 60, 1)],
        &[probe(9), data(10, 5, 0), probe(14), syn, fin(15, 3), data(17, 9, 0)],
        &[data(0, 9, 0), event(0, 0, 9, 0, 200, 0), ack(9), event(0, 0, 9, 0, 215, 0)],
        &[[0, 0, 0, 40, 220, 0, 0, 0], data(30, 5, 0), event(0, 50, 9, 0x20, 0, 0)],
    ];
    let heads = [[0, 0, 0xff, 0xff, 0xff, 0xf0, 1, 9], [1, 131, 0, 0, 0, 0, 0, 99]];
    let with = |head: [u8; 8]| lists.map(|list| [&head, list.as_flattened()].concat());
    heads.into_iter().flat_map(with).collect()
}

fn frames() -> [TcpFrame; 4] {
    let syn = TcpFrame::new("10.1.0.2:40422", "10.96.0.10:80").flags("S").seq(7).mss(1460);
    let syn = syn.window_scale(7).timestamps(1, 0);
    let reply = syn.reply().flags("SA").seq(u32::MAX);
    let data = TcpFrame::new("[2001:db8::1]:443", "[2001:db8::2]:5000").seq(8).flags("A");
    [syn, reply, data.clone().payload(b"GET / HTTP/1.1\r\n\r\n"), data.flags("R")]
}

/// Each as it is, and with its lengths to be mended.
fn with_mended(seeds: impl Iterator<Item = Vec<u8>>) -> Vec<Vec<u8>> {
    seeds.flat_map(|seed| [[&seed[..], &[MEND]].concat(), seed]).collect()
}

/// Small captures of the shared corpus, where there is one.
fn captures(keep: fn(&[u8]) -> bool) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus/files")];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(folder) else { continue };
        let mut entries: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
        entries.sort();
        for path in entries {
            if path.is_dir() {
                folders.push(path);
            } else if fs::metadata(&path).is_ok_and(|meta| meta.len() <= SMALL)
                && let Ok(bytes) = fs::read(&path)
                && keep(&bytes)
            {
                found.push(bytes);
            }
        }
    }
    found
}

fn is_pcap(bytes: &[u8]) -> bool {
    !bytes.starts_with(&[0x0a, 0x0d, 0x0d, 0x0a])
}

const SMALL: u64 = 4 << 10;
const MEND: u8 = b'M';
