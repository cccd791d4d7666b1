//! The `crosscap` command as its users meet it.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crosscap_testkit::{Capture, PcapWriter};
use serde_json::Value;

/// The command in `folder`, with no say about colours from outside.
fn crosscap(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_crosscap"));
    for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "CI"] {
        command.env_remove(name);
    }
    command.current_dir(folder);
    command
}

fn testdata(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata").join(path)
}

fn arg(path: &str) -> String {
    testdata(path).to_str().unwrap().to_owned()
}

/// Runs `crosscap diagnose` somewhere.
fn diagnose(args: &[&str]) -> Output {
    diagnose_in(&std::env::temp_dir(), args)
}

fn diagnose_in(folder: &Path, args: &[&str]) -> Output {
    crosscap(folder).arg("diagnose").args(args).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// Both points of a scenario.
fn both(scenario: &str) -> [String; 2] {
    ["client", "pod"].map(|p| arg(&format!("{scenario}/{p}.pcap.gz")))
}

/// Runs with a fault in the arguments or files: status 2, nothing on stdout, one line that names the culprit on stderr.
fn refused(folder: &Path, args: &[&str], culprit: &str) {
    let output = diagnose_in(folder, args);
    assert_eq!(output.status.code(), Some(2), "{args:?}");
    assert!(output.stdout.is_empty(), "{args:?}");
    let said = text(&output.stderr);
    assert_eq!(said.lines().count(), 1, "{args:?}: {said}");
    assert!(said.starts_with("crosscap: ") && said.contains(culprit), "{args:?}: {said}");
}

fn scratch() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

#[test]
fn a_healthy_capture_is_status_0_and_silence_on_stderr() {
    let [client, pod] = both("healthy");
    let output = diagnose(&[&client, &pod]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
    assert_eq!(text(&output.stderr), "");
}

#[test]
fn the_incident_is_status_1_and_told_so_that_it_can_be_checked() {
    let [client, pod] = both("incident");
    let output = diagnose(&[&client, &pod]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text(&output.stderr), "");
    let report = text(&output.stdout);
    let hung = ["40422", "57406", "47863", "42341"];
    for port in hung {
        assert!(report.contains(&format!("10.1.0.2:{port}>10.96.0.10:80")), "{port}:\n{report}");
    }
    for word in [
        "nat-expired-server-spoke",
        "confirmed",
        "1,856 s",
        "27.000000 s",
        "10.96.0.10:80 → 10.1.9.7:8080",
        // The handshake, the late reply and the reset, in the capture's own numbers.
        "#932",
        "#93174",
        "#93175",
        "frame.number in {",
        "tcp.stream eq 82",
        "IPVS",
    ] {
        assert!(report.contains(word), "{word}:\n{report}");
    }
    assert!(report.lines().all(|l| l.chars().count() <= 120), "fits a screen:\n{report}");
}

#[test]
fn without_arguments_it_explains_itself_with_status_2() {
    for args in [&[][..], &["diagnose"]] {
        let output = crosscap(&std::env::temp_dir()).args(args).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(text(&output.stderr).contains("Usage: crosscap"), "{args:?}");
    }
    let help = crosscap(&std::env::temp_dir()).args(["diagnose", "--help"]).output().unwrap();
    assert_eq!(help.status.code(), Some(0));
    let help = text(&help.stdout);
    assert!(help.contains("NAME=") && help.contains("--format") && help.contains("Exit status"));
}

#[test]
fn what_is_no_capture_is_refused_in_one_line_that_names_it() {
    let scratch = scratch();
    let folder = scratch.path();
    fs::write(folder.join("empty.pcap"), "").unwrap();
    fs::write(folder.join("notes.txt"), "tcpdump -i eth0\n").unwrap();
    fs::create_dir(folder.join("captures")).unwrap();
    for culprit in ["missing.pcap", "empty.pcap", "notes.txt", "captures"] {
        refused(folder, &[culprit], culprit);
        refused(folder, &[&arg("invalid/client.pcap.gz"), culprit], culprit);
        refused(
            folder,
            &[&format!("pod={}", arg("invalid/pod.pcap.gz")), &format!("x={culprit}")],
            culprit,
        );
    }
}

#[test]
fn two_points_of_one_name_are_refused() {
    let (a, b) = (arg("invalid/client.pcap.gz"), arg("healthy/client.pcap.gz"));
    refused(&std::env::temp_dir(), &[&a, &b], "client");
    let b = format!("client={}", arg("invalid/pod.pcap.gz"));
    refused(&std::env::temp_dir(), &[&a, &b], "client");
}

#[test]
fn a_bad_point_or_option_is_status_2() {
    for args in [&["=x.pcap"][..], &["a="], &["a.pcap,,b.pcap"], &[""], &["--threads", "0", "x"]] {
        let output = diagnose(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(output.stdout.is_empty() && text(&output.stderr).starts_with("error: "));
    }
}

#[test]
fn a_truncated_file_is_analysed_with_a_warning() {
    let scratch = scratch();
    let pod = Capture::load(testdata("invalid/pod.pcap.gz"));
    let whole = pod.pcap(PcapWriter::new().nanos());
    fs::write(scratch.path().join("pod.pcap"), &whole[..whole.len() - 5]).unwrap();
    let output = diagnose_in(scratch.path(), &[&arg("invalid/client.pcap.gz"), "pod.pcap"]);
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.contains("warning") && said.contains("pod.pcap"), "{said}");
    assert!(text(&output.stdout).contains("conntrack-invalid-reply"));

    let whole = fs::read(testdata("healthy/pod.pcap.gz")).unwrap();
    fs::write(scratch.path().join("pod.pcap.gz"), &whole[..whole.len() / 2]).unwrap();
    let output = diagnose_in(scratch.path(), &[&arg("healthy/client.pcap.gz"), "pod.pcap.gz"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
    assert!(text(&output.stderr).contains("pod.pcap.gz"), "{}", text(&output.stderr));
}

#[test]
fn colours_are_for_terminals_and_for_those_who_ask() {
    let [client, pod] = both("slow-server");
    let run = |variables: &[(&str, &str)]| {
        let mut command = crosscap(&std::env::temp_dir());
        let output = command.arg("diagnose").args([&client, &pod]).envs(variables.iter().copied());
        text(&output.output().unwrap().stdout).to_owned()
    };
    let plain = run(&[]);
    assert!(!plain.contains('\u{1b}'));
    let forced = run(&[("CLICOLOR_FORCE", "1")]);
    assert!(forced.contains("\u{1b}["));
    // The same words in another dress.
    let mut bare = forced.split("\u{1b}[");
    let first = bare.next().unwrap().to_owned();
    let rest: String = bare.map(|part| part.split_once('m').unwrap().1).collect();
    assert_eq!(first + &rest, plain);
    for variables in [&[("NO_COLOR", "1")][..], &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]] {
        assert_eq!(run(variables), plain, "{variables:?}");
    }
}

#[test]
fn json_is_json_whatever_the_terminal_likes() {
    let [client, pod] = both("invalid");
    let output = crosscap(&std::env::temp_dir())
        .args(["diagnose", "--format", "json", &client, &pod])
        .env("CLICOLOR_FORCE", "1")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(output.stdout.last(), Some(&b'\n'));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["schema"], "crosscap-report/1");
    assert_eq!(report["generator"]["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(report["findings"][0]["id"], "conntrack-invalid-reply");
    assert_eq!(report["connections"].as_array().unwrap().len(), 240);
}

#[test]
fn threads_change_nothing() {
    let [client, pod] = both("half-closed");
    let run = |threads| diagnose(&["--format", "json", "--threads", threads, &client, &pod]).stdout;
    assert!(run("1") == run("4"));
}

#[test]
fn points_can_be_named_and_rotated_sets_joined_by_commas() {
    let scratch = scratch();
    let whole = Capture::load(testdata("invalid/client.pcap.gz"));
    let half = whole.records.len() / 2;
    let parts = [whole.clone().filtered(|n| n < half), whole.filtered(|n| n >= half)];
    for (n, part) in parts.iter().enumerate() {
        let bytes = part.pcap(PcapWriter::new().nanos());
        fs::write(scratch.path().join(format!("eth0.pcap{n}")), bytes).unwrap();
    }
    let pod = arg("invalid/pod.pcap.gz");
    // The later file first: order does not matter.
    let args = ["--format", "json", "laptop=eth0.pcap1,eth0.pcap0", &format!("server={pod}")];
    let output = diagnose_in(scratch.path(), &args);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["points"][0]["name"], "laptop");
    assert_eq!(report["points"][0]["files"], serde_json::json!(["eth0.pcap0", "eth0.pcap1"]));
    assert_eq!(report["points"][1]["name"], "server");
    assert_eq!(report["findings"][0]["verdict"], "confirmed");
    assert_eq!(report["findings"][0]["connections"].as_array().unwrap().len(), 3);

    // Without a name, the stem of the first file.
    let output = diagnose_in(scratch.path(), &["--format", "json", "eth0.pcap1,eth0.pcap0"]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["points"][0]["name"], "eth0");
}

#[test]
fn names_with_commas_and_equals_signs_are_still_files() {
    let scratch = scratch();
    for name in ["x=y.pcap.gz", "a,b.pcap.gz"] {
        fs::copy(testdata("healthy/client.pcap.gz"), scratch.path().join(name)).unwrap();
        let output = diagnose_in(scratch.path(), &[name]);
        assert_eq!(output.status.code(), Some(0), "{name}: {}", text(&output.stderr));
    }
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let [client, pod] = both("healthy");
    let mut child = crosscap(&std::env::temp_dir())
        .args(["diagnose", "--format", "json", &client, &pod])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // More than a pipe holds is still to come.
    let mut stdout = child.stdout.take().unwrap();
    stdout.read_exact(&mut [0; 10]).unwrap();
    drop(stdout);
    let output = child.wait_with_output().unwrap();
    assert_eq!(text(&output.stderr), "");
    assert_ne!(output.status.code(), Some(101), "no panic");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_told_and_status_2() {
    let output = crosscap(&std::env::temp_dir())
        .args(["diagnose", &arg("invalid/client.pcap.gz")])
        .stdout(fs::OpenOptions::new().write(true).open("/dev/full").unwrap())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = text(&output.stderr);
    assert!(said.starts_with("crosscap: ") && said.lines().count() == 1, "{said}");
}

#[cfg(unix)]
#[test]
fn a_file_name_cannot_speak_to_the_terminal() {
    let scratch = scratch();
    // Would clear the screen.
    let name = "pod\u{1b}[2J.pcap.gz";
    let whole = fs::read(testdata("healthy/pod.pcap.gz")).unwrap();
    fs::write(scratch.path().join(name), &whole[..whole.len() / 2]).unwrap();
    let output = diagnose_in(scratch.path(), &[name]);
    assert_eq!(output.status.code(), Some(0));
    assert!(text(&output.stdout).contains("pod\\u{1b}[2J"), "{}", text(&output.stdout));
    assert!(!text(&output.stdout).contains('\u{1b}'));
    assert!(!text(&output.stderr).contains('\u{1b}'), "warning: {:?}", text(&output.stderr));
}

#[cfg(unix)]
#[test]
fn an_error_about_a_file_cannot_speak_to_the_terminal() {
    let scratch = scratch();
    let name = "pod\u{1b}[2J.pcap";
    let missing = diagnose_in(scratch.path(), &[name]);
    assert!(!text(&missing.stderr).contains('\u{1b}'), "missing: {:?}", text(&missing.stderr));
    fs::write(scratch.path().join(name), "").unwrap();
    let empty = diagnose_in(scratch.path(), &[name]);
    assert!(!text(&empty.stderr).contains('\u{1b}'), "empty: {:?}", text(&empty.stderr));
    let twice = diagnose_in(scratch.path(), &[name, name]);
    assert!(!text(&twice.stderr).contains('\u{1b}'), "twice: {:?}", text(&twice.stderr));
}
