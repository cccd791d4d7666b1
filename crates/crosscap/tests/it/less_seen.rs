//! Fewer packets: never a bolder claim.

use std::collections::{BTreeMap, BTreeSet};

use crosscap::report::{Connection, Finding, Report};
use crosscap_testkit::PcapWriter;

use crate::support::{
    SMALL, Scratch, View, analyse, analyse_changed, analyse_scenario, assert_none, capture,
    captures, view,
};

/// The client's end of a connection: the same whatever points saw it, and used once in each lab capture.
fn client_end(c: &Connection) -> &str {
    let ends = c.legs.iter().flat_map(|l| [&l.orig, &l.resp]);
    ends.map(String::as_str).find(|e| e.starts_with("10.1.0.2:")).unwrap()
}

/// Findings by the clients' ends.
fn by_client(report: &Report) -> BTreeMap<&str, Vec<&Finding>> {
    let ends: BTreeMap<&str, &str> =
        report.connections.iter().map(|c| (c.id.as_str(), client_end(c))).collect();
    let mut found: BTreeMap<&str, Vec<&Finding>> = BTreeMap::new();
    for f in &report.findings {
        for c in &f.connections {
            found.entry(ends[c.as_str()]).or_default().push(f);
        }
    }
    found
}

fn certainty(f: &Finding) -> usize {
    let order = ["insufficient", "possible", "likely", "confirmed"];
    order.iter().position(|v| *v == f.verdict).unwrap()
}

/// Whether `claim` calls no side hung but those that are.
fn hangs_no_other(claim: &Finding, truth: &Finding) -> bool {
    claim.hung_side == "none" || truth.hung_side == "both" || claim.hung_side == truth.hung_side
}

fn is_open(f: &Finding, rival: &str) -> bool {
    f.rivals.iter().any(|r| r.id == rival && r.status == "open")
}

/// Every claim of `partial` that the whole contradicts.
///
/// A finding may be the same and no surer, and call no side hung that is not. A broken connection may be called broken in another way, if the true way is
/// among the open rivals and the verdict is not `confirmed`. An answer may be called slow that was, or that may have been
/// lost, while that is open.
pub(crate) fn contradictions(what: &str, full: &View, partial: &Report) -> Vec<String> {
    let truth = by_client(&full.report);
    let slow: BTreeSet<&str> = full
        .truth
        .connections
        .iter()
        .filter(|t| t.kind == "slow-answer" || t.also.iter().any(|a| a == "slow-server"))
        .filter_map(|t| t.orig_client.as_deref())
        .collect();
    let mut problems = Vec::new();
    for (end, found) in by_client(partial) {
        let true_ones = truth.get(end).map_or(&[][..], |f| f);
        for f in found {
            let same = true_ones.iter().find(|t| t.id == f.id);
            let rival = true_ones.iter().any(|t| t.severity == "broken" && is_open(f, &t.id));
            let fine = match same {
                Some(t) => certainty(f) <= certainty(t) && hangs_no_other(f, t),
                None if f.id == "slow-server" && slow.contains(end) => true,
                None if f.id == "slow-server" => {
                    f.verdict != "confirmed" && is_open(f, "packet-loss")
                }
                None => f.verdict != "confirmed" && rival,
            };
            if !fine {
                let ids: Vec<_> =
                    true_ones.iter().map(|t| (&t.id, &t.verdict, &t.hung_side)).collect();
                let rivals: Vec<_> = f.rivals.iter().map(|r| (&r.id, &r.status)).collect();
                problems.push(format!(
                    "{what}: {end}: {} {} {}, {} hangs, rivals {rivals:?}; the whole truth: {ids:?}",
                    f.severity, f.verdict, f.id, f.hung_side
                ));
            }
        }
    }
    problems
}

/// Cheap, and the same on every machine.
struct Random(u64);

impl Random {
    fn one_in(&mut self, n: u64) -> bool {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.is_multiple_of(n)
    }
}

#[test]
fn one_point_alone_claims_nothing_that_two_refute() {
    let mut problems = Vec::new();
    for scenario in SMALL.into_iter().chain(["incident", "healthy"]) {
        for point in ["client", "node", "pod"] {
            if capture(scenario, point).exists() {
                let partial = analyse_scenario(scenario, &[point]);
                let what = format!("{scenario}, {point} only");
                problems.extend(contradictions(&what, view(scenario), &partial));
            }
        }
    }
    assert_none(&problems);
}

#[test]
fn the_node_and_one_end_claim_nothing_that_all_refute() {
    let mut problems = Vec::new();
    for scenario in ["client-speaks-first", "silent-drop", "invalid"] {
        for points in [["client", "node"], ["node", "pod"]] {
            let partial = analyse_scenario(scenario, &points);
            let what = format!("{scenario}, {points:?}");
            problems.extend(contradictions(&what, view(scenario), &partial));
        }
    }
    assert_none(&problems);
}

