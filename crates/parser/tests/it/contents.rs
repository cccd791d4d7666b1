//! What files say besides packets.

use std::collections::HashMap;
use std::path::Path;
use std::process::Command;

use crosscap_packet::{LinkType, Timestamp};
use crosscap_parser::{CaptureFile, Format, PacketRecord, WarningKind};
use crosscap_testkit::{InterfaceBlock, PcapNgWriter, PcapWriter, SnoopWriter};

use crate::{corpus, drain, open, read};

#[test]
fn what_packets_say() {
    for mut writer in [PcapNgWriter::new(), PcapNgWriter::new_big_endian()] {
        let drops = writer.long(7);
        let options = writer.options(&[(1, b"first"), (4, &drops), (1, b"\xffx"), (0, b"")]);
        writer.interface(&InterfaceBlock::new());
        writer.enhanced_packet(0, 1, (3, 3), &[1, 2, 3], &options).packet(0, 2, &[1]);
        writer.enhanced_packet(0, 3, (0, 0), &[], &options[..12]);
        let flags: &[u8] = if drops[0] == 0 { &[0, 0, 0, 2] } else { &[2, 0, 0, 0] };
        let flags = writer.options(&[(2, flags), (0, b"")]);
        writer.enhanced_packet(0, 4, (1, 1), &[1], &flags).simple_packet(1, &[1]);
        writer.obsolete_packet(0, 5, &[1]);
        let mut capture = open(&writer.into_bytes()).unwrap();
        let mut said = Vec::new();
        while let Some(record) = capture.next_record().unwrap() {
            let comments: Vec<_> = record.comments().map(|c| c.into_owned()).collect();
            said.push((comments, record.drop_count(), record.flags()));
        }
        let texts = |texts: &[&str]| texts.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>();
        let nothing = (vec![], None, None);
        assert_eq!(said[0], (texts(&["first", "\u{fffd}x"]), Some(7), None));
        assert_eq!((&said[1], &said[4]), (&nothing, &nothing));
        assert_eq!(said[2].0, texts(&["first"]));
        assert_eq!((&said[3], &said[5]), (&(vec![], None, Some(2)), &(vec![], Some(0), None)));
    }
    let mut pcap = PcapWriter::new();
    pcap.packet(1, &[1]);
    let mut capture = open(&pcap.into_bytes()).unwrap();
    let record = capture.next_record().unwrap().unwrap();
    assert_eq!((record.comments().count(), record.drop_count(), record.flags()), (0, None, None));
}

#[test]
fn packets_may_be_looked_at_in_another_thread() {
    fn is_send_and_sync<T: Send + Sync>() {}
    is_send_and_sync::<PacketRecord<'_>>();
}

