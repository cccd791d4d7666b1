//! Defects of pcap-parser 0.17 that must not become ours (P1 to P10 in the project's reliability notes). P3, P5 and P7
//! also have unit tests.

use crosscap_parser::{CaptureFile, WarningKind};
use crosscap_testkit::{InterfaceBlock, PcapNgWriter, PcapWriter};

use crate::{drain, dribble, open, read};

#[test]
fn p1_captured_length_above_the_block_loses_one_packet_only() {
    let mut writer = PcapNgWriter::new();
    writer.interface(&InterfaceBlock::new()).packet(0, 1, &[1]);
    writer.enhanced_packet(0, 2, (5000, 5000), &[2; 8], &[]).packet(0, 3, &[3]);
    assert_eq!(read(&writer.into_bytes()).times(), [1000, 3000]);
}

#[test]
fn p2_no_memory_for_a_lying_length() {
    let mut writer = PcapWriter::new();
    writer.packet(1, &[1]).record(2, 0, u32::MAX, 60, &[0; 64]);
    let outcome = read(&writer.into_bytes());
    assert_eq!((outcome.packets.len(), outcome.kinds()), (1, vec![WarningKind::DamagedRecord]));
}

#[test]
fn p3_base2_tsresol_is_understood() {
    let mut writer = PcapNgWriter::new();
    writer.interface(&InterfaceBlock::new().tsresol(0x80 | 20)).packet(0, 3 << 19, &[1]);
    let outcome = read(&writer.into_bytes());
    assert_eq!((outcome.times(), outcome.warnings.len()), (vec![1_500_000_000], 0));
}

#[test]
fn p4_tsoffset_has_the_byte_order_of_its_section_and_a_sign() {
    for big_endian in [false, true] {
        for offset in [5, -5] {
            let mut writer = PcapNgWriter::default();
            writer.section(big_endian).interface(&InterfaceBlock::new().tsoffset(offset));
            writer.packet(0, 7_000_000, &[1]);
            assert_eq!(read(&writer.into_bytes()).times(), [(7 + offset) * 1_000_000_000]);
        }
    }
}

#[test]
fn p5_fine_fractions_and_far_offsets() {
    let mut writer = PcapNgWriter::new();
    writer.interface(&InterfaceBlock::new().tsresol(12)).packet(0, 1_999_999_999_999, &[1]);
    writer.interface(&InterfaceBlock::new().tsoffset(i64::MIN)).packet(1, 1, &[1]);
    assert_eq!(read(&writer.into_bytes()).times(), [1_999_999_999, i64::MIN]);
}

#[test]
fn p6_simple_packets_are_cut_to_the_snap_length() {
    let mut writer = PcapNgWriter::new();
    // Three bytes of ten; the fourth is padding.
    writer.interface(&InterfaceBlock::new().snap_len(3)).simple_packet(10, &[1, 2, 3]);
    let packet = &read(&writer.into_bytes()).packets[0];
    assert_eq!((&packet.data[..], packet.original_len), (&[1, 2, 3][..], 10));

    // No snap length, so all ten should be there.
    let mut writer = PcapNgWriter::new();
    writer.interface(&InterfaceBlock::new()).simple_packet(10, &[1, 2, 3]);
    assert_eq!(read(&writer.into_bytes()).kinds(), [WarningKind::BadBlock]);
}

#[test]
fn p7_options_behind_the_end_do_not_count() {
    let mut writer = PcapNgWriter::new();
    let interface = InterfaceBlock::new().name("abc").tsresol(9).option(0, &[]).tsresol(6);
    writer.interface(&interface).packet(0, 5, &[1]);
    let mut capture = open(&writer.into_bytes()).unwrap();
    assert_eq!(drain(&mut capture).times(), [5]);
    assert_eq!(capture.interfaces()[0].name(), Some("abc"));
}

#[test]
fn p8_both_lengths_of_every_block_are_compared() {
    for kind in [0x0a0d_0d0a, 3, 9, 0x1234, 6, 1, 4, 10, 0xbad] {
        for (len, trailer) in [(32, 36), (31, 31), (30, 30)] {
            let mut body = [0; 20];
            body[..8].copy_from_slice(&[0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0]);
            let mut writer = PcapNgWriter::new();
            writer.interface(&InterfaceBlock::new()).packet(0, 1, &[1]);
            writer.lying_block(kind, len, &body, trailer).packet(0, 2, &[2]);
            let outcome = read(&writer.into_bytes());
            assert_eq!(outcome.times(), [1000], "{kind:x} {len}");
            assert_eq!(outcome.kinds(), [WarningKind::DamagedRecord]);
        }
    }
}

#[test]
fn p9_short_first_reads_and_long_section_headers() {
    let comment: Vec<u8> = [1, 0, 0xfc, 0xff].into_iter().chain([b'c'; 65_532]).collect();
    let mut pcapng = PcapNgWriter::default();
    pcapng.section_with(false, (1, 0), &comment.repeat(5));
    pcapng.interface(&InterfaceBlock::new()).packet(0, 1, &[1]);
    let mut pcap = PcapWriter::new();
    pcap.packet(1000, &[1]);
    for bytes in [pcapng.into_bytes(), pcap.into_bytes()] {
        let mut capture = CaptureFile::from_reader(dribble(&bytes), "pipe", 3).unwrap();
        assert_eq!(drain(&mut capture).times(), [1000]);
    }
}

#[test]
fn p10_a_bad_block_is_passed_and_sections_have_their_own_interfaces() {
    let mut writer = PcapNgWriter::new();
    writer.interface(&InterfaceBlock::new().tsresol(9)).packet(3, 1, &[1]).packet(0, 2, &[2]);
    writer.section(true).interface(&InterfaceBlock::new().tsresol(3)).packet(0, 3, &[3]);
    let outcome = read(&writer.into_bytes());
    assert_eq!(outcome.times(), [2, 3_000_000]);
    assert_eq!(outcome.kinds(), [WarningKind::BadBlock]);
}