#[test]
fn a_capture_that_ended_early_claims_nothing_that_the_whole_refutes() {
    let mut problems = Vec::new();
    for scenario in SMALL {
        let [client, pod] = captures(scenario);
        for tenths in [1, 3, 5, 7, 8, 9] {
            let early = |c: &crosscap_testkit::Capture| {
                let end = c.records.len() * tenths / 10;
                c.clone().filtered(|place| place < end)
            };
            for (what, partial) in [
                ("client", analyse_changed(&early(&client), &pod)),
                ("pod", analyse_changed(&client, &early(&pod))),
                ("both", analyse_changed(&early(&client), &early(&pod))),
            ] {
                let what = format!("{scenario}, {what} ended after {tenths}/10");
                problems.extend(contradictions(&what, view(scenario), &partial));
            }
        }
    }
    assert_none(&problems);
}

#[test]
fn a_capture_begun_late_claims_nothing_that_the_whole_refutes() {
    let mut problems = Vec::new();
    for scenario in SMALL {
        let [client, pod] = captures(scenario);
        for tenths in [1, 3, 5, 7, 8, 9] {
            let late = |c: &crosscap_testkit::Capture| {
                let start = c.records.len() * tenths / 10;
                c.clone().filtered(|place| place >= start)
            };
            for (what, partial) in [
                ("client", analyse_changed(&late(&client), &pod)),
                ("pod", analyse_changed(&client, &late(&pod))),
                ("both", analyse_changed(&late(&client), &late(&pod))),
            ] {
                let what = format!("{scenario}, {what} begun after {tenths}/10");
                problems.extend(contradictions(&what, view(scenario), &partial));
            }
        }
    }
    assert_none(&problems);
}

#[test]
fn packets_that_tcpdump_dropped_make_no_false_claim() {
    let mut problems = Vec::new();
    for scenario in SMALL {
        let [client, pod] = captures(scenario);
        for (seed, n) in [(1, 200), (2, 50), (3, 10), (4, 3)] {
            let mut random = Random(seed);
            let lossy = client.clone().filtered(|_| !random.one_in(n));
            let partial = analyse_changed(&lossy, &pod);
            let what = format!("{scenario}, client lacks one in {n}");
            problems.extend(contradictions(&what, view(scenario), &partial));
            let lossy = pod.clone().filtered(|_| !random.one_in(n));
            let partial = analyse_changed(&client, &lossy);
            let what = format!("{scenario}, pod lacks one in {n}");
            problems.extend(contradictions(&what, view(scenario), &partial));
        }
    }
    assert_none(&problems);
}

#[test]
fn a_file_cut_in_the_middle_of_a_record_is_analysed_and_noted() {
    let mut problems = Vec::new();
    let scratch = Scratch::new();
    for scenario in SMALL.into_iter().chain(["incident"]) {
        let [_, pod] = captures(scenario);
        let whole = pod.pcap(PcapWriter::new().nanos());
        let last = pod.records.last().unwrap().data.len();
        // Cut the last packet, its header, and somewhere in the middle.
        let places = [whole.len() - last / 2, whole.len() - last - 9, whole.len() / 2 + 1];
        for (n, place) in places.into_iter().enumerate() {
            if scenario == "incident" && n > 0 {
                continue;
            }
            let cut = scratch.put("pod.pcap", &whole[..place]);
            let partial =
                analyse(&[("client", vec![capture(scenario, "client")]), ("pod", vec![cut])]);
            let noted = partial.points[1].quality.iter().any(|q| q.id == "truncated-tail");
            assert!(noted, "{scenario}, cut at {place}: {:?}", partial.points[1].quality);
            assert!(partial.points[1].packets > 0, "{scenario}, cut at {place}");
            let what = format!("{scenario}, cut at {place}");
            problems.extend(contradictions(&what, view(scenario), &partial));
        }
    }
    assert_none(&problems);
}

#[test]
fn a_gzip_file_cut_in_the_middle_is_analysed_and_noted() {
    let whole = std::fs::read(capture("invalid", "pod")).unwrap();
    let scratch = Scratch::new();
    let cut = scratch.put("pod.pcap.gz", &whole[..whole.len() / 2]);
    let partial = analyse(&[("client", vec![capture("invalid", "client")]), ("pod", vec![cut])]);
    assert!(partial.points[1].packets > 0);
    assert!(!partial.points[1].quality.is_empty());
    assert_none(&contradictions("half a gzip file", view("invalid"), &partial));
}
