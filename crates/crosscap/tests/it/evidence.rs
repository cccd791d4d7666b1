//! Every packet that a report cites is what the report says it is.

use std::collections::{BTreeMap, BTreeSet};

use crosscap::packet::{Decoded, decode};
use crosscap::parser::CaptureFile;
use crosscap::report::Report;

use crate::support::{View, assert_none, capture, views};

/// A packet, read again.
#[derive(Debug)]
struct Seen {
    time_ns: i64,
    src: String,
    dst: String,
}

/// Reads the `wanted` frames of a point's capture.
fn read_again(view: &View, point: &str, wanted: &BTreeSet<u64>) -> BTreeMap<u64, Seen> {
    let mut file = CaptureFile::open(capture(view.scenario, point), 0).unwrap();
    let mut seen = BTreeMap::new();
    while let Some(record) = file.next_record().unwrap() {
        let number = record.frame.number();
        if wanted.contains(&number)
            && let Decoded::Tcp(p) = decode(record.link_type, record.data, record.original_len)
        {
            let (src, dst) = (p.src.to_string(), p.dst.to_string());
            seen.insert(number, Seen { time_ns: record.timestamp.as_nanos(), src, dst });
        }
    }
    seen
}

/// All frames that a report cites of a point.
fn cited(report: &Report, point: &str) -> BTreeSet<u64> {
    let facts = report.findings.iter().flat_map(|f| &f.facts).filter(|f| f.point == point);
    let sightings = report.timelines.iter().flat_map(|t| &t.rows).flat_map(|r| &r.seen);
    facts
        .flat_map(|f| f.frames.iter().copied())
        .chain(sightings.filter(|s| s.point == point).map(|s| s.frame))
        .collect()
}

/// Whether a connection has a leg at this point with these ends.
fn belongs(report: &Report, connection: &str, point: &str, seen: &Seen) -> bool {
    let found = report.connections.iter().find(|c| c.id == connection);
    found.is_some_and(|c| {
        c.legs.iter().filter(|l| l.point == point).any(|l| {
            (&l.orig, &l.resp) == (&seen.src, &seen.dst)
                || (&l.orig, &l.resp) == (&seen.dst, &seen.src)
        })
    })
}

#[test]
fn the_frames_of_every_fact_exist_and_belong_to_its_connection() {
    let mut problems = Vec::new();
    for view in views() {
        for point in view.points {
            let seen = read_again(view, point, &cited(&view.report, point));
            let all = view.report.findings.iter().flat_map(|f| &f.facts);
            for fact in all.filter(|f| f.point == *point) {
                let mut wrong = |what: String| {
                    problems.push(format!("{}: {what}: {fact:?}", view.name()));
                };
                if fact.frames.is_empty() {
                    wrong("no frames".into());
                }
                if fact.file != format!("{point}.pcap.gz") {
                    wrong("another file".into());
                }
                for frame in &fact.frames {
                    match seen.get(frame) {
                        None => wrong(format!("no TCP frame {frame}")),
                        Some(s) if !belongs(&view.report, &fact.connection, point, s) => {
                            wrong(format!("frame {frame} is of another connection: {s:?}"));
                        }
                        Some(_) => {}
                    }
                }
                let times = fact.frames.iter().filter_map(|f| Some(seen.get(f)?.time_ns));
                if !times.into_iter().any(|t| t == fact.time_ns) {
                    wrong("the time is that of none of the frames".into());
                }
            }
        }
    }
    assert_none(&problems);
}

#[test]
fn every_fact_is_about_a_connection_of_its_finding() {
    for view in views() {
        for finding in &view.report.findings {
            assert!(!finding.facts.is_empty(), "{}: {} without facts", view.name(), finding.id);
            for connection in &finding.connections {
                let told = finding.facts.iter().any(|f| f.connection == *connection);
                assert!(told, "{}: {}: no fact about {connection}", view.name(), finding.id);
            }
            for fact in &finding.facts {
                assert!(
                    finding.connections.contains(&fact.connection),
                    "{}: {fact:?}",
                    view.name()
                );
            }
        }
    }
}

#[test]
fn the_bounds_of_every_time_hold_the_true_time() {
    let mut problems = Vec::new();
    for view in views() {
        let clock = |point: &str| view.truth.points[point].clock_offset_ns;
        for fact in view.report.findings.iter().flat_map(|f| &f.facts) {
            let truth = fact.time_ns - clock(&fact.point) + clock(view.points[0]);
            let [low, told, high] =
                [fact.time_low_ref_ns, fact.time_ref_ns, fact.time_high_ref_ns].map(Option::unwrap);
            if !((low..=high).contains(&truth) && (low..=high).contains(&told)) {
                problems.push(format!("{}: true time {truth}: {fact:?}", view.name()));
            }
        }
    }
    assert_none(&problems);
}

#[test]
fn the_packets_of_every_timeline_are_in_the_captures_and_in_order() {
    let mut problems = Vec::new();
    for view in views() {
        for point in view.points {
            let seen = read_again(view, point, &cited(&view.report, point));
            for timeline in &view.report.timelines {
                for s in timeline.rows.iter().flat_map(|r| &r.seen).filter(|s| s.point == *point) {
                    let same = seen.get(&s.frame).is_some_and(|again| {
                        (again.time_ns, &again.src, &again.dst) == (s.time_ns, &s.src, &s.dst)
                            && belongs(&view.report, &timeline.connection, point, again)
                    });
                    if !same {
                        problems.push(format!("{}: {s:?}", view.name()));
                    }
                }
            }
        }
        for timeline in &view.report.timelines {
            if !timeline.rows.is_sorted_by_key(|r| r.time_ref_ns) {
                problems.push(format!("{}: {} not in order", view.name(), timeline.connection));
            }
        }
    }
    assert_none(&problems);
}

#[test]
fn every_finding_has_a_timeline_of_one_of_its_connections() {
    for view in views() {
        for finding in &view.report.findings {
            let shown = |c: &String| view.report.timelines.iter().any(|t| t.connection == *c);
            assert!(finding.connections.iter().any(shown), "{}: {}", view.name(), finding.id);
        }
    }
}
