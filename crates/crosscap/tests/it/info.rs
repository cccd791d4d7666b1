//! What a capture file is: against capinfos, against a count by hand, and whatever the threads.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crosscap::parser::CaptureFile;
use crosscap::report::{FileInfo, Pause};
use crosscap_testkit::{Capture, PcapNgWriter, PcapWriter, TcpFrame, corpus};

use crate::support::{SCENARIOS, SECOND, capture};

fn info(path: &Path, threads: usize) -> Option<FileInfo> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    pool.install(|| Some(crosscap::file_info(CaptureFile::open(path, 0).ok()?).unwrap()))
}

fn saved(bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("capture");
    fs::write(&path, bytes).unwrap();
    (folder, path)
}

fn of(bytes: &[u8]) -> FileInfo {
    info(&saved(bytes).1, 2).unwrap()
}

#[test]
fn counts_are_those_made_by_hand() {
    let syn = TcpFrame::new("10.0.0.1:40000", "10.0.0.2:80").flags("S").ethernet();
    let mut file = PcapWriter::new().nanos().snap_len(100);
    let start = 1_700_000_000 * SECOND as u64;
    file.packet(start, &syn);
    file.packet(start + 1_000, &syn);
    file.packet(start + 5 * SECOND as u64, &[0xff; 60]);
    file.packet(start + 4 * SECOND as u64, &[0xfe; 60]);
    file.cut_packet(start + 400 * SECOND as u64, &syn[..30], syn.len() as u32);
    let info = of(&file.into_bytes());

    let size = syn.len() as u64;
    assert_eq!((info.packets, info.frames, info.tcp, info.not_ip), (5, 5, 2, 2));
    assert_eq!((info.cut, info.cut_headers, info.duplicates), (1, 1, 1));
    assert_eq!(info.captured_bytes, 2 * size + 120 + 30);
    assert_eq!(info.original_bytes, 3 * size + 120);
    assert_eq!((info.smallest, info.largest), (Some(30), Some(60.max(size))));
    assert_eq!(info.last_ns.unwrap() - info.first_ns.unwrap(), 400 * SECOND);
    assert_eq!((info.time_digits, info.snap_len), (6, 100));
    assert_eq!(info.out_of_order, 1);
    let at = |seconds| 1_700_000_000 * SECOND + seconds * SECOND;
    assert_eq!(info.largest_step_back, Some(Pause { frame: 4, from_ns: at(5), to_ns: at(4) }));
    let pauses: Vec<_> = info.longest_pauses.iter().map(|p| (p.frame, p.nanos())).collect();
    assert_eq!(pauses, [(5, 396 * SECOND), (3, 5 * SECOND - 1_000)]);
    assert!(!info.damaged);
}

#[test]
fn damage_is_told() {
    let mut file = PcapNgWriter::new();
    file.interface(&crosscap_testkit::InterfaceBlock::new().name("eth7"));
    file.packet(0, 1, &[1; 60]).packet(0, 2, &[2; 60]);
    let bytes = file.into_bytes();
    let info = of(&bytes[..bytes.len() - 5]);
    assert!(info.damaged);
    assert_eq!((info.packets, info.warnings[0].id.as_str()), (1, "truncated-tail"));
    assert_eq!(info.interfaces[0].name.as_deref(), Some("eth7"));
    assert_eq!(info.interfaces[0].packets, 1);
}

#[test]
fn threads_do_not_change_it() {
    let capture = Capture::load(capture("incident", "client"));
    for bytes in [capture.pcap(PcapWriter::new().nanos()), capture.pcapng(PcapNgWriter::new())] {
        let (_folder, path) = saved(&bytes);
        let one = info(&path, 1);
        assert!(one.as_ref().is_some_and(|i| i.packets > 100_000 && i.out_of_order > 0));
        for threads in [2, 3, 7] {
            assert_eq!(info(&path, threads), one, "{threads} threads");
        }
    }
}

#[test]
fn capinfos_says_the_same() {
    let Ok(version) = Command::new("capinfos").arg("--version").output() else {
        println!("note: no capinfos here, so it was not asked");
        return;
    };
    assert!(version.status.success());
    for (scenario, point) in SCENARIOS.into_iter().flat_map(|s| [(s, "client"), (s, "pod")]) {
        let path = capture(scenario, point);
        let output = Command::new("capinfos").args(["-TmMrScdaeo"]).arg(&path).output().unwrap();
        let line = String::from_utf8(output.stdout).unwrap();
        let theirs: Vec<&str> = line.trim().split(',').skip(1).collect();
        let info = info(&path, 2).unwrap();
        let seconds = |nanos: Option<i64>| {
            let nanos = nanos.unwrap();
            format!("{}.{:09}", nanos / SECOND, nanos % SECOND)
        };
        let ours = [
            info.packets.to_string(),
            info.captured_bytes.to_string(),
            seconds(info.first_ns),
            seconds(info.last_ns),
            if info.out_of_order == 0 { "True" } else { "False" }.into(),
        ];
        assert_eq!(ours.as_slice(), theirs, "{scenario}/{point}");
    }
}

/// Third-party captures beside the checkout; skipped where they are absent.
#[test]
fn other_peoples_captures_are_described_as_tshark_does() {
    let (files, mut compared) = (corpus(), 0);
    for file in &files {
        let (name, tshark) = (&file.name, &file.oracle()["tshark"]);
        let Some(two) = info(&file.path, 2) else { continue };
        assert_eq!(info(&file.path, 1).as_ref(), Some(&two), "{name}");
        // Where the two do not even read the same packets, the tests of the parser say why.
        let odd = ["bad-timestamp", "unknown-timestamp"];
        let same = !two.damaged
            && tshark["packets"] == two.frames
            && tshark["first_ns"].is_i64()
            && !two.warnings.iter().any(|w| odd.contains(&w.id.as_str()));
        // i64 nanoseconds end in 2262.
        if same && two.last_ns != Some(i64::MAX) {
            compared += 1;
            assert_eq!(tshark["min_ns"].as_i64(), two.first_ns, "{name}");
            assert_eq!(tshark["max_ns"].as_i64(), two.last_ns, "{name}");
            assert_eq!(tshark["time_ordered"], two.out_of_order == 0, "{name}");
        }
    }
    assert!(compared >= 425 || files.is_empty(), "only {compared} captures");
}
