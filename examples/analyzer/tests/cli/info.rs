//! `crosscap info`.

use std::fs;
use std::process::{Output, Stdio};

use serde_json::Value;

use crate::{arg, crosscap, testdata, text};

fn info(args: &[&str]) -> Output {
    crosscap(&std::env::temp_dir()).arg("info").args(args).output().unwrap()
}

#[test]
fn a_whole_capture_is_described() {
    let output = info(&[&arg("incident/client.pcap.gz")]);
    assert_eq!(output.status.code(), Some(0));
    let said = text(&output.stdout);
    assert!(said.contains("pcap (ns), gzip, 3,211 kB, unpacked 27 MB; ETHERNET"), "{said}");
    assert!(said.contains("103,269; 25 MB captured"), "{said}");
    assert!(said.contains("2024-05-14 12:03:35.203843216 to 2024-05-14 12:35:55.022612959 UTC"));
    assert!(output.stderr.is_empty());
}

#[test]
fn json_has_every_file_and_says_which_it_was() {
    let files = ["healthy/client.pcap.gz", "healthy/pod.pcap.gz"].map(arg);
    let output = info(&["--format", "json", "--hash", &files[0], &files[1]]);
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["schema"], "crosscap-info/1");
    assert_eq!(json["files"].as_array().unwrap().len(), 2);
    assert_eq!(json["files"][0]["sha256"].as_str().unwrap().len(), 64);
    assert_eq!(json["files"][0]["size"], fs::metadata(&files[0]).unwrap().len());
    assert_eq!(json["files"][0]["damaged"], false);
}

#[test]
fn the_standard_input_is_a_file_too() {
    let path = testdata("slow-server/client.pcap.gz");
    let output = crosscap(&std::env::temp_dir())
        .args(["info", "-"])
        .stdin(Stdio::from(fs::File::open(&path).unwrap()))
        .output()
        .unwrap();
    let of_file = info(&[path.to_str().unwrap()]);
    let packets = |o: &Output| text(&o.stdout).lines().nth(2).unwrap().to_owned();
    assert_eq!(packets(&output), packets(&of_file));
}

#[test]
fn damage_is_status_1_and_what_cannot_be_read_status_2() {
    let folder = tempfile::tempdir().unwrap();
    let mut whole = crosscap_testkit::PcapWriter::new();
    whole.packet(1, &[1; 60]).packet(2, &[2; 60]);
    let bytes = whole.into_bytes();
    let cut = folder.path().join("cut.pcap");
    fs::write(&cut, &bytes[..bytes.len() - 1]).unwrap();
    let output = info(&[cut.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stdout).contains("the file ends after 75 of 76 bytes of a record"));

    let missing = folder.path().join("missing.pcap");
    let output = info(&[missing.to_str().unwrap(), cut.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("missing.pcap"));
    assert!(text(&output.stdout).contains("cut.pcap"), "the others are described all the same");
}

#[test]
fn salvage_reads_on_behind_damage() {
    let folder = tempfile::tempdir().unwrap();
    let mut file = crosscap_testkit::PcapWriter::new();
    for second in 0..400 {
        file.packet(1_700_000_000_000_000_000 + second * 1_000_000_000, &[7; 1_400]);
    }
    let mut bytes = file.into_bytes();
    // The captured length of the third record.
    bytes[24 + 2 * 1_416 + 8..][..4].fill(0xff);
    let path = folder.path().join("damaged.pcap");
    fs::write(&path, &bytes).unwrap();
    let path = path.to_str().unwrap();
    assert!(text(&info(&[path]).stdout).contains("packets     2;"));
    let output = info(&["--salvage", path]);
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stdout);
    assert!(said.contains("packets     399;"), "{said}");
    assert!(said.contains("397 packets behind a gap"), "{said}");
}

#[test]
fn text_from_captures_cannot_command_the_terminal() {
    let mut file = crosscap_testkit::PcapNgWriter::new();
    let evil = "a\u{1b}]0;owned\u{7}\u{202e}b";
    file.interface(&crosscap_testkit::InterfaceBlock::new().name(evil).option(1, evil.as_bytes()));
    file.packet(0, 1, &[1; 60]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.pcapng");
    fs::write(&path, file.into_bytes()).unwrap();
    for format in ["text", "json"] {
        let output = info(&["--format", format, path.to_str().unwrap()]);
        let said = text(&output.stdout);
        assert!(said.contains("owned"));
        assert!(!said.contains('\u{1b}') && !said.contains('\u{7}'), "{format}");
    }
}
