//! What comes out: status, report, warnings.

use std::fs;
use std::io::Read;
use std::process::Stdio;

use crosscap_testkit::{Capture, PcapWriter};

use crate::{arg, both, crosscap, diagnose, diagnose_in, scratch, testdata, text};

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
fn a_truncated_file_is_analysed_with_a_warning() {
    let scratch = scratch();
    let pod = Capture::load(testdata("invalid/pod.pcap.gz"));
    let whole = pod.pcap(PcapWriter::new().nanos());
    fs::write(scratch.path().join("pod.pcap"), &whole[..whole.len() - 5]).unwrap();
    let output = diagnose_in(scratch.path(), &[&arg("invalid/client.pcap.gz"), "pod.pcap"]);
    assert_eq!(output.status.code(), Some(1));
    let (told, said) = (text(&output.stdout), text(&output.stderr));
    // Said once: in the report.
    assert_eq!(said, "");
    assert_eq!(
        told.matches("cut short behind frame 3899: the file ends after ").count(),
        1,
        "{told}"
    );
    assert!(told.contains("conntrack-invalid-reply"));
    let client = arg("invalid/client.pcap.gz");
    let args = ["--format", "json", &client, "pod.pcap"];
    let said = text(&diagnose_in(scratch.path(), &args).stderr).to_owned();
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.starts_with("crosscap: warning: pod: pod.pcap: cut short "), "{said}");

    let whole = fs::read(testdata("healthy/pod.pcap.gz")).unwrap();
    fs::write(scratch.path().join("pod.pcap.gz"), &whole[..whole.len() / 2]).unwrap();
    let output = diagnose_in(scratch.path(), &[&arg("healthy/client.pcap.gz"), "pod.pcap.gz"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
    assert!(
        text(&output.stdout).contains("the gzip stream ends early"),
        "{}",
        text(&output.stdout)
    );
}

#[test]
fn what_cannot_be_read_does_not_keep_the_rest_from_being_analysed() {
    let scratch = scratch();
    fs::write(scratch.path().join("notes.txt"), "remember to rotate").unwrap();
    fs::write(scratch.path().join("empty.pcap"), "").unwrap();
    let client = arg("invalid/client.pcap.gz");
    let alone = diagnose_in(scratch.path(), &["--format", "json", &client]);
    for bad in ["notes.txt", "empty.pcap", "nowhere.pcap"] {
        for order in [[bad, &client], [&client, bad]] {
            let output = diagnose_in(scratch.path(), &order);
            assert_eq!(output.status.code(), Some(2), "{bad}");
            let said = text(&output.stderr);
            assert!(said.starts_with("crosscap: ") && said.contains(bad), "{said}");
            assert!(text(&output.stdout).contains("not read"), "{bad}");
            let mut args = vec!["--format", "json"];
            args.extend(order);
            let output = diagnose_in(scratch.path(), &args);
            let [all, one] = [&output, &alone]
                .map(|o| serde_json::from_slice::<serde_json::Value>(&o.stdout).unwrap());
            assert_eq!(all["findings"], one["findings"], "{bad}");
            assert_eq!(all["unread"][0]["name"], bad.split('.').next().unwrap());
        }
    }
    let none = diagnose_in(scratch.path(), &["notes.txt", "empty.pcap"]);
    assert_eq!((none.status.code(), none.stdout.len()), (Some(2), 0));
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
