//! Every scenario of testdata/: the report against truth.json.

use std::collections::{BTreeMap, BTreeSet};

use crosscap::report::{Connection, Leg};
use crosscap_testkit::TruthConnection;

use crate::support::{View, assert_none, regular, views};

/// What a connection is at the client: nothing else of a lab capture has these ends and numbers.
type Key<'a> = (&'a str, &'a str, Option<u32>, Option<u32>);

fn key(leg: &Leg) -> Key<'_> {
    (&leg.orig, &leg.resp, leg.orig_isn, leg.resp_isn)
}

fn at_client(t: &TruthConnection) -> Key<'_> {
    let [orig, resp] = [&t.orig_client, &t.resp_client].map(|e| e.as_deref().unwrap());
    (orig, resp, t.orig_isn, t.resp_isn)
}

fn at_pod(t: &TruthConnection) -> Key<'_> {
    let [orig, resp] = [&t.orig_pod, &t.resp_pod].map(|e| e.as_deref().unwrap());
    (orig, resp, t.orig_isn, t.resp_isn)
}

/// True connections with what the report made of them.
fn pairs(view: &View) -> Vec<(&TruthConnection, Vec<&Connection>)> {
    let mut told: BTreeMap<Key<'_>, Vec<&Connection>> = BTreeMap::new();
    for c in &view.report.connections {
        told.entry(key(&c.legs[0])).or_default().push(c);
    }
    view.truth
        .connections
        .iter()
        .map(|t| (t, told.get(&at_client(t)).cloned().unwrap_or_default()))
        .collect()
}

/// Looks at every connection that was found, in every view.
fn each_connection(look: impl Fn(&View, &TruthConnection, &Connection) -> Option<String>) {
    let mut problems = Vec::new();
    for view in views() {
        for (t, found) in pairs(view) {
            let said = found.iter().filter_map(|c| look(view, t, c));
            problems.extend(said.map(|s| format!("{}: {:?}: {s}", view.name(), at_client(t))));
        }
    }
    assert_none(&problems);
}

#[test]
fn every_scenario_is_looked_at() {
    let with_node = views().iter().filter(|v| v.points.len() == 3).count();
    assert_eq!((views().len(), with_node), (11, 3));
}

#[test]
fn every_true_connection_is_exactly_one_path_and_there_is_no_other() {
    let mut problems = Vec::new();
    for view in views() {
        for (t, found) in pairs(view) {
            if found.len() != 1 {
                problems.push(format!(
                    "{}: {:?}: {} paths",
                    view.name(),
                    at_client(t),
                    found.len()
                ));
            }
        }
        let (told, truth) = (view.report.connections.len(), view.truth.connections.len());
        if told != truth {
            problems.push(format!("{}: {told} paths, {truth} connections", view.name()));
        }
    }
    assert_none(&problems);
}

#[test]
fn every_path_has_the_right_legs_in_the_right_order() {
    each_connection(|view, t, c| {
        let legs: Vec<_> = regular(c).iter().map(|l| (l.point.as_str(), key(l))).collect();
        let (before, after) = (at_client(t), at_pod(t));
        let expected = match view.points.len() {
            2 => vec![("client", before), ("pod", after)],
            // Captured on all devices: each packet before and after translation.
            _ => vec![("client", before), ("node", before), ("node", after), ("pod", after)],
        };
        (legs != expected).then(|| format!("legs {legs:?}"))
    });
}

#[test]
fn an_untranslated_reply_is_a_stray_leg_of_its_own_connection_only() {
    const UNTRANSLATED: [&str; 3] =
        ["nat-expired-server-spoke", "nat-expired-half-closed", "conntrack-invalid-reply"];
    each_connection(|_, t, c| {
        let strays: Vec<_> = c
            .legs
            .iter()
            .filter(|l| l.stray && l.point == "client")
            .map(|l| (l.orig.as_str(), l.resp.as_str()))
            .collect();
        let untranslated = t.finding.as_deref().is_some_and(|f| UNTRANSLATED.contains(&f));
        let expected = if untranslated { vec![(at_client(t).0, at_pod(t).1)] } else { vec![] };
        (strays != expected).then(|| format!("stray legs {strays:?} at the client"))
    });
}

