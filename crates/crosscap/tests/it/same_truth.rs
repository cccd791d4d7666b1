//! The same packets told in another way: the same findings.

use std::fs;
use std::path::PathBuf;

use crosscap::Analysis;
use crosscap::report::{Report, write_json};
use crosscap_testkit::{Capture, PcapNgWriter, PcapWriter, TcpFrame, Wire, gzip};

use crate::support::{
    SECOND, SMALL, Scratch, analyse, analyse_changed, analyse_scenario, capture, captures, claims,
    view,
};

const HOUR: i64 = 3600 * SECOND;

/// Same claims about the same connections, and the same brackets.
fn assert_same(scenario: &str, what: &str, changed: &Report) {
    let base = &view(scenario).report;
    assert_eq!(claims(changed), claims(base), "{scenario}, {what}");
    assert_eq!(changed.idle_timeouts, base.idle_timeouts, "{scenario}, {what}");
    let ids = |r: &Report| -> Vec<String> {
        let mut ids: Vec<_> = r.connections.iter().map(|c| c.id.clone()).collect();
        ids.sort_unstable();
        ids
    };
    assert_eq!(ids(changed), ids(base), "{scenario}, {what}");
}

#[test]
fn swapped_points_give_the_same_findings() {
    for scenario in SMALL.into_iter().chain(["incident", "healthy"]) {
        assert_same(scenario, "swapped", &analyse_scenario(scenario, &["pod", "client"]));
    }
}

#[test]
fn any_order_of_three_points_gives_the_same_findings() {
    for scenario in ["client-speaks-first", "silent-drop", "invalid"] {
        let base = analyse_scenario(scenario, &["client", "node", "pod"]);
        for order in
            [["node", "pod", "client"], ["pod", "node", "client"], ["pod", "client", "node"]]
        {
            let changed = analyse_scenario(scenario, &order);
            assert_eq!(claims(&changed), claims(&base), "{scenario}, {order:?}");
            assert_eq!(changed.idle_timeouts, base.idle_timeouts, "{scenario}, {order:?}");
        }
    }
}

#[test]
fn threads_do_not_change_a_byte() {
    let folder = tempfile::tempdir().unwrap();
    let plain = ["client", "pod"].map(|point| {
        let path = folder.path().join(point);
        let packets = Capture::load(capture("incident", point));
        fs::write(&path, packets.pcapng(PcapNgWriter::new())).unwrap();
        path
    });
    let packed = ["client", "node", "pod"].map(|point| capture("invalid", point));
    // With 8 threads each point gets several, and a plain file is read by all of them.
    for files in [&plain[..], &packed] {
        let [one, eight] = [1, 8].map(|threads| {
            let mut analysis = Analysis::builder().threads(threads);
            for (i, file) in files.iter().enumerate() {
                analysis = analysis.point(format!("{i}"), [file]);
            }
            let mut json = Vec::new();
            write_json(&analysis.run().unwrap().report, &mut json).unwrap();
            json
        });
        assert!(one == eight, "{files:?}");
    }
}

#[test]
fn a_clock_an_hour_off_gives_the_same_findings() {
    for scenario in SMALL.into_iter().chain(["incident"]) {
        let [client, pod] = captures(scenario);
        let late = analyse_changed(&client, &pod.clone().shifted(HOUR));
        assert_same(scenario, "pod an hour late", &late);
        let [base, moved] =
            [&view(scenario).report, &late].map(|r| r.points[1].clock.offset_ns.unwrap());
        assert_eq!(moved - base, HOUR, "{scenario}");
        if scenario != "incident" {
            let early = analyse_changed(&client, &pod.clone().shifted(-HOUR));
            assert_same(scenario, "pod an hour early", &early);
            assert_same(scenario, "client early", &analyse_changed(&client.shifted(-HOUR), &pod));
        }
    }
}

