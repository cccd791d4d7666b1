//! Large captures, always the same: 4096 connections that send and acknowledge, a tenth of them over IPv6.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// A capture file and what is in it.
pub(crate) struct Capture {
    /// File name, such as `big.pcap`.
    pub(crate) name: String,
    pub(crate) path: PathBuf,
    pub(crate) packets: u64,
    /// Length of the file in bytes.
    pub(crate) len: u64,
    /// Whether packets are cut to the snap length.
    pub(crate) is_cut: bool,
}

/// Two captures in both formats, each of `size` bytes or a little more: packets captured whole (755 bytes on average),
/// and cut to 128 bytes (99 on average). Those that lie there already are taken.
pub(crate) fn captures(size: u64) -> io::Result<Vec<Capture>> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../bench-data");
    fs::create_dir_all(&folder)?;
    let mut captures = Vec::new();
    for (name, snap_len, mean) in [("big", 262_144, 760), ("small", 128, 112)] {
        let packets = size / mean;
        for format in [Format::Pcap, Format::PcapNg] {
            let name = format!("{name}.{}", format.extension());
            let path = folder.join(format!("{packets}-{name}"));
            if !path.exists() {
                let partial = path.with_extension("partial");
                write(&partial, format, snap_len, packets)?;
                fs::rename(partial, &path)?;
            }
            let len = fs::metadata(&path)?.len();
            assert!(len >= size, "{name} has {len} bytes");
            captures.push(Capture { name, path, packets, len, is_cut: snap_len == 128 });
        }
    }
    Ok(captures)
}

#[derive(Clone, Copy)]
enum Format {
    Pcap,
    PcapNg,
}

impl Format {
    const fn extension(self) -> &'static str {
        match self {
            Self::Pcap => "pcap",
            Self::PcapNg => "pcapng",
        }
    }
}

fn write(path: &Path, format: Format, snap_len: u32, packets: u64) -> io::Result<()> {
    let mut file = BufWriter::with_capacity(1 << 20, File::create(path)?);
    match format {
        Format::Pcap => {
            words(&mut file, &[0xa1b2_3c4d, 4 << 16 | 2, 0, 0, snap_len, 1])?;
        }
        Format::PcapNg => {
            words(&mut file, &[0x0a0d_0d0a, 28, 0x1a2b_3c4d, 1, u32::MAX, u32::MAX, 28])?;
            // One interface, in nanoseconds.
            words(&mut file, &[1, 32, 1, snap_len, 1 << 16 | 9, 9, 0, 32])?;
        }
    }
    let mut traffic = Traffic::new();
    let mut nanos: u64 = 1_700_000_000_000_000_000;
    for _ in 0..packets {
        nanos += traffic.random.below(20_000);
        let frame = traffic.next();
        let (original, data) = (frame.len() as u32, &frame[..frame.len().min(snap_len as usize)]);
        let captured = data.len() as u32;
        match format {
            Format::Pcap => {
                let (seconds, fraction) = (nanos / 1_000_000_000, nanos % 1_000_000_000);
                words(&mut file, &[seconds as u32, fraction as u32, captured, original])?;
                file.write_all(data)?;
            }
            Format::PcapNg => {
                let padding = captured.next_multiple_of(4) - captured;
                let len = 32 + captured + padding;
                let (high, low) = ((nanos >> 32) as u32, nanos as u32);
                words(&mut file, &[6, len, 0, high, low, captured, original])?;
                file.write_all(data)?;
                file.write_all(&[0; 3][..padding as usize])?;
                words(&mut file, &[len])?;
            }
        }
    }
    file.into_inner()?.sync_all()
}

fn words(to: &mut impl Write, words: &[u32]) -> io::Result<()> {
    words.iter().try_for_each(|word| to.write_all(&word.to_le_bytes()))
}

/// Makes frames: half of them full or nearly so, half acknowledgements. Checksums are left 0.
struct Traffic {
    random: Random,
    connections: Vec<[u32; 2]>,
    noise: Vec<u8>,
    frame: Vec<u8>,
    current: usize,
}

impl Traffic {
    fn new() -> Self {
        let mut random = Random(0x9e37_79b9_7f4a_7c15);
        let connections = (0..4096).map(|_| [random.next() as u32, random.next() as u32]).collect();
        let noise = (0..NOISE).map(|_| random.next() as u8).collect();
        Self { random, connections, noise, frame: Vec::with_capacity(1600), current: 0 }
    }

    fn next(&mut self) -> &[u8] {
        if self.random.below(4) == 0 {
            self.current = self.random.below(4096) as usize;
        }
        let (payload, towards) = match self.random.below(20) {
            0..9 => (1448, 1),
            9 => (self.random.below(1448) as usize, 1),
            _ => (0, 0),
        };
        let number = self.current as u32;
        let client = (0x0a01_0000 + number / 64, 40_000 + (number % 20_000) as u16);
        let server = (0x0a60_0000 + number % 16, 443);
        let [from, to] = if towards == 0 { [client, server] } else { [server, client] };
        let numbers = &mut self.connections[self.current];
        let (seq, ack) = (numbers[towards], numbers[1 - towards]);
        numbers[towards] = seq.wrapping_add(payload as u32);

        let frame = &mut self.frame;
        frame.clear();
        frame.extend([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2]);
        let len = 32 + payload as u16;
        if number.is_multiple_of(10) {
            frame.extend([0x86, 0xdd, 0x60, 0, 0, 0]);
            frame.extend(len.to_be_bytes());
            frame.extend([6, 64]);
            for (address, _) in [from, to] {
                frame.extend([0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0]);
                frame.extend(address.to_be_bytes());
            }
        } else {
            frame.extend([8, 0, 0x45, 0]);
            frame.extend((20 + len).to_be_bytes());
            frame.extend([seq as u8, ack as u8, 0x40, 0, 64, 6, 0, 0]);
            frame.extend(from.0.to_be_bytes());
            frame.extend(to.0.to_be_bytes());
        }
        frame.extend(from.1.to_be_bytes());
        frame.extend(to.1.to_be_bytes());
        frame.extend(seq.to_be_bytes());
        frame.extend(ack.to_be_bytes());
        // 32 bytes of header, ACK; the timestamps option.
        frame.extend([0x80, 0x10, 0xff, 0xff, 0, 0, 0, 0, 1, 1, 8, 10]);
        frame.extend(seq.rotate_left(8).to_be_bytes());
        frame.extend(ack.rotate_left(8).to_be_bytes());
        let at = self.random.below((NOISE - 1448) as u64) as usize;
        frame.extend_from_slice(&self.noise[at..at + payload]);
        frame
    }
}

/// Marsaglia's xorshift.
struct Random(u64);

impl Random {
    const fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 >> 16
    }

    const fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }
}

const NOISE: usize = 64 << 10;