#[test]
fn every_connection_has_the_findings_that_are_true_of_it_and_no_other() {
    each_connection(|_, t, c| {
        let told: BTreeSet<&str> = c.findings.iter().map(String::as_str).collect();
        let required: BTreeSet<&str> = t.finding.as_deref().into_iter().collect();
        let mut allowed: BTreeSet<&str> = required.clone();
        allowed.extend(t.also.iter().map(String::as_str));
        if t.outcome == "slow" {
            allowed.insert("slow-server");
        }
        let wrong = !told.is_superset(&required) || !told.is_subset(&allowed);
        let twice = told.len() != c.findings.len();
        (wrong || twice).then(|| format!("{:?}, must {required:?}, may {allowed:?}", c.findings))
    });
}

#[test]
fn findings_and_connections_name_each_other() {
    for view in views() {
        let of = |id: &str| -> BTreeSet<&str> {
            let all = view.report.findings.iter().filter(|f| f.id == id);
            all.flat_map(|f| &f.connections).map(String::as_str).collect()
        };
        for f in &view.report.findings {
            let says_so = |c: &&Connection| c.findings.contains(&f.id);
            let saying = view.report.connections.iter().filter(says_so).map(|c| c.id.as_str());
            assert_eq!(of(&f.id), saying.collect(), "{}: {}", view.name(), f.id);
        }
    }
}

#[test]
fn every_finding_is_as_sure_as_it_can_be_and_knows_who_hangs() {
    let mut problems = Vec::new();
    for view in views() {
        for f in &view.report.findings {
            // A client that resets hears no answer any more: whether it had asked for one, only its log can tell.
            let unheard =
                f.id == "client-abort" && f.verdict == "likely" && !f.would_decide.is_empty();
            let sure = f.verdict == "confirmed" || unheard;
            let open: Vec<&str> =
                f.rivals.iter().filter(|r| r.status != "refuted").map(|r| r.id.as_str()).collect();
            let expected: &[&str] = if unheard { &["nothing-asked"] } else { &[] };
            if !sure || open != expected {
                problems.push(format!("{}: {} is {}", view.name(), f.id, f.verdict));
            }
        }
        for (t, found) in pairs(view) {
            let ids: Vec<&str> = found.iter().map(|c| c.id.as_str()).collect();
            let hers = view.report.findings.iter().filter(|f| {
                Some(&f.id) == t.finding.as_ref()
                    && f.connections.iter().any(|c| ids.contains(&&**c))
            });
            for f in hers.filter(|f| f.hung_side != t.hung_side) {
                let (name, told, truth) = (view.name(), &f.hung_side, &t.hung_side);
                problems.push(format!("{name}: {ids:?}: {told} hangs, truth {truth}"));
            }
        }
    }
    assert_none(&problems);
}

#[test]
fn nothing_is_wrong_with_the_healthy_ones() {
    for view in views().iter().filter(|v| v.scenario == "healthy") {
        assert!(view.report.findings.iter().all(|f| f.severity == "info"));
        assert!(!view.report.has_faults());
    }
}

#[test]
fn connections_that_went_well_lost_nothing() {
    each_connection(|_, t, c| {
        let legs = regular(c);
        let same = legs
            .iter()
            .all(|l| (l.orig_bytes, l.resp_bytes) == (legs[0].orig_bytes, legs[0].resp_bytes));
        let lost = c.loss.orig_to_resp_bytes + c.loss.resp_to_orig_bytes;
        let went_well = matches!(t.outcome.as_str(), "ok" | "slow");
        (went_well && (lost > 0 || !same)).then(|| format!("{lost} bytes lost, legs {legs:?}"))
    });
}
