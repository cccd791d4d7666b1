//! A second capture that shows nothing new settles nothing.

use crosscap::report::Report;
use crosscap_testkit::Capture;

use crate::less_seen::contradictions;
use crate::support::{SMALL, Scratch, View, analyse, assert_none, capture, captures, claims, view};

/// The client alone.
fn alone(scenario: &'static str) -> View {
    let report = analyse(&[("a", vec![capture(scenario, "client")])]);
    View { scenario, points: &["a"], truth: view(scenario).truth.clone(), report }
}

fn client_and(scenario: &str, second: &Capture) -> Report {
    let scratch = Scratch::new();
    let second = scratch.capture("second.pcap", second);
    analyse(&[("a", vec![capture(scenario, "client")]), ("b", vec![second])])
}

/// What a tap `nanos` nearer the server would have captured: the client's packets later, the others earlier.
fn tap(client: &Capture, nanos: u64) -> Capture {
    let mut tap = client.clone();
    for record in &mut tap.records {
        // The source address of IPv4 in Ethernet.
        if record.data[26..30] == [10, 1, 0, 2] {
            record.nanos += nanos;
        } else {
            record.nanos -= nanos;
        }
    }
    tap.records.sort_by_key(|r| r.nanos);
    tap
}

#[test]
fn one_capture_given_twice_says_the_same_as_once() {
    for scenario in SMALL {
        let [client, _] = captures(scenario);
        let twice = client_and(scenario, &client);
        assert_eq!(claims(&twice), claims(&alone(scenario).report), "{scenario}");
    }
}

#[test]
fn one_capture_given_twice_has_no_sides() {
    let [client, _] = captures("half-closed");
    let twice = client_and("half-closed", &client);
    // Nothing in them says which is nearer the client.
    let roles: Vec<&str> = twice.points.iter().map(|p| p.role.as_str()).collect();
    assert_eq!(roles, ["unknown", "unknown"]);
}

#[test]
fn a_tap_beside_the_client_is_not_the_server() {
    let mut problems = Vec::new();
    for scenario in SMALL {
        let [client, _] = captures(scenario);
        let with_tap = client_and(scenario, &tap(&client, 10_000));
        problems.extend(contradictions(scenario, &alone(scenario), &with_tap));
    }
    assert_none(&problems);
}

#[test]
fn a_tap_beside_the_client_loses_no_finding() {
    for scenario in SMALL {
        let [client, _] = captures(scenario);
        let with_tap = client_and(scenario, &tap(&client, 10_000));
        let ids = |r: &Report| -> Vec<(String, Vec<String>)> {
            let found = r.connections.iter().filter(|c| !c.findings.is_empty());
            found.map(|c| (c.id.clone(), c.findings.clone())).collect()
        };
        assert_eq!(ids(&with_tap), ids(&alone(scenario).report), "{scenario}");
    }
}