#[test]
fn what_interfaces_and_sections_say() {
    for mut writer in [PcapNgWriter::new(), PcapNgWriter::new_big_endian()] {
        let speed = writer.long(10_000_000_000);
        let host = writer.options(&[(2, b"x86"), (3, b"Linux"), (4, b"dumpcap"), (1, b"why")]);
        writer.section_with(speed[6] != 0, (1, 0), &host);
        let interface = InterfaceBlock::new().name("eth0").option(3, b"uplink").option(15, b"i40e");
        let interface = interface.option(12, b"SunOS").option(11, b"\0tcp").option(8, &speed);
        let interface = interface.option(1, b"a").option(1, b"b").option(13, &[4]).tsresol(9);
        let byte_code = InterfaceBlock::new().option(11, b"\x01\x02").option(13, &[32]);
        writer.interface(&interface).interface(&byte_code).packet(0, 1, &[1]);
        let mut capture = open(&writer.into_bytes()).unwrap();
        assert_eq!(drain(&mut capture).kinds(), []);
        let [eth0, other] = capture.interfaces() else { panic!() };
        assert_eq!((eth0.name(), eth0.description()), (Some("eth0"), Some("uplink")));
        assert_eq!((eth0.hardware(), eth0.os()), (Some("i40e"), Some("SunOS")));
        assert_eq!((eth0.filter(), eth0.speed()), (Some("tcp"), Some(10_000_000_000)));
        assert_eq!(eth0.comments().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!((eth0.fcs_len(), eth0.tsresol(), eth0.tsoffset()), (Some(4), 9, 0));
        assert_eq!((other.filter(), other.fcs_len(), other.tsresol()), (None, Some(4), 6));
        let [bare, section] = capture.sections() else { panic!() };
        assert_eq!((bare.offset, bare.os.as_deref()), (0, None));
        assert_eq!((section.offset, section.os.as_deref()), (28, Some("Linux")));
        assert_eq!(section.hardware.as_deref(), Some("x86"));
        assert_eq!(section.application.as_deref(), Some("dumpcap"));
        assert_eq!(*section.comments[0], *"why");
    }
}

#[test]
fn statistics_are_the_last_told() {
    let mut writer = PcapNgWriter::new_big_endian();
    writer.interface(&InterfaceBlock::new().tsresol(9)).packet(0, 1, &[1]);
    writer.statistics(0, 1, 1);
    let numbers: Vec<_> = (2..=8).map(|n| (n, writer.long(u64::from(n) * 10))).collect();
    let options: Vec<_> = numbers.iter().map(|(n, value)| (*n, &value[..])).collect();
    let body = [&[0; 12], &writer.options(&options)[..]].concat();
    writer.block(5, &body);
    let mut capture = open(&writer.into_bytes()).unwrap();
    drain(&mut capture);
    let statistics = capture.statistics(0).unwrap();
    assert_eq!((statistics.start, statistics.end), (Some(Timestamp(20)), Some(Timestamp(30))));
    assert_eq!((statistics.received, statistics.dropped_by_interface), (Some(40), Some(50)));
    assert_eq!((statistics.accepted_by_filter, statistics.dropped_by_system), (Some(60), Some(70)));
    assert_eq!((statistics.delivered, capture.statistics(1)), (Some(80), None));
}

#[test]
fn drops_are_not_counted_twice() {
    // Three packets tell of 12 drops, the statistics of 5: the larger number; then of 20.
    for (statistics, expected) in [(5, 12), (20, 20)] {
        let mut writer = PcapNgWriter::new();
        let drops = writer.options(&[(4, &4_u64.to_le_bytes())]);
        writer.interface(&InterfaceBlock::new()).interface(&InterfaceBlock::new());
        for ticks in 1..4 {
            writer.enhanced_packet(1, ticks, (1, 1), &[1], &drops);
        }
        writer.statistics(1, 0, statistics);
        let (_folder, path) = crate::save(&writer.into_bytes());
        let mut capture = CaptureFile::open(path, 3).unwrap();
        let start = capture.position();
        // Nor when read again.
        for _ in 0..2 {
            capture.seek(&start).unwrap();
            while capture.next_record().unwrap().is_some() {}
        }
        let [warning] = capture.warnings() else { panic!("{:?}", capture.warnings()) };
        assert_eq!((warning.kind, warning.count), (WarningKind::CaptureDrops, expected));
        assert_eq!((warning.interface, capture.sections().len()), (Some(1), 1));
    }
}

#[test]
fn what_else_a_file_holds() {
    let mut writer = PcapNgWriter::new_big_endian();
    let (v4, v6) = ("10.0.0.1".parse().unwrap(), "2001:db8::1".parse().unwrap());
    writer.names(&[(v6, "six"), (v4, "four"), (v4, "other")]);
    writer.secrets(0x544c_534b, b"CLIENT_RANDOM x y").secrets(0x5747_4b4c, &[7; 700_000]);
    writer.custom(32_473, b"abc").custom(32_473, &[0; 400_000]).block(9, b"MESSAGE=x");
    writer.block(0x4000_0bad, &[0, 0, 0, 7]).block(0x0bad_f00d, &[0; 8]);
    let mut capture = open(&writer.into_bytes()).unwrap();
    assert_eq!(drain(&mut capture).kinds(), []);
    assert_eq!(capture.names().collect::<Vec<_>>(), [(v4, "four"), (v6, "six")]);
    let secrets: Vec<_> = capture.secrets().iter().map(|s| (s.kind, s.len)).collect();
    assert_eq!(secrets, [(0x544c_534b, 17), (0x5747_4b4c, 700_000)]);
    let counts = capture.passed_over().unwrap();
    assert_eq!(counts.custom().collect::<Vec<_>>(), [(7, 1), (32_473, 2)]);
    assert_eq!(counts.unknown().collect::<Vec<_>>(), [(0x0bad_f00d, 1)]);
    assert_eq!(counts.journal(), 1);
}

#[test]
fn frame_check_bits_of_pcap() {
    for (network, expected) in [(1, None), (0x4400_0001, Some(8)), (0x2400_0001, Some(4))] {
        let capture = open(&PcapWriter::new().network(network).into_bytes()).unwrap();
        assert_eq!(capture.interfaces()[0].fcs_len(), expected);
    }
    let capture = open(&PcapWriter::new().nanos().into_bytes()).unwrap();
    assert_eq!((capture.interfaces()[0].tsresol(), capture.sections().len()), (9, 0));
}

#[test]
fn snoop() {
    let mut writer = SnoopWriter::new();
    writer.packet(1_000_002_000, &[1, 2, 3]).drops(5).cut_packet(2_000_000_000, &[4; 8], 60);
    writer.drops(9).packet(3_000_000_000, &[]);
    let bytes = writer.into_bytes();
    let outcome = read(&bytes);
    let packets: Vec<_> = outcome.packets.iter().map(|p| (p.nanos, p.data.len())).collect();
    assert_eq!(packets, [(1_000_002_000, 3), (2_000_000_000, 8), (3_000_000_000, 0)]);
    assert_eq!((outcome.packets[1].original_len, outcome.packets[1].link_type), (60, 1));
    assert_eq!((outcome.kinds(), outcome.warnings[0].3), (vec![WarningKind::CaptureDrops], 9));
    let capture = open(&bytes).unwrap();
    assert_eq!(
        (capture.format(), capture.link_types()),
        (Format::Snoop, &[LinkType::ETHERNET][..])
    );
    for cut in 17..bytes.len() {
        let outcome = drain(&mut open(&bytes[..cut]).unwrap());
        let whole = [16, 44, 76].contains(&cut);
        assert_eq!(outcome.kinds().contains(&WarningKind::TruncatedTail), !whole, "{cut}");
    }
}

#[test]
fn odd_snoop() {
    for version in [0, 1, 3, u32::MAX] {
        assert!(open(&SnoopWriter::new().version(version).into_bytes()).is_err());
    }
    for (datalink, expected) in [(0, 1), (2, 6), (0x8000_0005, 226)] {
        let capture = open(&SnoopWriter::new().datalink(datalink).into_bytes()).unwrap();
        assert_eq!(capture.link_types(), [LinkType(expected)]);
    }
    let capture = open(&SnoopWriter::new().datalink(17).into_bytes()).unwrap();
    assert_eq!(capture.warnings()[0].kind, WarningKind::UnknownLinkType);
    for lengths in [(8, 8, 31), (8, 8, 0), (8, u32::MAX, u32::MAX), (8, 8, u32::MAX)] {
        let mut writer = SnoopWriter::new();
        writer.packet(1, &[1]).record(2, lengths, &[2; 8]).packet(3, &[3]);
        let outcome = read(&writer.into_bytes());
        assert_eq!((outcome.packets.len(), outcome.kinds()), (1, vec![WarningKind::DamagedRecord]));
    }
}

/// Comments of packets, their drops and the names of interfaces, against the tshark installed here, if one is.
#[test]
fn comments_drops_and_names_are_those_of_tshark() {
    let (mut frames, mut files_with_names_only) = (0, 0);
    for file in corpus::files() {
        let Ok(mut capture) = CaptureFile::open(&file, 0) else { continue };
        if capture.format() != Format::PcapNg {
            continue;
        }
        let mut said = Vec::new();
        while let Some(record) = capture.next_record().unwrap() {
            // tshark ends texts at a zero.
            let until_zero = |c: &str| c.split('\0').next().unwrap_or_default().to_owned();
            let comments: Vec<_> = record.comments().map(|c| until_zero(&c)).collect();
            let drops = record.drop_count().map(|n| n.to_string()).unwrap_or_default();
            let text = format!("{}\t{drops}", comments.join("\u{1}"));
            said.push((record.frame.number(), record.interface, text));
        }
        // In place of a name tshark writes the description, or "unknown".
        let name_of = |id: u32| {
            let interface = &capture.interfaces()[id as usize];
            interface.name().or_else(|| interface.description()).unwrap_or("unknown")
        };
        let has_text = said.iter().any(|(_, _, text)| text != "\t");
        let has_name = said.iter().any(|(_, id, _)| name_of(*id) != "unknown");
        files_with_names_only += usize::from(has_name && !has_text);
        // tshark takes long to start; and 4.0 looks all names up in the first section.
        let enough = !has_text && (!has_name || files_with_names_only > 10);
        if enough || capture.sections().len() > 1 {
            continue;
        }
        let Some(theirs) = tshark(&file) else { return };
        let theirs: HashMap<_, _> = theirs.lines().filter_map(|l| l.split_once('\t')).collect();
        for (number, interface, text) in said {
            let expected = format!("{}\t{}", name_of(interface), text);
            let expected = expected.replace('\r', "\\r").replace('\n', "\\n");
            assert_eq!(theirs[&*number.to_string()], expected, "{} {number}", file.display());
            frames += 1;
        }
    }
    println!("{frames} frames compared");
}

fn tshark(file: &Path) -> Option<String> {
    let mut command = Command::new("tshark");
    command.args(["-n", "-T", "fields", "-E", "aggregator=\u{1}", "-r"]).arg(file);
    for field in ["number", "interface_name", "comment", "drop_count"] {
        command.arg("-e").arg(format!("frame.{field}"));
    }
    match command.output() {
        Ok(output) => Some(String::from_utf8_lossy(&output.stdout).into_owned()),
        Err(_) => {
            println!("skipped: no tshark");
            None
        }
    }
}
