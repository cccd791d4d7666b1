//! A second look that starts in the middle.

use crosscap_parser::{CaptureFile, Checkpoint, Error, WarningKind};
use crosscap_testkit::{InterfaceBlock, PcapNgWriter, PcapWriter, gzip};

use crate::{Packet, drain, open, save};

/// Large enough for several blocks of reading, with a warning now and then.
fn captures() -> [Vec<u8>; 2] {
    let mut pcap = PcapWriter::new();
    let mut pcapng = PcapNgWriter::new();
    pcapng.interface(&InterfaceBlock::new());
    for i in 0..3000_u64 {
        let data = vec![i as u8; (i * 37 % 1500) as usize];
        pcap.packet(i * 1000, &data);
        pcapng.packet(0, i, &data);
        match i {
            700 => {
                pcap.packet(1000, &data);
                pcapng.packet(9, i, &data).interface(&InterfaceBlock::new().tsresol(9));
            }
            1500 => {
                pcapng.custom(1, &data).section(true).interface(&InterfaceBlock::new().tsresol(3));
            }
            _ => {}
        }
    }
    [pcap.into_bytes(), pcapng.into_bytes()]
}

#[test]
fn reading_on_from_anywhere_gives_the_same() {
    for bytes in captures() {
        let (_folder, path) = save(&bytes);
        let mut capture = CaptureFile::open(&path, 3).unwrap();
        let whole = drain(&mut capture);
        assert!(!whole.warnings.is_empty() && whole.packets.len() >= 3000);

        let mut first = CaptureFile::open(&path, 3).unwrap();
        let mut places: Vec<Checkpoint> = vec![first.position()];
        while first.next_record().unwrap().is_some() {
            places.push(first.position());
        }
        // In this file after its end, and in a new one, from the back to the front.
        for (read, place) in places.iter().enumerate().rev().step_by(97) {
            let mut second = CaptureFile::open(&path, 3).unwrap();
            second.seek(place).unwrap();
            assert_eq!(drain(&mut second).packets, whole.packets[read..], "{read}");
            first.seek(place).unwrap();
            assert_eq!(first.offset(), place.offset());
            let packet = first.next_record().unwrap().map(|r| (r.frame.number(), r.offset));
            let expected = whole.packets.get(read).map(|p: &Packet| (p.number, p.offset));
            assert_eq!(packet, expected);
        }
        let warnings = first.warnings().len();
        assert_eq!(warnings, whole.warnings.len(), "warned twice: {:?}", first.warnings());
    }
}

#[test]
fn one_record_by_its_offset() {
    let [bytes, _] = captures();
    let (_folder, path) = save(&bytes);
    let mut capture = CaptureFile::open(&path, 3).unwrap();
    let start = capture.position();
    let packets = drain(&mut capture).packets;
    for packet in packets.iter().rev().step_by(331) {
        capture.seek(&start.at_record(packet.offset, packet.number)).unwrap();
        let record = capture.next_record().unwrap().unwrap();
        assert_eq!((record.frame.number(), record.data), (packet.number, &packet.data[..]));
    }
}

#[test]
fn a_second_look_may_be_in_another_thread() {
    fn is_send<T: Send>() {}
    is_send::<CaptureFile>();
    is_send::<Checkpoint>();
}

#[test]
fn places_that_cannot_be() {
    let [pcap, pcapng] = captures();
    let mut zipped = open(&gzip(&pcap)).unwrap();
    let place = zipped.position();
    assert!(matches!(zipped.seek(&place), Err(Error::NotSeekable { .. })));

    let (_folder, path) = save(&pcap);
    let mut capture = CaptureFile::open(path, 3).unwrap();
    let other = open(&pcapng).unwrap().position();
    assert!(matches!(capture.seek(&other), Err(Error::ForeignCheckpoint { .. })));
    let beyond = capture.position().at_record(pcap.len() as u64 + 1, 1);
    assert!(matches!(capture.seek(&beyond), Err(Error::ForeignCheckpoint { .. })));
}

#[test]
fn a_zero_filled_tail_is_none_the_second_time_either() {
    let mut writer = PcapWriter::new();
    writer.packet(1_000_000_000, &[1; 60]).raw(&[0; 100]);
    let (_folder, path) = save(&writer.into_bytes());
    let mut capture = CaptureFile::open(path, 3).unwrap();
    let start = capture.position();
    let outcome = drain(&mut capture);
    assert_eq!((outcome.packets.len(), outcome.kinds()), (1, vec![WarningKind::DamagedRecord]));
    capture.seek(&start).unwrap();
    let mut packets = 0;
    while capture.next_record().unwrap().is_some() {
        packets += 1;
    }
    assert_eq!((packets, capture.warnings().len()), (1, 1));
}
