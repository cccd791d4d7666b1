//! Where captures come from: the standard input, pipes, directories, patterns.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Output, Stdio};

use crosscap_testkit::{Capture, PcapWriter};
use serde_json::Value;

use crate::{arg, crosscap, diagnose_in, refused, scratch, testdata, text};

const CLIENT: &str = "invalid/client.pcap.gz";

fn report(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|e| panic!("{e}: {}", text(&output.stderr)))
}

/// The report as if its first point had read `client.pcap.gz` itself.
fn as_from_a_file(output: &Output) -> Value {
    let mut report = report(output);
    let points = report["points"].as_array_mut().unwrap();
    let file = points[0]["files"][0].take();
    points[0]["files"][0] = "client.pcap.gz".into();
    let plain =
        report.to_string().replace(&format!("\"file\":{file}"), "\"file\":\"client.pcap.gz\"");
    serde_json::from_str(&plain).unwrap()
}

fn expected() -> Value {
    let args = ["--format", "json", &format!("client={}", arg(CLIENT)), &pod()];
    report(&diagnose_in(&std::env::temp_dir(), &args))
}

fn pod() -> String {
    arg("invalid/pod.pcap.gz")
}

/// The client's capture in four files, as `tcpdump -C 1 -w FOLDER/eth0.pcap` leaves it.
fn rotated(folder: &Path) -> usize {
    fs::create_dir_all(folder).unwrap();
    let whole = Capture::load(testdata(CLIENT));
    let packets = whole.records.len();
    for part in 0..4 {
        let name = if part == 0 { "eth0.pcap".into() } else { format!("eth0.pcap{part}") };
        let range = packets * part / 4..packets * (part + 1) / 4;
        let capture = whole.clone().filtered(|n| range.contains(&n));
        fs::write(folder.join(name), capture.pcap(PcapWriter::new().nanos())).unwrap();
    }
    packets
}

