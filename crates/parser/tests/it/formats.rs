//! Every honest format.

use crosscap_packet::LinkType;
use crosscap_parser::{Compression, Format, WarningKind};
use crosscap_testkit::{InterfaceBlock, PcapNgWriter, PcapWriter, TcpFrame, gzip};
use proptest::prelude::*;

use crate::{drain, open, read};

const T: u64 = 1_700_000_000_123_456_789;

#[test]
fn every_pcap_variant() {
    let frame = TcpFrame::new("10.1.0.2:40422", "10.96.0.10:80").ethernet();
    for (writer, format, nanos) in [
        (PcapWriter::new(), Format::Pcap, T / 1000 * 1000),
        (PcapWriter::new().nanos(), Format::PcapNanos, T),
        (PcapWriter::new().modified(), Format::PcapModified, T / 1000 * 1000),
    ] {
        for mut writer in [writer.clone(), writer.big_endian()] {
            writer.packet(T, &frame).cut_packet(T + 1_000_000, &frame[..20], 9000);
            let bytes = writer.into_bytes();
            let mut capture = open(&bytes).unwrap();
            assert_eq!(capture.format(), format);
            assert_eq!(capture.link_types(), [LinkType::ETHERNET]);
            assert_eq!(capture.snap_len(), 262_144);
            let outcome = drain(&mut capture);
            assert_eq!(outcome, read(&bytes));
            assert_eq!(outcome.warnings, []);
            let [whole, cut] = &outcome.packets[..] else { panic!("{outcome:?}") };
            assert_eq!((whole.number, whole.nanos, whole.offset), (1, nanos as i64, 24));
            assert_eq!((&whole.data, whole.original_len), (&frame, frame.len() as u32));
            assert_eq!((cut.number, cut.nanos), (2, nanos as i64 + 1_000_000));
            assert_eq!((&cut.data[..], cut.original_len), (&frame[..20], 9000));
            assert_eq!((cut.link_type, cut.snap_len, cut.interface), (1, 262_144, 0));
        }
    }
}

#[test]
fn frame_check_bits_are_not_the_link_type() {
    let mut writer = PcapWriter::new().network(0x5400_0071);
    writer.packet(T, &[1]);
    assert_eq!(read(&writer.into_bytes()).packets[0].link_type, 113);
}

#[test]
fn before_version_2_4_the_smaller_length_is_the_captured_one() {
    let mut writer = PcapWriter::new().version(2, 2);
    writer.record(1, 0, 100, 2, &[8, 9]).record(2, 0, 2, 100, &[8, 9]);
    let outcome = read(&writer.into_bytes());
    let lengths: Vec<_> = outcome.packets.iter().map(|p| (p.data.len(), p.original_len)).collect();
    assert_eq!((lengths, outcome.warnings.len()), (vec![(2, 100), (2, 100)], 0));
}

#[test]
fn every_pcapng_packet_block_in_both_orders() {
    for mut writer in [PcapNgWriter::new(), PcapNgWriter::new_big_endian()] {
        writer
            .interface(&InterfaceBlock::new().name("eth0").snap_len(4).tsresol(9))
            .interface(&InterfaceBlock::new().link_type(101))
            .packet(0, T, &[1, 2, 3])
            .enhanced_packet(1, T / 1000, (5, 60), &[4, 5, 6, 7, 8], &[])
            .obsolete_packet(1, T / 1000, &[9])
            .simple_packet(50, &[1, 2, 3, 4]);
        let bytes = writer.into_bytes();
        let mut capture = open(&bytes).unwrap();
        assert_eq!((capture.format(), capture.interfaces().len()), (Format::PcapNg, 0));
        let outcome = drain(&mut capture);
        assert_eq!(capture.interfaces()[0].name(), Some("eth0"));
        assert_eq!(capture.interfaces()[1].name(), None);
        assert_eq!(capture.link_types(), [LinkType::ETHERNET, LinkType::RAW]);
        assert_eq!(capture.snap_len(), 4);
        assert_eq!(outcome, read(&bytes));

        let micros = (T / 1000 * 1000) as i64;
        assert_eq!(outcome.times(), [T as i64, micros, micros, 0]);
        let kept: Vec<_> = outcome
            .packets
            .iter()
            .map(|p| (p.interface, p.link_type, p.snap_len, p.original_len, p.data.len()))
            .collect();
        assert_eq!(
            kept,
            [(0, 1, 4, 3, 3), (1, 101, 0, 60, 5), (1, 101, 0, 1, 1), (0, 1, 4, 50, 4)]
        );
        assert_eq!(outcome.kinds(), [WarningKind::TimeDisorder, WarningKind::UnknownTimestamp]);
    }
}

