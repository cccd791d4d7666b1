//! The bytes that one end of a connection sent.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use crosscap_testkit::{Capture, PcapWriter, TcpFrame};

use crate::{arg, crosscap, scratch, testdata, text};

fn stream(folder: &Path, args: &[&str]) -> Output {
    crosscap(folder).arg("stream").args(args).output().unwrap()
}

/// Both directions of a `tcp.stream`: those of the first sender first.
fn tshark(file: &str, number: usize) -> Option<[Vec<u8>; 2]> {
    let follow = format!("follow,tcp,raw,{number}");
    let Ok(output) = Command::new("tshark").args(["-n", "-q", "-r", file, "-z", &follow]).output()
    else {
        println!("note: no tshark here, so it was not asked");
        return None;
    };
    assert!(output.status.success(), "{}", text(&output.stderr));
    let mut both = [Vec::new(), Vec::new()];
    for line in text(&output.stdout).lines() {
        let hex = line.trim_start();
        if !hex.is_empty() && hex.bytes().all(|b| b.is_ascii_hexdigit()) {
            let bytes = (0..hex.len()).step_by(2);
            both[usize::from(line.starts_with('\t'))]
                .extend(bytes.map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()));
        }
    }
    Some(both)
}

#[test]
fn bytes_are_those_of_tshark() {
    let mut bytes = 0;
    for (file, numbers) in [
        ("incident/client.pcap.gz", &[0, 82, 4000, 6816][..]),
        ("slow-server/pod.pcap.gz", &[0, 7]),
        ("half-closed/client.pcap.gz", &[3]),
    ] {
        let file = arg(file);
        for &number in numbers {
            let Some(theirs) = tshark(&file, number) else { return };
            let number = number.to_string();
            for (direction, theirs) in ["orig", "resp"].iter().zip(theirs) {
                let args = [&file, "--connection", &number, "--direction", direction];
                let output = stream(&std::env::temp_dir(), &args);
                assert!(output.stdout == theirs, "{args:?}");
                bytes += theirs.len();
            }
        }
    }
    assert!(bytes > 10_000, "{bytes}");
}

/// The originator sends "abcdef", then "efGH" with an "EF" that contradicts it, leaves 4 bytes out, then sends "mnop",
/// all of it acknowledged; a connection of others lies in between.
fn broken() -> Vec<u8> {
    let syn = TcpFrame::new("10.1.0.2:40422", "10.96.0.10:80").flags("S").seq(99);
    let data = |seq, bytes: &[u8]| {
        TcpFrame::new("10.1.0.2:40422", "10.96.0.10:80").seq(seq).ack(500).payload(bytes)
    };
    let reply = syn.reply().flags("SA").seq(499);
    let other = TcpFrame::new("10.1.0.2:40424", "10.96.0.10:80").seq(7).payload(b"other");
    let last = data(112, b"mnop");
    let mut writer = PcapWriter::new();
    for frame in [
        other,
        syn,
        reply,
        data(100, b"abcdef"),
        data(104, b"EFGH"),
        last.clone(),
        last.reply().payload(b"yes"),
    ] {
        writer.packet(1_000_000_000, &frame.ethernet());
    }
    writer.into_bytes()
}

const BROKEN: [&str; 5] = ["broken.pcap", "--connection", "1", "--direction", "orig"];

