//! Captures as people really give them: filtered, given twice, merged, named by a folder.

use crosscap::report::{Passage, Report};
use crosscap_testkit::{Capture, PcapNgWriter, PcapWriter};

use crate::less_seen::contradictions;
use crate::support::{
    SECOND, SMALL, Scratch, analyse, analyse_changed, assert_none, captures, claims, view,
};

/// Of Ethernet and IPv4 without options: the source address, the TCP flags.
fn source(frame: &[u8]) -> &[u8] {
    frame.get(26..30).unwrap_or_default()
}

fn flags(frame: &[u8]) -> u8 {
    frame.get(47).copied().unwrap_or_default()
}

/// The packets that a filter lets through.
fn filtered(capture: &Capture, keep: impl Fn(&[u8]) -> bool) -> Capture {
    let kept: Vec<bool> = capture.records.iter().map(|r| keep(&r.data)).collect();
    capture.clone().filtered(|i| kept[i])
}

fn remarks<'a>(report: &'a Report, point: &str) -> Vec<&'a str> {
    let point = report.points.iter().find(|p| p.name == point).unwrap();
    point.quality.iter().map(|q| q.id.as_str()).collect()
}

/// What every connection is said to have met between its points.
fn passages(report: &Report) -> impl Iterator<Item = &Passage> {
    let hops = report.connections.iter().flat_map(|c| &c.between);
    hops.flat_map(|b| [&b.orig_to_resp, &b.resp_to_orig]).flatten()
}

/// What NAT did, times aside.
fn translations(report: &Report) -> Vec<String> {
    let told = report.nat.iter().map(|n| format!("{:?} {:?} {}", n.before, n.after, n.connections));
    told.collect()
}

/// Packets of a passage that are told to be missing somewhere.
fn missing(passage: &Passage) -> u64 {
    let fates = [
        &passage.lost,
        &passage.bare_missing,
        &passage.undecided,
        &passage.unrecorded_far,
        &passage.unrecorded_near,
        &passage.unexplained,
        &passage.injected,
    ];
    fates.into_iter().flatten().map(|fate| fate.packets).sum()
}

const CLIENT: [u8; 4] = [10, 1, 0, 2];
const FIN_SYN_RST: u8 = 7;

#[test]
fn one_direction_is_no_loss_and_nobody_hangs_for_it() {
    let mut problems = Vec::new();
    for scenario in SMALL {
        let whole = captures(scenario);
        for point in 0..2 {
            for of_client in [true, false] {
                let mut given = whole.clone();
                given[point] =
                    filtered(&whole[point], |frame| (source(frame) == CLIENT) == of_client);
                let report = analyse_changed(&given[0], &given[1]);
                let what =
                    format!("{scenario}, {} of the client: {of_client}", ["client", "pod"][point]);
                assert!(
                    remarks(&report, ["client", "pod"][point]).contains(&"one-direction"),
                    "{what}"
                );
                assert!(
                    !remarks(&report, ["pod", "client"][point]).contains(&"one-direction"),
                    "{what}"
                );
                // What the whole captures show to be missing may be missing.
                let lost = |r: &Report| passages(r).map(missing).sum::<u64>();
                let (all, few) = (lost(&view(scenario).report), lost(&report));
                if few > all {
                    problems.push(format!("{what}: {few} packets missing, {all} of the whole"));
                }
                problems.extend(contradictions(&what, view(scenario), &report));
            }
        }
    }
    assert_none(&problems);
}

#[test]
fn a_filter_for_handshakes_is_no_loss_and_no_silence() {
    let mut problems = Vec::new();
    for scenario in SMALL {
        let whole = captures(scenario);
        for filtered_points in [&[0][..], &[1], &[0, 1]] {
            let mut given = whole.clone();
            for &point in filtered_points {
                given[point] = filtered(&whole[point], |frame| flags(frame) & FIN_SYN_RST != 0);
            }
            let report = analyse_changed(&given[0], &given[1]);
            let what = format!("{scenario}, handshakes of {filtered_points:?}");
            for &point in filtered_points {
                let name = ["client", "pod"][point];
                assert!(remarks(&report, name).contains(&"no-payload"), "{what}");
            }
            for passage in passages(&report) {
                let bytes = [
                    &passage.lost,
                    &passage.undecided,
                    &passage.unrecorded_far,
                    &passage.unrecorded_near,
                ];
                let bytes: u64 = bytes.into_iter().flatten().map(|f| f.bytes).sum();
                if bytes > 0 {
                    problems.push(format!("{what}: {bytes} bytes missing"));
                }
            }
            let outlived =
                |r: &Report| r.idle_timeouts.iter().filter_map(|t| t.survived_max_ns).max();
            if outlived(&report) > outlived(&view(scenario).report) {
                problems.push(format!("{what}: outlived {:?}", outlived(&report)));
            }
            problems.extend(contradictions(&what, view(scenario), &report));
        }
    }
    assert_none(&problems);
}

#[test]
fn a_capture_given_twice_is_one_point() {
    let scratch = Scratch::new();
    for scenario in SMALL {
        let [client, pod] = captures(scenario);
        let base = analyse_changed(&client, &pod);
        let client_file = scratch.capture("client.pcap", &client);
        let pod_file = scratch.capture("pod.pcap", &pod);
        let few = client.records.len() * 2 / 3;
        let copies = [
            ("the same", scratch.capture("copy.pcap", &client)),
            ("pcapng", scratch.put("copy.pcapng", &client.pcapng(PcapNgWriter::new()))),
            ("microseconds", scratch.put("micros.pcap", &client.pcap(PcapWriter::new()))),
            ("shifted", scratch.capture("late.pcap", &client.clone().shifted(3 * SECOND))),
            ("its beginning", scratch.capture("part.pcap", &client.clone().filtered(|i| i < few))),
            (
                "handshakes",
                scratch.capture("hs.pcap", &filtered(&client, |f| flags(f) & FIN_SYN_RST != 0)),
            ),
            ("one way", scratch.capture("way.pcap", &filtered(&client, |f| source(f) == CLIENT))),
        ];
        for (what, copy) in copies {
            let what = format!("{scenario}, {what}");
            let of = |name: &str, file: &std::path::PathBuf| (name.to_owned(), vec![file.clone()]);
            for order in [["client", "copy", "pod"], ["copy", "pod", "client"]] {
                let given = order.map(|name| match name {
                    "client" => of(name, &client_file),
                    "pod" => of(name, &pod_file),
                    _ => of(name, &copy),
                });
                let given: Vec<_> = given.iter().map(|(n, f)| (n.as_str(), f.clone())).collect();
                let report = analyse(&given);
                let later = if order[0] == "copy" { "client" } else { "copy" };
                assert!(remarks(&report, later).contains(&"same-place"), "{what}");
                assert!(!remarks(&report, "pod").contains(&"same-place"), "{what}");
                assert_eq!(claims(&report), claims(&base), "{what}");
                assert_eq!(translations(&report), translations(&base), "{what}");
                for c in &report.connections {
                    let points: Vec<&str> = c.legs.iter().map(|l| l.point.as_str()).collect();
                    assert!(!(points.contains(&"client") && points.contains(&"copy")), "{what}");
                }
            }
        }
    }
}

#[test]
fn two_places_are_not_one() {
    for scenario in SMALL {
        let report = &view(scenario).report;
        assert!(["client", "pod"].iter().all(|p| !remarks(report, p).contains(&"same-place")));
    }
}
