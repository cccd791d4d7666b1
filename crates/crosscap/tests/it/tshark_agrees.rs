//! tshark counts the same packets and streams.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::thread;

use crosscap::report::Report;

use crate::support::{View, capture, views};

/// What tshark makes of a capture: how many packets, and each `tcp.stream` with its ends, in order of their names.
struct Tshark {
    packets: u64,
    streams: BTreeMap<u64, [String; 2]>,
}

fn is_there() -> bool {
    let there = Command::new("tshark").arg("--version").output().is_ok();
    if !there {
        println!("note: no tshark here, so it was not asked");
    }
    there
}

fn ask(file: &Path) -> Tshark {
    let fields = ["tcp.stream", "ip.src", "tcp.srcport", "ip.dst", "tcp.dstport"];
    let asked = Command::new("tshark")
        .args(["-n", "-T", "fields", "-r"])
        .arg(file)
        .args(fields.iter().flat_map(|f| ["-e", f]))
        .output()
        .unwrap();
    assert!(asked.status.success(), "{}", String::from_utf8_lossy(&asked.stderr));
    let mut tshark = Tshark { packets: 0, streams: BTreeMap::new() };
    for line in String::from_utf8(asked.stdout).unwrap().lines() {
        tshark.packets += 1;
        let [stream, src, src_port, dst, dst_port] =
            line.split('\t').collect::<Vec<_>>().try_into().unwrap();
        if let Ok(stream) = stream.parse() {
            let mut ends = [format!("{src}:{src_port}"), format!("{dst}:{dst_port}")];
            ends.sort_unstable();
            let known = tshark.streams.entry(stream).or_insert_with(|| ends.clone());
            assert_eq!(*known, ends, "stream {stream} of {}", file.display());
        }
    }
    tshark
}

/// Compares what a report says of a point with what tshark says of its capture.
fn compare(view: &View, report: &Report, point: &str) {
    let name = format!("{}: {point}", view.scenario);
    let tshark = ask(&capture(view.scenario, point));
    let told = report.points.iter().find(|p| p.name == point).unwrap();
    assert_eq!(told.packets, tshark.packets, "{name}: packets");
    let count = tshark.streams.last_key_value().map_or(0, |(last, _)| last + 1);
    assert_eq!(told.tcp_connections, count, "{name}: streams");

    let mut filtered = BTreeMap::new();
    for leg in report.connections.iter().flat_map(|c| &c.legs).filter(|l| l.point == point) {
        let stream = leg.wireshark_filter.strip_prefix("tcp.stream eq ");
        let stream: u64 = stream.unwrap_or_else(|| panic!("{name}: {leg:?}")).parse().unwrap();
        let mut ends = [leg.orig.clone(), leg.resp.clone()];
        ends.sort_unstable();
        assert_eq!(filtered.insert(stream, ends), None, "{name}: stream {stream} twice");
    }
    assert!(filtered == tshark.streams, "{name}: filters lead to other streams");
}

#[test]
fn packets_streams_and_filters_are_those_of_tshark() {
    if !is_there() {
        return;
    }
    // Of each scenario, the view of most points: every capture once.
    let mut fullest: BTreeMap<&str, &View> = BTreeMap::new();
    for view in views() {
        let kept = fullest.entry(view.scenario).or_insert(view);
        if view.points.len() > kept.points.len() {
            *kept = view;
        }
    }
    thread::scope(|scope| {
        let all = fullest.values().flat_map(|view| view.points.iter().map(move |p| (view, p)));
        let running: Vec<_> = all
            .map(|(view, point)| scope.spawn(move || compare(view, &view.report, point)))
            .collect();
        assert_eq!(running.len(), 19, "captures");
        for one in running {
            one.join().unwrap();
        }
    });
}

#[test]
fn frames_that_prove_a_finding_are_found_by_the_filter_of_their_connection() {
    if !is_there() {
        return;
    }
    for scenario in ["invalid", "silent-drop", "half-closed"] {
        let view = views().iter().find(|v| v.scenario == scenario).unwrap();
        let finding = &view.report.findings[0];
        let of = |c: &&crosscap::report::Connection| c.id == finding.connections[0];
        let connection = view.report.connections.iter().find(of).unwrap();
        for point in view.points {
            let legs = connection.legs.iter().filter(|l| l.point == *point);
            let filter: Vec<&str> = legs.map(|l| l.wireshark_filter.as_str()).collect();
            let asked = Command::new("tshark")
                .args([
                    "-n",
                    "-T",
                    "fields",
                    "-e",
                    "frame.number",
                    "-Y",
                    &filter.join(" || "),
                    "-r",
                ])
                .arg(capture(scenario, point))
                .output()
                .unwrap();
            let text = String::from_utf8(asked.stdout).unwrap();
            let shown: Vec<u64> = text.lines().map(|l| l.parse().unwrap()).collect();
            let facts = finding.facts.iter().filter(|f| f.point == *point);
            for fact in facts.filter(|f| f.connection == connection.id) {
                assert!(fact.frames.iter().all(|f| shown.contains(f)), "{scenario}: {fact:?}");
            }
        }
    }
}