/// Runs, and gives the point's files, its packets and the ids of its quality.
fn point(folder: &Path, arg: &str) -> (Vec<String>, usize, Vec<String>) {
    let output = diagnose_in(folder, &["--format", "json", arg]);
    assert_eq!(text(&output.stderr), "");
    let report = report(&output);
    let point = &report["points"][0];
    let strings = |list: &Value, id: fn(&Value) -> &Value| {
        let list = list.as_array().unwrap().iter();
        list.map(|v| id(v).as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let packets = point["packets"].as_u64().unwrap() as usize;
    (strings(&point["files"], |v| v), packets, strings(&point["quality"], |v| &v["id"]))
}

const ALL: [&str; 4] = ["eth0.pcap", "eth0.pcap1", "eth0.pcap2", "eth0.pcap3"];

#[test]
fn the_standard_input_gives_the_same_report_as_the_file() {
    for file in ["-", "client=-"] {
        let output = crosscap(&std::env::temp_dir())
            .args(["diagnose", "--format", "json", file, &pod()])
            .stdin(File::open(testdata(CLIENT)).unwrap())
            .output()
            .unwrap();
        assert_eq!((output.status.code(), text(&output.stderr)), (Some(1), ""));
        assert_eq!(report(&output)["points"][0]["files"], serde_json::json!(["stdin"]));
        if file == "-" {
            assert_eq!(report(&output)["points"][0]["name"], "stdin");
        } else {
            assert!(as_from_a_file(&output) == expected());
        }
    }
}

#[test]
fn a_pipe_on_the_standard_input_may_be_slow() {
    let mut child = crosscap(&std::env::temp_dir())
        .args(["diagnose", "--format", "json", "client=-", &pod()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let bytes = fs::read(testdata(CLIENT)).unwrap();
    std::thread::spawn(move || {
        for part in bytes.chunks(1000) {
            std::io::Write::write_all(&mut stdin, part).unwrap();
        }
    });
    assert!(as_from_a_file(&child.wait_with_output().unwrap()) == expected());
}

#[test]
fn what_is_wrong_with_the_standard_input_is_told() {
    let run = |args: &[&str], stdin: Stdio| {
        let output =
            crosscap(&std::env::temp_dir()).arg("diagnose").args(args).stdin(stdin).output();
        let output = output.unwrap();
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{args:?}");
        text(&output.stderr).to_owned()
    };
    let client = || Stdio::from(File::open(testdata(CLIENT)).unwrap());
    assert!(run(&["a=-", "b=-"], client()).contains("only once"));
    #[cfg(target_os = "linux")]
    {
        let mut echo = std::process::Command::new("echo").stdout(Stdio::piped()).spawn().unwrap();
        let pipe = echo.stdout.take().unwrap();
        assert!(run(&["a=-", "b=/dev/stdin"], pipe.into()).contains("only once"));
        echo.wait().unwrap();
    }
    assert!(run(&["a=-,-"], client()).contains("only once"));
    assert!(run(&["-"], Stdio::null()).contains("stdin: the file is empty"));
}

#[cfg(unix)]
#[test]
fn pipes_give_the_same_report_as_files() {
    let scratch = scratch();
    let folder = scratch.path();
    let names = ["client.pcap.gz", "pod.pcap.gz"];
    for name in names {
        let made = std::process::Command::new("mkfifo").arg(folder.join(name)).status();
        assert!(made.is_ok_and(|status| status.success()));
    }
    // One program fills both in turn: whoever reads one of them to its end first waits for ever.
    let (client, server) = (fs::read(testdata(CLIENT)).unwrap(), fs::read(pod()).unwrap());
    let pipes = names.map(|name| folder.join(name));
    let filling = std::thread::spawn(move || {
        use std::io::Write;
        let mut pipes = pipes.map(|path| fs::OpenOptions::new().write(true).open(path).unwrap());
        for at in (0..client.len().max(server.len())).step_by(8192) {
            for (pipe, bytes) in pipes.iter_mut().zip([&client, &server]) {
                let rest = bytes.get(at..).unwrap_or_default();
                pipe.write_all(&rest[..rest.len().min(8192)]).unwrap();
            }
        }
    });
    let args = ["--format", "json", "--threads", "1", names[0], names[1]];
    let output = diagnose_in(folder, &args);
    filling.join().unwrap();
    assert!(report(&output) == expected());

    let twice = names[0];
    refused(folder, &[&format!("a={twice}"), &format!("b={twice}")], twice);
}

#[test]
fn a_directory_is_a_rotated_capture() {
    let scratch = scratch();
    let folder = scratch.path().join("captures");
    let packets = rotated(&folder);
    for name in ["captures", "captures/", "x=captures"] {
        assert_eq!(point(scratch.path(), name), (ALL.map(String::from).to_vec(), packets, vec![]));
    }
    // What is no capture, or nothing yet, is skipped with a note; what is deeper is not seen.
    fs::write(folder.join("README.txt"), "captured on Monday").unwrap();
    fs::write(folder.join("eth0.pcap4"), "").unwrap();
    let begun = &fs::read(folder.join("eth0.pcap")).unwrap()[..20];
    fs::write(folder.join("eth0.pcap5"), begun).unwrap();
    fs::create_dir(folder.join("old")).unwrap();
    fs::copy(testdata(CLIENT), folder.join("old/client.pcap.gz")).unwrap();
    let (files, read, quality) = point(scratch.path(), "captures");
    assert_eq!((files, read), (ALL.map(String::from).to_vec(), packets));
    assert_eq!(quality, ["skipped-file"; 3]);
    // By name it is an error.
    refused(&folder, &["eth0.pcap,README.txt"], "README.txt");
    refused(&folder, &["eth0.pcap4"], "eth0.pcap4");
    // An empty file of a set is none.
    assert_eq!(point(&folder, "eth0.pcap4,eth0.pcap1").2, ["skipped-file"]);

    let none = scratch.path().join("none");
    fs::create_dir(&none).unwrap();
    refused(scratch.path(), &["none"], "none");
    fs::write(none.join("notes"), "no capture").unwrap();
    refused(scratch.path(), &["none"], "notes");
}

#[test]
fn many_skipped_files_are_not_all_named() {
    let scratch = scratch();
    fs::copy(testdata(CLIENT), scratch.path().join("client.pcap.gz")).unwrap();
    for n in 0..50 {
        fs::write(scratch.path().join(format!("notes{n}")), "no capture").unwrap();
    }
    let output = diagnose_in(scratch.path(), &["--format", "json", "x=."]);
    let report = report(&output);
    let quality = report["points"][0]["quality"].as_array().unwrap();
    assert_eq!(quality.len(), 11);
    assert_eq!(quality[10]["detail"], "skipped 40 more files");
}

#[test]
fn a_pattern_is_a_rotated_capture() {
    let scratch = scratch();
    let packets = rotated(&scratch.path().join("captures"));
    let all = ALL.map(String::from).to_vec();
    for pattern in ["captures/eth0.pcap*", "captures/*", "*/eth0.pcap,captures/eth0.pcap[1-9]"] {
        assert_eq!(point(scratch.path(), pattern), (all.clone(), packets, vec![]), "{pattern}");
    }
    let (files, _, _) = point(scratch.path(), "x=captures/eth0.pcap?");
    assert_eq!(files, ALL[1..]);
    refused(scratch.path(), &["captures/eth1.*"], "captures/eth1.*");
    refused(scratch.path(), &["captures/[.pcap"], "captures/[.pcap");
    // A name that looks like a pattern is a name.
    fs::rename(scratch.path().join("captures/eth0.pcap"), scratch.path().join("a[1]*")).unwrap();
    assert_eq!(point(scratch.path(), "a[1]*").0, ["a[1]*"]);
}

#[test]
fn a_file_given_twice_is_read_once() {
    let scratch = scratch();
    let folder = scratch.path().join("captures");
    let packets = rotated(&folder);
    let (files, read, quality) = point(scratch.path(), "captures,captures/eth0.pcap1");
    assert_eq!((files.len(), read), (4, packets));
    assert_eq!(quality, ["duplicate-file"]);
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("eth0.pcap", folder.join("link")).unwrap();
        fs::hard_link(folder.join("eth0.pcap1"), folder.join("hard")).unwrap();
        let (files, read, quality) = point(scratch.path(), "captures");
        assert_eq!(
            (files.len(), read, quality),
            (4, packets, vec!["duplicate-file".to_owned(); 2])
        );
    }
}

#[test]
fn a_half_written_last_file_ends_the_set() {
    let scratch = scratch();
    let packets = rotated(scratch.path());
    let last = fs::read(scratch.path().join("eth0.pcap3")).unwrap();
    fs::write(scratch.path().join("eth0.pcap3"), &last[..last.len() - 7]).unwrap();
    let output = diagnose_in(scratch.path(), &["--format", "json", "x=."]);
    let said = text(&output.stderr);
    assert!(said.lines().count() == 1 && said.contains("eth0.pcap3"), "{said}");
    let report = report(&output);
    assert_eq!(report["points"][0]["packets"], packets - 1);
    assert_eq!(report["points"][0]["quality"][0]["id"], "truncated-tail");
}