#[test]
fn gaps_and_contradictions_are_told() {
    let scratch = scratch();
    fs::write(scratch.path().join("broken.pcap"), broken()).unwrap();
    let run = |more: &[&str]| {
        let output = stream(scratch.path(), &[&BROKEN, more].concat());
        assert_eq!(output.status.code(), Some(1), "{more:?}");
        let said = text(&output.stderr).to_owned();
        assert_eq!(said.lines().count(), 2, "{said}");
        assert!(said.contains("4 bytes are missing at stream offset 8: acknowledged"), "{said}");
        (text(&output.stdout).to_owned(), said)
    };
    let (bytes, said) = run(&[]);
    assert_eq!(bytes, "abcdefGHmnop");
    assert!(said.contains("frame 5 contradicts frame 4 in 2 bytes at stream offset 4"), "{said}");
    let (bytes, said) = run(&["--overlap", "last", "--gaps", "zeros"]);
    assert_eq!(bytes, "abcdEFGH\0\0\0\0mnop");
    assert!(said.contains("frame 4 contradicts frame 5"), "{said}");
    assert_eq!(run(&["--gaps", "stop"]).0, "abcdefGH");
    assert_eq!(run(&["--gaps", "error"]).0, "");
    // Nothing is wrong with the other direction.
    let output = stream(scratch.path(), &[&BROKEN[..4], &["resp"]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!((text(&output.stdout), text(&output.stderr)), ("yes", ""));
}

#[test]
fn many_gaps_are_counted() {
    let scratch = scratch();
    let syn = TcpFrame::new("10.1.0.2:40422", "10.96.0.10:80").flags("S").seq(99);
    let mut writer = PcapWriter::new();
    writer.packet(1_000_000_000, &syn.ethernet());
    for n in 1..=30 {
        let data = syn.clone().flags("A").seq(100 + 5 * n).payload(b"abc");
        writer.packet(1_000_000_000, &data.ethernet());
    }
    fs::write(scratch.path().join("x.pcap"), writer.into_bytes()).unwrap();
    let output = stream(scratch.path(), &["x.pcap", "--connection", "0", "--direction", "orig"]);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 90));
    let said = text(&output.stderr);
    assert_eq!(said.lines().count(), 11, "{said}");
    assert!(said.ends_with("20 more gaps, 40 bytes\n"), "{said}");
}

#[test]
fn a_file_is_written_and_a_capture_never_overwritten() {
    let scratch = scratch();
    let folder = scratch.path();
    fs::write(folder.join("broken.pcap"), broken()).unwrap();
    fs::write(folder.join("out"), "something longer than the stream").unwrap();
    let output = stream(folder, &[&BROKEN[..], &["-o", "out"]].concat());
    assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0));
    assert_eq!(fs::read(folder.join("out")).unwrap(), b"abcdefGHmnop");

    let mut names = vec!["broken.pcap", "./broken.pcap"];
    if cfg!(unix) {
        fs::hard_link(folder.join("broken.pcap"), folder.join("link")).unwrap();
        names.push("link");
    }
    for name in names {
        let output = stream(folder, &[&BROKEN[..], &["-o", name]].concat());
        assert_eq!(output.status.code(), Some(2), "{name}");
        assert!(text(&output.stderr).contains("not overwritten"), "{}", text(&output.stderr));
        assert!(fs::read(folder.join("broken.pcap")).unwrap() == broken());
    }
    let output = stream(folder, &[&BROKEN[..], &["-o", "missing/out"]].concat());
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).lines().any(|l| l.starts_with("crosscap: missing/out: ")));
}

#[test]
fn a_number_that_there_is_not_is_told_with_those_that_there_are() {
    let scratch = scratch();
    fs::write(scratch.path().join("broken.pcap"), broken()).unwrap();
    let output = stream(scratch.path(), &[&BROKEN[..2], &["2"], &BROKEN[3..]].concat());
    assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0));
    let said = "crosscap: broken has no connection 2: there are 2 connections, numbered from 0\n";
    assert_eq!(text(&output.stderr), said);
}

#[test]
fn a_rotated_set_is_one_capture() {
    let scratch = scratch();
    let whole = Capture::load(testdata("slow-server/pod.pcap.gz"));
    let half = whole.records.len() / 2;
    for (n, part) in
        [whole.clone().filtered(|n| n < half), whole.filtered(|n| n >= half)].iter().enumerate()
    {
        let bytes = part.pcap(PcapWriter::new().nanos());
        fs::write(scratch.path().join(format!("eth0.pcap{n}")), bytes).unwrap();
    }
    let one = arg("slow-server/pod.pcap.gz");
    let table = crosscap(scratch.path())
        .args(["connections", &one, "--format", "jsonl", "--sort", "-duration", "--limit", "1"])
        .output()
        .unwrap();
    let row: serde_json::Value = serde_json::from_slice(&table.stdout).unwrap();
    let number = row["number"].to_string();
    let rest = ["--connection", &number, "--direction", "resp"];
    let bytes = |point: &str| stream(scratch.path(), &[&[point], &rest[..]].concat()).stdout;
    let whole = bytes(&one);
    assert_eq!(row["resp_bytes"], whole.len());
    assert!(!whole.is_empty() && bytes("eth0.pcap*") == whole);
    assert!(bytes("eth0.pcap1,eth0.pcap0") == whole);
}
