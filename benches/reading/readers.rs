//! What is compared: each reads a whole file and tells how many packets it saw.

use std::fs::File;
use std::hint::black_box;
use std::io::Read;
use std::path::Path;
use std::process::Command;

use crosscap_benches::Capture;
use crosscap_packet::Decoded;
use crosscap_parser::CaptureFile;
use etherparse::{LaxSlicedPacket, TransportSlice};
use pcap_file::pcap::PcapReader;
use pcap_file::pcapng::{Block as PcapFileBlock, PcapNgReader as PcapFileNgReader};
use pcap_parser::traits::{PcapNGPacketBlock, PcapReaderIterator};
use pcap_parser::{Block, LegacyPcapReader, PcapBlockOwned, PcapError, PcapNGReader};

/// Reads a capture; what it returns is the number of its packets.
pub(crate) type Reader = fn(&Path) -> u64;

/// The readers for a capture; the first is the floor: it returns bytes.
pub(crate) fn readers(capture: &Capture) -> Vec<(&'static str, Reader)> {
    let is_pcapng = capture.name.ends_with("ng");
    let mut readers: Vec<(&str, Reader)> = vec![
        ("floor", floor),
        ("crosscap", crosscap),
        ("pcap-parser", if is_pcapng { pcap_parser_ng } else { pcap_parser }),
    ];
    readers.push(match (is_pcapng, capture.is_cut) {
        (true, _) => ("pcap-file", pcap_file_ng),
        (false, false) => ("pcap-file", pcap_file),
        (false, true) => {
            assert!(pcap_file_refuses(&capture.path), "no need for the raw records any more");
            ("pcap-file (raw)", pcap_file_raw)
        }
    });
    #[cfg(feature = "libpcap")]
    readers.push(("libpcap", libpcap));
    if Command::new("capinfos").arg("-v").output().is_ok() {
        readers.push((CAPINFOS, capinfos));
    }
    readers.push(("crosscap, decode", crosscap_decode));
    readers.push((
        "pcap-parser, etherparse",
        if is_pcapng { pcap_parser_ng_etherparse } else { pcap_parser_etherparse },
    ));
    readers
}

fn open(path: &Path) -> File {
    File::open(path).expect("a capture")
}

/// What `cat FILE >/dev/null` does, in blocks that stay in the cache.
fn floor(path: &Path) -> u64 {
    let (mut file, mut block, mut len) = (open(path), vec![0; BLOCK], 0);
    loop {
        match file.read(&mut block).expect("a readable capture") {
            0 => return len,
            n => len += black_box(&block[..n]).len() as u64,
        }
    }
}

fn crosscap(path: &Path) -> u64 {
    let mut capture = CaptureFile::open(path, 0).expect("a capture");
    while let Some(record) = capture.next_record().expect("a readable capture") {
        black_box(record.data);
    }
    assert_eq!(capture.warnings(), []);
    capture.packets()
}

fn crosscap_decode(path: &Path) -> u64 {
    let mut capture = CaptureFile::open(path, 0).expect("a capture");
    let mut segments = 0;
    while let Some(record) = capture.next_record().expect("a readable capture") {
        let decoded = crosscap_packet::decode(record.link_type, record.data, record.original_len);
        segments += u64::from(matches!(black_box(&decoded), Decoded::Tcp(_)));
    }
    segments
}

fn pcap_parser(path: &Path) -> u64 {
    walk(LegacyPcapReader::new(BLOCK, open(path)).expect("a capture"), |_| true)
}

fn pcap_parser_ng(path: &Path) -> u64 {
    walk(PcapNGReader::new(BLOCK, open(path)).expect("a capture"), |_| true)
}

fn pcap_parser_etherparse(path: &Path) -> u64 {
    walk(LegacyPcapReader::new(BLOCK, open(path)).expect("a capture"), is_tcp)
}

fn pcap_parser_ng_etherparse(path: &Path) -> u64 {
    walk(PcapNGReader::new(BLOCK, open(path)).expect("a capture"), is_tcp)
}

/// The fast way: data is moved in the buffer only to refill it.
fn walk(mut reader: impl PcapReaderIterator, count: impl Fn(&[u8]) -> bool) -> u64 {
    let mut packets = 0;
    loop {
        match reader.next() {
            Ok((len, block)) => {
                let data = match &block {
                    PcapBlockOwned::Legacy(record) => Some(record.data),
                    PcapBlockOwned::NG(Block::EnhancedPacket(packet)) => Some(packet.packet_data()),
                    _ => None,
                };
                packets += u64::from(black_box(data).is_some_and(&count));
                reader.consume_noshift(len);
            }
            Err(PcapError::Incomplete(_)) => reader.refill().expect("a readable capture"),
            Err(PcapError::Eof) => return packets,
            Err(e) => panic!("{e:?}"),
        }
    }
}

fn is_tcp(data: &[u8]) -> bool {
    let packet = LaxSlicedPacket::from_ethernet(data).expect("an Ethernet header");
    matches!(black_box(&packet).transport, Some(TransportSlice::Tcp(_)))
}

fn pcap_file(path: &Path) -> u64 {
    let mut reader = PcapReader::new(open(path)).expect("a capture");
    let mut packets = 0;
    while let Some(packet) = reader.next_packet() {
        black_box(&packet.expect("a whole packet").data);
        packets += 1;
    }
    packets
}

/// It takes no packet that is longer than the snap length, except without looking at it.
fn pcap_file_refuses(path: &Path) -> bool {
    let mut reader = PcapReader::new(open(path)).expect("a capture");
    while let Some(packet) = reader.next_packet() {
        if packet.is_err() {
            return true;
        }
    }
    false
}

fn pcap_file_raw(path: &Path) -> u64 {
    let mut reader = PcapReader::new(open(path)).expect("a capture");
    let mut packets = 0;
    while let Some(packet) = reader.next_raw_packet() {
        black_box(&packet.expect("a whole packet").data);
        packets += 1;
    }
    packets
}

fn pcap_file_ng(path: &Path) -> u64 {
    let mut reader = PcapFileNgReader::new(open(path)).expect("a capture");
    let mut packets = 0;
    while let Some(block) = reader.next_block() {
        let block = block.expect("a whole block");
        packets += u64::from(matches!(black_box(&block), PcapFileBlock::EnhancedPacket(_)));
    }
    packets
}

#[cfg(feature = "libpcap")]
fn libpcap(path: &Path) -> u64 {
    let mut capture = pcap::Capture::from_file(path).expect("a capture");
    let mut packets = 0;
    loop {
        match capture.next_packet() {
            Ok(packet) => {
                black_box(packet.data);
                packets += 1;
            }
            Err(pcap::Error::NoMorePackets) => return packets,
            Err(e) => panic!("{e}"),
        }
    }
}

/// The whole process.
fn capinfos(path: &Path) -> u64 {
    // -M: without "k" for thousands; -T, -r: a line of tab-separated values, no header.
    let output = Command::new("capinfos").args(["-TrcM"]).arg(path).output().expect("installed");
    let text = String::from_utf8_lossy(&output.stdout);
    text.split_whitespace().last().and_then(|n| n.parse().ok()).expect("a number of packets")
}

pub(crate) const CAPINFOS: &str = "capinfos -c";
const BLOCK: usize = 256 << 10;
