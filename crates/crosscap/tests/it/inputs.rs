//! Captures as people really give them: filtered, given twice, merged, named by a folder.

use crosscap::report::{Passage, Report};
use crosscap_testkit::{
    Capture, CaptureRecord, InterfaceBlock, PcapNgWriter, PcapWriter, TcpFrame, gzip,
};

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
                assert!(remarks(&report, name).contains(&"handshakes-only"), "{what}");
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
    for scenario in ["client-speaks-first", "half-closed"] {
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

/// Both captures in one, in order of time, with the interface of each packet.
fn merged(captures: &[Capture; 2]) -> Vec<(u32, CaptureRecord)> {
    let of = |i: u32| captures[i as usize].records.iter().map(move |r| (i, r.clone()));
    let mut all: Vec<_> = of(0).chain(of(1)).collect();
    all.sort_by_key(|(_, r)| r.nanos);
    all
}

fn merged_pcap(captures: &[Capture; 2]) -> Capture {
    let records = merged(captures).into_iter().map(|(_, r)| r).collect();
    Capture { network: captures[0].network, records }
}

/// As `mergecap -I none` does.
fn merged_pcapng(captures: &[Capture; 2]) -> Vec<u8> {
    let mut writer = PcapNgWriter::new();
    for capture in captures {
        let network = u16::try_from(capture.network).unwrap();
        writer.interface(&InterfaceBlock::new().link_type(network).tsresol(9));
    }
    for (interface, r) in merged(captures) {
        let lengths = (r.data.len() as u32, r.original_len);
        writer.enhanced_packet(interface, r.nanos, lengths, &r.data, &[]);
    }
    writer.into_bytes()
}

/// The captures of the client and of a router next to it, which translates nothing.
fn without_nat(client: &Capture, later: i64) -> [Capture; 2] {
    let mut routed = client.clone().shifted(later);
    for r in &mut routed.records {
        if let Some(ttl) = r.data.get_mut(22) {
            *ttl = ttl.saturating_sub(1);
        }
    }
    [client.clone(), routed]
}

#[test]
fn merged_captures_are_taken_apart_by_interface() {
    let scratch = Scratch::new();
    for scenario in SMALL {
        let both = captures(scenario);
        let base = &view(scenario).report;
        let far = [both[0].clone(), both[1].clone().shifted(-27 * SECOND)];
        let report = analyse(&[("all", vec![scratch.put("all.pcapng", &merged_pcapng(&far))])]);
        let names: Vec<&str> = report.points.iter().map(|p| p.name.as_str()).collect();
        assert_eq!(names, ["all/interface 0", "all/interface 1"], "{scenario}");
        assert!(names.iter().all(|name| remarks(&report, name).contains(&"split")), "{scenario}");
        assert_eq!(claims(&report), claims(base), "{scenario}");
        assert_eq!(translations(&report), translations(base), "{scenario}");
        let legs = report.connections.iter().flat_map(|c| &c.legs);
        for leg in legs {
            let interface = leg.point.strip_prefix("all/interface ").unwrap();
            let filter = format!("frame.interface_id == {interface}");
            assert!(
                leg.wireshark_filter.ends_with(&filter),
                "{scenario}: {}",
                leg.wireshark_filter
            );
        }
    }
}

#[test]
fn merged_captures_that_nothing_tells_apart_are_doubted() {
    let scratch = Scratch::new();
    let mut problems = Vec::new();
    for scenario in SMALL {
        let [client, pod] = captures(scenario);
        for later in [27 * SECOND, -27 * SECOND, SECOND / 20] {
            let translated = [client.clone(), pod.clone().shifted(later)];
            for (what, both) in [("NAT", translated), ("no NAT", without_nat(&client, later))] {
                // Legs on both sides of a NAT that are as near as that are those of a node.
                if what == "NAT" && later < SECOND && later > 0 {
                    continue;
                }
                let what = format!("{scenario}, {what}, {later} ns");
                let given = [("all", vec![scratch.capture("all.pcap", &merged_pcap(&both))])];
                let report = analyse(&given);
                assert!(remarks(&report, "all").contains(&"merged"), "{what}");
                for f in report
                    .findings
                    .iter()
                    .filter(|f| f.verdict != "possible" && f.verdict != "insufficient")
                {
                    problems.push(format!("{what}: {} {}", f.verdict, f.id));
                }
                let lost = passages(&report).map(missing).sum::<u64>();
                if lost > 0 {
                    problems.push(format!("{what}: {lost} packets missing"));
                }
            }
        }
    }
    assert_none(&problems);
}

#[test]
fn a_folder_of_several_places_is_several_points() {
    for scenario in SMALL {
        let scratch = Scratch::new();
        let base = &view(scenario).report;
        for (name, capture) in ["client", "pod"].into_iter().zip(captures(scenario)) {
            let shifted = capture.shifted(if name == "pod" { -27 * SECOND } else { 0 });
            let third = shifted.records.len() / 3;
            for part in 0..3 {
                let range = part * third..if part == 2 { usize::MAX } else { (part + 1) * third };
                let rotated = shifted.clone().filtered(|i| range.contains(&i));
                scratch.capture(&format!("{name}-{part}.pcap"), &rotated);
            }
        }
        let report = analyse(&[("all", vec![scratch.folder()])]);
        let mut names: Vec<&str> = report.points.iter().map(|p| p.name.as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, ["all/client", "all/pod"], "{scenario}");
        assert!(report.points.iter().all(|p| p.files.len() == 3), "{scenario}");
        assert_eq!(claims(&report), claims(base), "{scenario}");
    }
}

#[test]
fn a_rotated_capture_stays_one_point() {
    let scratch = Scratch::new();
    let [client, _] = captures("client-speaks-first");
    let quarter = client.records.len() / 4;
    for part in 0..5 {
        let range = part * quarter..(part + 1) * quarter;
        // As `tcpdump -C` names them.
        let name = if part == 0 { "client.pcap".to_owned() } else { format!("client.pcap{part}") };
        scratch.capture(&name, &client.clone().filtered(|i| range.contains(&i)));
    }
    let report = analyse(&[("client", vec![scratch.folder()])]);
    assert_eq!(report.points.len(), 1);
    assert!(!remarks(&report, "client").iter().any(|id| ["split", "merged"].contains(id)));
}

/// As `tcpdump -s` does.
fn cut(capture: &Capture, bytes: usize) -> Capture {
    let mut capture = capture.clone();
    capture.records.iter_mut().for_each(|r| r.data.truncate(bytes));
    capture
}

#[test]
fn a_short_snap_length_at_one_point_is_no_loss() {
    let mut problems = Vec::new();
    for scenario in SMALL {
        let whole = captures(scenario);
        let all = passages(&view(scenario).report).map(missing).sum::<u64>();
        for bytes in [54, 68, 96] {
            for point in 0..2 {
                let mut given = whole.clone();
                given[point] = cut(&whole[point], bytes);
                let report = analyse_changed(&given[0], &given[1]);
                let name = ["client", "pod"][point];
                let what = format!("{scenario}, {bytes} bytes at {name}");
                assert!(remarks(&report, name).contains(&"cut-packets"), "{what}");
                let lost = passages(&report).map(missing).sum::<u64>();
                if lost > all {
                    problems.push(format!("{what}: {lost} packets missing, {all} of the whole"));
                }
                problems.extend(contradictions(&what, view(scenario), &report));
            }
        }
    }
    assert_none(&problems);
}

#[test]
fn captures_of_different_times_have_nothing_in_common() {
    let [client, pod] = captures("slow-server");
    let report = analyse_changed(&client, &pod.clone().filtered(|_| false));
    assert_eq!(
        (remarks(&report, "client"), remarks(&report, "pod")),
        (vec!["nothing-in-common"], vec!["no-packets"])
    );

    let half = |capture: &Capture, late: bool| {
        let middle = capture.records[0].nanos.midpoint(capture.records.last().unwrap().nanos);
        let kept: Vec<bool> = capture.records.iter().map(|r| (r.nanos > middle) == late).collect();
        capture.clone().filtered(|i| kept[i])
    };
    let report = analyse_changed(&half(&client, false), &half(&pod, true));
    let matched =
        report.connections.iter().any(|c| c.legs.iter().any(|l| l.point != c.legs[0].point));
    for point in &report.points {
        let told = point.quality.iter().find(|q| q.id == "nothing-in-common");
        assert_eq!(told.is_none(), matched, "{}", point.name);
        assert!(told.is_none_or(|q| q.detail.contains("do not overlap")), "{told:?}");
    }
    assert_none(&contradictions("half of each", view("slow-server"), &report));
}

#[test]
fn a_folder_with_a_capture_and_its_compressed_copy_is_one_place() {
    let scratch = Scratch::new();
    let [client, _] = captures("half-closed");
    let file = scratch.capture("client.pcap", &client);
    scratch.put("client.pcap.gz", &gzip(&std::fs::read(file).unwrap()));
    let report = analyse(&[("all", vec![scratch.folder()])]);
    let names: Vec<&str> = report.points.iter().map(|p| p.name.as_str()).collect();
    assert_eq!(names, ["all/client.pcap", "all/client.pcap.gz"]);
    assert!(remarks(&report, names[1]).contains(&"same-place"));
    assert!(report.connections.iter().all(|c| c.copies.len() == c.legs.len()));
}

#[test]
fn nobody_answers_is_not_one_direction_captured() {
    let scratch = Scratch::new();
    let mut hung = PcapWriter::new();
    for k in 0..6 {
        let frame = TcpFrame::new("10.1.0.2:40000", "10.1.9.7:80").flags("PA").seq(500).ack(900);
        hung.packet(
            1_700_000_000_000_000_000 + (1 << k) * 200_000_000,
            &frame.payload_len(100).ethernet(),
        );
    }
    let report = analyse(&[("client", vec![scratch.put("hung.pcap", &hung.into_bytes())])]);
    assert_eq!(report.connections.len(), 1);
    assert!(remarks(&report, "client").is_empty(), "{:?}", remarks(&report, "client"));
}

#[test]
fn payload_that_never_came_is_no_filter() {
    let [client, pod] = captures("slow-server");
    // Nothing but small packets got through to the pod.
    let frame_len = |frame: &[u8]| u16::from_be_bytes([frame[16], frame[17]]);
    let small = filtered(&pod, |f| f.get(23) != Some(&6) || frame_len(f) <= 60);
    let report = analyse_changed(&client, &small);
    assert!(!remarks(&report, "pod").contains(&"handshakes-only"));
}