#[test]
fn packets_recorded_twice_are_neither_retransmissions_nor_faults() {
    for scenario in SMALL.into_iter().chain(["incident"]) {
        let [client, pod] = captures(scenario);
        let (twice_client, twice_pod) = (client.clone().doubled(), pod.clone().doubled());
        let mut cases = vec![("both twice", analyse_changed(&twice_client, &twice_pod), [true; 2])];
        if scenario != "incident" {
            cases.push(("client twice", analyse_changed(&twice_client, &pod), [true, false]));
            cases.push(("pod twice", analyse_changed(&client, &twice_pod), [false, true]));
        }
        for (what, changed, doubled) in cases {
            assert_same(scenario, what, &changed);
            assert_eq!(counts(&changed), counts(&view(scenario).report), "{scenario}, {what}");
            for (point, doubled) in changed.points.iter().zip(doubled) {
                let noted = point.quality.iter().any(|q| q.id == "capture-duplicates");
                assert_eq!(noted, doubled, "{scenario}, {what}: {:?}", point.quality);
            }
        }
    }
}

#[test]
fn copies_that_come_late_between_other_packets_change_no_claim_and_no_clock() {
    for scenario in SMALL {
        let [client, pod] = captures(scenario);
        for nanos in [30_000, 2_000_000] {
            let changed = analyse_changed(&client.clone().echoed(nanos), &pod);
            let base = &view(scenario).report;
            assert_eq!(claims(&changed), claims(base), "{scenario}, {nanos} ns late");
            let middle = base.points[1].clock.offset_ns.unwrap();
            let clock = &changed.points[1].clock;
            let bounds = clock.offset_low_ns.unwrap()..=clock.offset_high_ns.unwrap();
            assert!(bounds.contains(&middle), "{scenario}, {nanos} ns late: {clock:?}");
        }
    }
}

/// Of each leg: its ends, bytes and retransmissions.
fn counts(report: &Report) -> Vec<String> {
    let legs = report.connections.iter().flat_map(|c| &c.legs);
    legs.map(|l| {
        let retransmits = (l.orig_retransmits, l.resp_retransmits);
        let bytes = (l.orig_bytes, l.resp_bytes);
        format!("{} {} {}: {retransmits:?} {bytes:?} {}", l.point, l.orig, l.resp, l.conn_state)
    })
    .collect()
}

#[test]
fn the_file_format_does_not_matter() {
    type Write = fn(&Capture) -> Vec<u8>;
    let formats: [(&str, Write); 5] = [
        ("pcap, plain", |c| c.pcap(PcapWriter::new().nanos())),
        ("pcap, big-endian, gzip", |c| gzip(&c.pcap(PcapWriter::new().nanos().big_endian()))),
        ("pcap, modified", |c| c.pcap(PcapWriter::new().modified())),
        ("pcapng", |c| c.pcapng(PcapNgWriter::new())),
        ("pcapng, big-endian", |c| c.pcapng(PcapNgWriter::new_big_endian())),
    ];
    let scratch = Scratch::new();
    for scenario in SMALL {
        let [client, pod] = captures(scenario);
        for (what, write) in formats {
            let client = scratch.put("client", &write(&client));
            let pod = scratch.put("pod", &write(&pod));
            let changed = analyse(&[("client", vec![client]), ("pod", vec![pod])]);
            if what == "pcap, modified" {
                // Of microseconds: the brackets differ by some.
                assert_eq!(claims(&changed), claims(&view(scenario).report), "{scenario}, {what}");
            } else {
                assert_same(scenario, what, &changed);
            }
        }
    }
}

