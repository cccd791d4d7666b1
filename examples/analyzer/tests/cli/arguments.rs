//! What goes in: points, files, options.

use std::fs;

use crosscap_testkit::{Capture, PcapWriter};
use serde_json::Value;

use crate::{arg, both, diagnose, diagnose_in, refused, scratch, testdata, text};

#[test]
fn what_is_no_capture_is_refused_in_one_line_that_names_it() {
    let scratch = scratch();
    let folder = scratch.path();
    fs::write(folder.join("empty.pcap"), "").unwrap();
    fs::write(folder.join("notes.txt"), "tcpdump -i eth0\n").unwrap();
    fs::create_dir(folder.join("captures")).unwrap();
    // A directory without files.
    for culprit in ["missing.pcap", "empty.pcap", "notes.txt", "captures"] {
        refused(folder, &[culprit], culprit);
    }
    let point = arg("invalid/client.pcap.gz");
    refused(folder, &[&point, "captures"], "captures");
    refused(folder, &[&format!("pod={point}"), "x=captures"], "captures");
}

#[test]
fn two_points_given_one_name_are_refused() {
    let points =
        ["invalid", "healthy"].map(|s| format!("x={}", arg(&format!("{s}/client.pcap.gz"))));
    refused(&std::env::temp_dir(), &[&points[0], &points[1]], "named x");
}

#[test]
fn points_that_share_a_file_name_are_numbered() {
    let points = ["invalid", "healthy"].map(|s| arg(&format!("{s}/client.pcap.gz")));
    let output = diagnose(&["--format", "json", &points[0], &points[1]]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let names: Vec<_> = report["points"].as_array().unwrap().iter().map(|p| &p["name"]).collect();
    assert_eq!(names, ["client", "client-2"]);
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
fn names_come_from_a_file_that_is_checked_first() {
    let [client, pod] = both("invalid");
    let output = diagnose(&["--k8s", &arg("k8s/cluster.json"), &client, &pod]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    let said = text(&output.stdout);
    assert!(
        said.contains("10.96.0.10:80 (svc shop/cart:http) → 10.1.9.7:8080 (pod shop/"),
        "{said}"
    );

    let scratch = scratch();
    fs::write(scratch.path().join("table.txt"), "NAME READY\nweb 1/1\n").unwrap();
    // Before any capture, which is not there either.
    refused(scratch.path(), &["--k8s", "table.txt", "gone.pcap"], "table.txt: not the JSON of");
    refused(scratch.path(), &["--k8s", "none.json", "gone.pcap"], "none.json: ");
}