#[test]
fn sections_change_byte_order_and_number_interfaces_anew() {
    let eth = InterfaceBlock::new().name("eth0");
    let tun = InterfaceBlock::new().name("tun0").link_type(101);
    let mut writer = PcapNgWriter::new();
    writer.interface(&eth).packet(0, 1, &[1]).section(true).interface(&tun).packet(0, 2, &[2]);
    writer.section(false).interface(&eth).packet(0, 3, &[3]);
    let outcome = read(&writer.into_bytes());
    let kept: Vec<_> =
        outcome.packets.iter().map(|p| (p.interface, p.link_type, p.nanos)).collect();
    assert_eq!(kept, [(0, 1, 1000), (1, 101, 2000), (2, 1, 3000)]);
    assert_eq!(outcome.warnings, []);
}

#[test]
fn drops_told_by_the_capturing_host_are_told() {
    let mut writer = PcapNgWriter::new();
    writer.interface(&InterfaceBlock::new()).packet(0, 1, &[1]);
    writer.statistics(0, 0, 0).statistics(0, u64::MAX, 3).statistics(0, 4, 5);
    let mut capture = open(&writer.into_bytes()).unwrap();
    drain(&mut capture);
    let [warning] = capture.warnings() else { panic!("{:?}", capture.warnings()) };
    assert_eq!((warning.kind.id(), warning.count), ("capture-drops", 9));
    assert_eq!(warning.interface, Some(0));
}

#[test]
fn frame_numbers_are_those_of_wireshark() {
    let mut writer = PcapNgWriter::new();
    writer.interface(&InterfaceBlock::new()).packet(0, 1, &[1]);
    // Custom, journal, then an unknown block, which has no number.
    writer.custom(32_473, b"abc").block(9, b"MESSAGE=x").block(0x0bad_f00d, &[0; 8]);
    writer.packet(0, 2, &[2]);
    let mut capture = open(&writer.into_bytes()).unwrap();
    let numbers: Vec<_> = drain(&mut capture).packets.iter().map(|p| p.number).collect();
    assert_eq!((numbers, capture.frames()), (vec![1, 4], 4));
}

#[test]
fn gzip_of_several_members() {
    let mut writer = PcapWriter::new();
    for i in 0..1000 {
        writer.packet(T + i * 1000, &[i as u8; 500]);
    }
    let bytes = writer.into_bytes();
    let (front, back) = bytes.split_at(300_001);
    let zipped = [gzip(front), gzip(back)].concat();
    let mut capture = open(&zipped).unwrap();
    assert_eq!((capture.compression(), capture.is_seekable()), (Compression::Gzip, false));
    assert_eq!(drain(&mut capture), read(&bytes));
    assert_eq!(read(&zipped), read(&bytes));
}

/// One written packet: time in ns, data, bytes cut off.
fn packets() -> impl Strategy<Value = Vec<(u64, Vec<u8>, u32)>> {
    let packet = (0..u64::from(u32::MAX) * 1_000_000_000, any::<Vec<u8>>(), 0..2000_u32);
    prop::collection::vec(packet, 0..20)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn what_was_written_is_read(packets in packets(), big_endian: bool, zipped: bool) {
        let mut pcap = PcapWriter::new().nanos();
        let mut pcapng = PcapNgWriter::default();
        pcapng.section(big_endian).interface(&InterfaceBlock::new().tsresol(9));
        if big_endian {
            pcap = pcap.big_endian();
        }
        for (nanos, data, cut) in &packets {
            let len = data.len() as u32;
            pcap.cut_packet(*nanos, data, len + cut);
            pcapng.enhanced_packet(0, *nanos, (len, len + cut), data, &[]);
        }
        for bytes in [pcap.into_bytes(), pcapng.into_bytes()] {
            let bytes = if zipped { gzip(&bytes) } else { bytes };
            let outcome = drain(&mut open(&bytes).unwrap());
            prop_assert_eq!(outcome.packets.len(), packets.len());
            for (read, (nanos, data, cut)) in outcome.packets.iter().zip(&packets) {
                prop_assert_eq!(read.nanos, *nanos as i64);
                prop_assert_eq!(&read.data, data);
                prop_assert_eq!(read.original_len, data.len() as u32 + cut);
            }
        }
    }
}
