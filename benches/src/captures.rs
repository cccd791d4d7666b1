//! Capture files of any size.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::short::{self, Short};
use crate::steady::{self, Steady};

/// A capture file and what is in it.
#[derive(Debug)]
pub struct Capture {
    /// Such as `big.pcap`.
    pub name: String,
    /// The file.
    pub path: PathBuf,
    /// How many packets it has, all of them TCP.
    pub packets: u64,
    /// How many connections they belong to.
    pub connections: u64,
    /// Length of the file in bytes.
    pub len: u64,
    /// Whether packets are cut to the snap length.
    pub is_cut: bool,
}

/// What is in a capture.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Traffic {
    /// 4096 connections all the time, captured whole: 755 bytes on average.
    Big,
    /// The same, cut to 128 bytes: 99 on average.
    Small,
    /// A connection for every 12 packets, with loss, repetition and reordering, cut to 128 bytes: 89 on average.
    Short,
}

impl Traffic {
    const fn name(self) -> &'static str {
        match self {
            Self::Big => "big",
            Self::Small => "small",
            Self::Short => "short",
        }
    }

    const fn snap_len(self) -> u32 {
        if matches!(self, Self::Big) { 262_144 } else { 128 }
    }

    /// So many that they take `size` bytes or a little more.
    const fn packets(self, size: u64) -> u64 {
        match self {
            Self::Big => size / 760,
            Self::Small => size / 112,
            Self::Short => size / 104 / short::SLOT * short::SLOT,
        }
    }
}

/// How a capture is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Format {
    /// Classic, with nanoseconds.
    Pcap,
    /// One interface, with nanoseconds.
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

/// A capture of `size` bytes or a little more; one that lies in the folder already is taken.
///
/// # Errors
///
/// Where the file cannot be written.
///
/// # Panics
///
/// Where the file is too short: packets are smaller than was thought.
pub fn capture(folder: &Path, traffic: Traffic, format: Format, size: u64) -> io::Result<Capture> {
    fs::create_dir_all(folder)?;
    let packets = traffic.packets(size);
    let name = format!("{}.{}", traffic.name(), format.extension());
    let path = folder.join(format!("{packets}-{name}"));
    if !path.exists() {
        let partial = path.with_extension("partial");
        write(&partial, traffic, format, packets)?;
        fs::rename(partial, &path)?;
    }
    let len = fs::metadata(&path)?.len();
    assert!(len >= size, "{name} has {len} bytes");
    let connections = match traffic {
        Traffic::Big | Traffic::Small => steady::connections(packets),
        Traffic::Short => short::connections(packets),
    };
    Ok(Capture { name, path, packets, connections, len, is_cut: traffic != Traffic::Big })
}

enum Source {
    Steady(Steady),
    Short(Short),
}

fn write(path: &Path, traffic: Traffic, format: Format, packets: u64) -> io::Result<()> {
    let mut file = BufWriter::with_capacity(1 << 20, File::create(path)?);
    let snap_len = traffic.snap_len();
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
    let mut source = match traffic {
        Traffic::Big | Traffic::Small => Source::Steady(Steady::new()),
        Traffic::Short => Source::Short(Short::new(packets)),
    };
    let mut nanos: u64 = 1_700_000_000_000_000_000;
    for _ in 0..packets {
        let (pause, frame) = match &mut source {
            Source::Steady(steady) => steady.next(),
            Source::Short(short) => short.next(),
        };
        nanos += pause;
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