#[test]
fn microseconds_are_enough_on_either_side() {
    for scenario in SMALL.into_iter().chain(["incident"]) {
        let [client, pod] = captures(scenario);
        let scratch = Scratch::new();
        let rough = scratch.put("client.pcap", &client.pcap(PcapWriter::new()));
        let changed = analyse(&[("client", vec![rough]), ("pod", vec![capture(scenario, "pod")])]);
        assert_eq!(claims(&changed), claims(&view(scenario).report), "{scenario}, client");
        let rough = scratch.put("pod.pcap", &pod.pcap(PcapWriter::new()));
        let changed =
            analyse(&[("client", vec![capture(scenario, "client")]), ("pod", vec![rough])]);
        assert_eq!(claims(&changed), claims(&view(scenario).report), "{scenario}, pod");
    }
}

#[test]
fn a_rotated_set_in_any_order_is_one_capture() {
    for scenario in SMALL.into_iter().chain(["incident"]) {
        let [client, pod] = captures(scenario);
        let scratch = Scratch::new();
        let (client, starts) = rotated(&scratch, "client", &client);
        let (pod, _) = rotated(&scratch, "pod", &pod);
        let changed = analyse(&[("client", client), ("pod", pod)]);
        assert_same(scenario, "rotated", &changed);
        assert_eq!(changed.points[0].files, ["client-0.pcap", "client-1.pcap", "client-2.pcap"]);

        // The same frames, numbered in their files.
        let base = &view(scenario).report;
        for (a, b) in base.findings.iter().zip(&changed.findings) {
            let cited = |f: &crosscap::report::Fact, start: u64| -> Vec<(String, i64, u64)> {
                f.frames.iter().map(|n| (f.text.clone(), f.time_ns, n + start)).collect()
            };
            let of_client = |f: &&crosscap::report::Fact| f.point == "client";
            let whole: Vec<_> =
                a.facts.iter().filter(of_client).flat_map(|f| cited(f, 0)).collect();
            let in_files = b.facts.iter().filter(of_client).flat_map(|f| {
                let file = changed.points[0].files.iter().position(|name| *name == f.file).unwrap();
                cited(f, starts[file])
            });
            assert_eq!(in_files.collect::<Vec<_>>(), whole, "{scenario}: {}", a.id);
        }
    }
}

/// Three files, not in order, and how many packets lie before each in order.
fn rotated(scratch: &Scratch, name: &str, whole: &Capture) -> (Vec<PathBuf>, [u64; 3]) {
    let (third, all) = (whole.records.len() / 3, whole.records.len());
    let starts = [0, third, 2 * third];
    let ends = [third, 2 * third, all];
    let files = [2, 0, 1].map(|i| {
        let part = whole.clone().filtered(|place| (starts[i]..ends[i]).contains(&place));
        scratch.capture(&format!("{name}-{i}.pcap"), &part)
    });
    (files.into(), starts.map(|s| s as u64))
}

#[test]
fn threads_do_not_change_what_fragments_give() {
    let mut file = PcapWriter::new();
    for i in 0..40_u64 {
        let frame =
            TcpFrame::new("10.0.0.1:40000", "10.0.0.2:80").flags("A").seq(1 + 100 * i as u32);
        let packet = Wire::tcp(&frame.payload(&[7; 100]));
        for (j, piece) in packet.fragments(i as u16, 48).iter().rev().enumerate() {
            file.packet(i * 1_000_000 + j as u64 * 1_000, &piece.ethernet().bytes);
        }
        // Put together, a TCP header that contradicts itself.
        for (offset, more) in [(0, true), (24, false)] {
            let lie = packet.lying_fragment(1_000 + i as u16, offset, more, &[0; 24]);
            file.packet(i * 1_000_000 + 500_000, &lie.ethernet().bytes);
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fragments.pcap");
    fs::write(&path, file.into_bytes()).unwrap();
    let [one, four] = [1, 4].map(|threads| {
        Analysis::builder().threads(threads).point("p", [&path]).run().unwrap().report
    });
    assert_eq!(one.connections[0].legs[0].orig_bytes, 4_000);
    assert!(one.points[0].quality.iter().any(|q| q.detail.starts_with("40 packets with headers")));
    assert_eq!(one, four);
}
