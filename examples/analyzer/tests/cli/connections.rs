//! The connection table.

use std::collections::{BTreeMap, HashSet};
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crosscap_testkit::{Capture, PcapWriter};
use serde_json::Value;

use crate::{arg, both, crosscap, scratch, testdata, text};

fn connections(args: &[&str]) -> Output {
    crosscap(&std::env::temp_dir()).arg("connections").args(args).output().unwrap()
}

fn ok(args: &[&str]) -> String {
    let output = connections(args);
    assert_eq!(output.status.code(), Some(0), "{args:?}: {}", text(&output.stderr));
    assert_eq!(text(&output.stderr), "", "{args:?}");
    text(&output.stdout).to_owned()
}

fn jsonl(args: &[&str]) -> Vec<Value> {
    let lines = ok(&[&["--format", "jsonl"], args].concat());
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// One end of a `tcp.stream` by tshark.
#[derive(Debug, Default, Eq, PartialEq)]
struct Side {
    packets: u64,
    /// Sequence numbers of stream bytes.
    bytes: HashSet<u32>,
}

/// What tshark says of each stream: the ends, and the times of the first and the last packet.
#[derive(Debug, Default)]
struct Stream {
    sides: BTreeMap<String, Side>,
    times: Vec<i64>,
}

fn tshark(file: &str) -> Option<Vec<Stream>> {
    let mut asked = Command::new("tshark");
    asked.args(["-n", "-Y", "tcp", "-T", "fields", "-r", file]);
    let fields = [
        "tcp.stream",
        "ip.src",
        "tcp.srcport",
        "ip.dst",
        "tcp.dstport",
        "tcp.seq_raw",
        "tcp.len",
        "tcp.flags.syn",
        "frame.time_epoch",
    ];
    let Ok(output) = asked.args(fields.iter().flat_map(|field| ["-e", field])).output() else {
        println!("note: no tshark here, so it was not asked");
        return None;
    };
    assert!(output.status.success(), "{}", text(&output.stderr));
    let mut streams: Vec<Stream> = Vec::new();
    for line in text(&output.stdout).lines() {
        let [stream, src, src_port, dst, dst_port, seq, len, syn, time] =
            line.split('\t').collect::<Vec<_>>().try_into().unwrap();
        let (stream, seq): (usize, u32) = (stream.parse().unwrap(), seq.parse().unwrap());
        let (len, syn): (u32, u32) = (len.parse().unwrap(), syn.parse().unwrap());
        if streams.len() <= stream {
            streams.resize_with(stream + 1, Stream::default);
        }
        let stream = &mut streams[stream];
        stream.sides.entry(format!("{dst}:{dst_port}")).or_default();
        let side = stream.sides.entry(format!("{src}:{src_port}")).or_default();
        side.packets += 1;
        side.bytes.extend((0..len).map(|n| seq.wrapping_add(syn + n)));
        stream.times.push(time.replace('.', "").parse().unwrap());
    }
    Some(streams)
}

#[test]
fn rows_are_the_streams_of_tshark_with_its_packets_bytes_and_times() {
    for capture in ["half-closed/client.pcap.gz", "silent-drop/pod.pcap.gz", "invalid/pod.pcap.gz"]
    {
        let capture = arg(capture);
        let Some(streams) = tshark(&capture) else { return };
        let rows = jsonl(&[&capture]);
        assert!(rows.len() > 200, "{capture}");
        assert_eq!(rows.len(), streams.len(), "{capture}");
        for (number, (row, stream)) in rows.iter().zip(streams).enumerate() {
            let of = format!("{capture}: {number}");
            assert_eq!(row["number"], number, "{of}");
            assert_eq!(row["wireshark_filter"], format!("tcp.stream eq {number}"), "{of}");
            assert_eq!(row["first_ns"], stream.times[0], "{of}");
            assert_eq!(row["last_ns"], stream.times[stream.times.len() - 1], "{of}");
            assert_eq!(stream.sides.len(), 2, "{of}");
            for end in ["orig", "resp"] {
                let side = &stream.sides[row[end].as_str().unwrap()];
                assert_eq!(row[format!("{end}_packets")], side.packets, "{of}");
                assert_eq!(row[format!("{end}_bytes")], side.bytes.len(), "{of}");
            }
        }
    }
}

#[test]
fn csv_says_what_json_lines_say() {
    let capture = arg("half-closed/client.pcap.gz");
    let csv = ok(&["--format", "csv", &capture]);
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let names = reader.headers().unwrap().clone();
    let rows = jsonl(&[&capture]);
    let mut read = 0;
    for (record, row) in reader.records().zip(&rows) {
        let record = record.unwrap();
        assert_eq!(record.len(), row.as_object().unwrap().len());
        for (name, cell) in names.iter().zip(&record) {
            let value = match &row[name] {
                Value::Null => String::new(),
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            assert_eq!(cell, value, "{name} of {read}");
        }
        read += 1;
    }
    assert_eq!(read, rows.len());
}

/// As Zeek's own readers do: by `#fields` and `#types`.
#[test]
fn a_zeek_log_has_cells_of_the_types_it_declares() {
    let capture = arg("half-closed/client.pcap.gz");
    let log = ok(&["--format", "zeek", &capture]);
    let head = |name: &str| -> Vec<&str> {
        let line = log.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.split('\t').skip(1).collect()
    };
    assert!(log.starts_with(
        "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tconn\n"
    ));
    let (fields, types) = (head("#fields"), head("#types"));
    assert_eq!(fields.len(), types.len());
    let rows = jsonl(&[&capture]);
    let lines: Vec<_> = log.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(lines.len(), rows.len());
    for (line, row) in lines.iter().zip(&rows) {
        let cells: Vec<_> = line.split('\t').collect();
        assert_eq!(cells.len(), fields.len(), "{line}");
        for ((field, kind), cell) in fields.iter().zip(&types).zip(&cells) {
            let is_decimal = || cell.split_once('.').is_some_and(|(_, digits)| digits.len() == 6);
            let fits = match *kind {
                "time" | "interval" => cell.parse::<f64>().is_ok() && is_decimal(),
                "count" => cell.parse::<u64>().is_ok(),
                "port" => cell.parse::<u16>().is_ok(),
                "addr" => cell.parse::<std::net::IpAddr>().is_ok(),
                "enum" | "string" => !cell.is_empty(),
                _ => false,
            };
            assert!(fits || *cell == "-", "{field}: {cell}");
        }
        let cell = |name| cells[fields.iter().position(|field| *field == name).unwrap()];
        assert_eq!(cell("uid"), row["uid"]);
        assert_eq!(cell("conn_state"), row["conn_state"]);
        assert_eq!(cell("orig_pkts"), row["orig_packets"].to_string());
        // Nothing is missing from these captures.
        assert_eq!(cell("resp_bytes"), row["resp_bytes"].to_string());
        assert_eq!(cell("missed_bytes"), "0");
    }
    let uids: HashSet<_> = rows.iter().map(|row| row["uid"].as_str().unwrap()).collect();
    assert_eq!(uids.len(), rows.len());
    let form = |uid: &&str| {
        uid.len() == 18 && uid.starts_with('C') && uid.bytes().all(|b| b.is_ascii_alphanumeric())
    };
    assert!(uids.iter().all(form));
}

/// Those that hang by the truth of the lab.
#[test]
fn open_connections_that_fell_quiet_are_those_that_hang() {
    let truth = fs::read(testdata("incident/truth.json")).unwrap();
    let truth: Value = serde_json::from_slice(&truth).unwrap();
    let mut hung: Vec<_> = truth["connections"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|c| c["outcome"] == "hung")
        .map(|c| (c["orig_client"].clone(), c["orig_isn"].clone()))
        .collect();
    let args = ["--where", "state=S1", "--filter", "quiet >= 60s", &arg("incident/client.pcap.gz")];
    let rows = jsonl(&args);
    let mut found: Vec<_> =
        rows.iter().map(|r| (r["orig"].clone(), r["orig_isn"].clone())).collect();
    hung.sort_by_key(|(orig, _)| orig.to_string());
    found.sort_by_key(|(orig, _)| orig.to_string());
    assert_eq!(found, hung);
    assert_eq!(found.len(), 4);
}

#[test]
fn rows_are_sorted_and_limited_and_the_last_line_counts_all() {
    let capture = arg("half-closed/client.pcap.gz");
    let all = jsonl(&[&capture]);
    let sorted = jsonl(&["--sort", "-resp_bytes", "--sort", "number", "--limit", "5", &capture]);
    let mut expected: Vec<_> = all.iter().collect();
    expected.sort_by_key(|row| std::cmp::Reverse(row["resp_bytes"].as_u64()));
    assert_eq!(sorted.iter().collect::<Vec<_>>(), expected[..5]);

    let table = ok(&["--where", "resp=10.96.0.0/16", "--limit", "2", &capture]);
    let lines: Vec<_> = table.lines().collect();
    assert_eq!(lines.len(), 2 + 2 + 2, "{table}");
    assert!(lines[1].starts_with("number  start"), "{table}");
    let starts: HashSet<_> = lines[1..4].iter().map(|line| line.find("10.96.0.10:80")).collect();
    assert_eq!(starts.len(), 2, "not aligned: {table}");
    assert_eq!(lines[5], "300 of 304 connections, 2 shown: 296 SF, 4 S2");
    assert_eq!(ok(&["--where", "port=1", &capture]), "0 of 304 connections\n");
}

#[test]
fn several_points_are_told_apart_and_threads_change_nothing() {
    let [client, pod] = both("half-closed");
    for format in ["table", "jsonl", "csv", "zeek"] {
        let run = |threads| ok(&["--format", format, "--threads", threads, &client, &pod]);
        assert!(run("1") == run("4"), "{format}");
    }
    let rows = jsonl(&[&client, &pod]);
    let points: Vec<_> = rows.iter().map(|row| row["point"].as_str().unwrap()).collect();
    assert!(points.is_sorted() && points.contains(&"client") && points.contains(&"pod"));
    let first_of_pod = points.iter().position(|point| *point == "pod").unwrap();
    assert_eq!(rows[first_of_pod]["number"], 0);
    assert!(ok(&[&client, &pod]).lines().nth(1).unwrap().starts_with("point   number"));
    assert!(ok(&["--format", "zeek", &client, &pod]).contains("\ttunnel_parents\tpoint\n"));
    assert!(ok(&["--format", "zeek", &client]).contains("\ttunnel_parents\n"));
}

/// The capture in two files of a directory.
fn rotated(folder: &Path) {
    let whole = Capture::load(testdata("invalid/client.pcap.gz"));
    let half = whole.records.len() / 2;
    let parts = [whole.clone().filtered(|n| n < half), whole.filtered(|n| n >= half)];
    for (n, part) in parts.iter().enumerate() {
        let bytes = part.pcap(PcapWriter::new().nanos());
        fs::write(folder.join(format!("eth0.pcap{n}")), bytes).unwrap();
    }
}

#[test]
fn rotated_sets_and_pipes_are_read_like_one_file() {
    let scratch = scratch();
    rotated(scratch.path());
    let capture = arg("invalid/client.pcap.gz");
    let same = |rows: Vec<Value>| -> Vec<Value> {
        let mut rows = rows;
        for row in &mut rows {
            let row = row.as_object_mut().unwrap();
            // Named after files.
            row.retain(|name, _| {
                !["point", "uid", "wireshark_filter"].contains(&name.as_str())
                    && !name.ends_with("_file")
                    && !name.ends_with("_frame")
            });
        }
        rows
    };
    let expected = same(jsonl(&[&capture]));
    let folder = scratch.path().to_str().unwrap();
    let set = jsonl(&[folder]);
    assert_eq!(set[0]["first_file"], "eth0.pcap0");
    assert!(set[0]["wireshark_filter"].as_str().unwrap().starts_with("(ip.addr == 10."));
    assert_eq!(same(set), expected);
    let piped = crosscap(scratch.path())
        .args(["connections", "--format", "jsonl", "client=-"])
        .stdin(File::open(testdata("invalid/client.pcap.gz")).unwrap())
        .output()
        .unwrap();
    let piped = text(&piped.stdout).lines().map(|line| serde_json::from_str(line).unwrap());
    assert_eq!(same(piped.collect()), expected);
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let capture = arg("incident/client.pcap.gz");
    for format in ["table", "jsonl", "csv", "zeek"] {
        let mut run = crosscap(&std::env::temp_dir())
            .args(["connections", "--format", format, &capture])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(run.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(!line.is_empty(), "{format}");
        let output = run.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{format}");
        assert_eq!(text(&output.stderr), "", "{format}");
    }
}

#[test]
fn damage_is_a_warning_and_no_failure() {
    let scratch = scratch();
    let whole = fs::read(testdata("healthy/pod.pcap.gz")).unwrap();
    fs::write(scratch.path().join("cut.pcap.gz"), &whole[..whole.len() / 2]).unwrap();
    let output = crosscap(scratch.path())
        .args(["connections", "cut.pcap.gz", "--limit", "1"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0));
    let warnings = text(&output.stderr);
    assert_eq!(warnings.lines().count(), 1, "{warnings}");
    assert!(warnings.starts_with("crosscap: warning: cut: cut.pcap.gz: "), "{warnings}");
    assert!(text(&output.stdout).contains("connections, 1 shown: "));
}

#[test]
fn what_makes_no_sense_is_status_2_and_says_what_would() {
    let capture = arg("invalid/client.pcap.gz");
    for (args, why) in [
        (&["--where", "sate=S1", &capture][..], "the fields are point, number,"),
        (&["--where", "silence>=60", &capture], "60s"),
        (&["--where", "state=up", &capture], "one of S0 S1"),
        (&["--sort", "-size", &capture], "no field is named \"size\""),
        (&["--limit", "many", &capture], "invalid digit"),
        (&["--format", "xml", &capture], "table, jsonl, csv, zeek"),
        (&["missing.pcap"], "missing.pcap"),
        (&[], "FILE"),
    ] {
        let output = connections(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(output.stdout.is_empty(), "{args:?}");
        assert!(text(&output.stderr).contains(why), "{args:?}: {}", text(&output.stderr));
    }
}

#[test]
fn help_tells_every_column() {
    let help = ok(&["--help"]);
    let columns = jsonl(&["--limit", "1", &arg("invalid/client.pcap.gz")]);
    for name in columns[0].as_object().unwrap().keys() {
        assert!(help.contains(name.as_str()), "{name}");
    }
}
