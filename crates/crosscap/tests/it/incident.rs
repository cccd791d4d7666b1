//! The founding incident, number by number.

use crosscap::report::{Finding, Report};

use crate::support::{SECOND, view};

fn report() -> &'static Report {
    &view("incident").report
}

fn hung() -> &'static Finding {
    &report().findings[0]
}

#[test]
fn exactly_four_connections_hang_and_this_comes_first() {
    assert_eq!(
        (hung().id.as_str(), hung().severity.as_str()),
        ("nat-expired-server-spoke", "broken")
    );
    assert_eq!((hung().verdict.as_str(), hung().hung_side.as_str()), ("confirmed", "orig"));
    assert_eq!(hung().connections.len(), 4);
    let broken = report().findings.iter().filter(|f| f.severity == "broken");
    assert_eq!(broken.count(), 1);
}

#[test]
fn the_connection_of_port_40422_is_shown_first() {
    assert_eq!(hung().connections[0], "10.1.0.2:40422>10.96.0.10:80");
    assert_eq!(hung().facts[0].connection, hung().connections[0]);
    let shown = report().timelines.iter().find(|t| t.connection == hung().connections[0]).unwrap();
    assert!(shown.rows.iter().any(|r| r.seen.iter().any(|s| s.stray)), "the late reply is shown");
}

#[test]
fn it_was_idle_for_1856_seconds_and_the_title_says_so() {
    assert!((hung().span_ns[0] - 1856 * SECOND).abs() <= SECOND, "{:?}", hung().span_ns);
    assert!(hung().title.contains("1,856 s"), "{}", hung().title);
    assert!(hung().span_ns.iter().all(|s| *s > 900 * SECOND), "{:?}", hung().span_ns);
    assert_eq!(hung().span_ns.len(), hung().connections.len());
}

#[test]
fn the_clocks_are_27_seconds_apart() {
    let clock = &report().points[1].clock;
    assert!((clock.offset_ns.unwrap() + 27 * SECOND).abs() < 1_000_000, "{clock:?}");
}

#[test]
fn the_times_are_those_of_the_story() {
    // 2024-05-14 12:03:36 and 12:35:20 UTC.
    let (opened, late_reply) = (1_715_688_216, 1_715_690_120);
    let of_40422 = hung().facts.iter().filter(|f| f.connection == hung().connections[0]);
    let times: Vec<_> = of_40422.map(|f| (f.point.as_str(), f.time_ns / SECOND)).collect();
    assert!(times.contains(&("client", opened)), "{times:?}");
    assert!(times.contains(&("pod", late_reply)), "{times:?}");
}

#[test]
fn slow_answers_stand_beside_it_and_every_one_is_true() {
    let slow = report().findings.iter().find(|f| f.id == "slow-server").unwrap();
    assert_eq!(slow.severity, "degraded");
    assert!(hung().connections.iter().all(|c| slow.connections.contains(c)));
    assert!(slow.connections.len() > hung().connections.len());
}

#[test]
fn the_timeout_is_found_to_be_that_of_ipvs() {
    let [timeout] = &report().idle_timeouts[..] else { panic!("{:?}", report().idle_timeouts) };
    let fitting: Vec<u64> =
        timeout.candidates.iter().filter(|c| c.consistent).map(|c| c.seconds).collect();
    assert_eq!(fitting, [900]);
}

#[test]
fn advice_names_what_it_costs_and_where_to_read_on() {
    assert!(hung().advice.len() >= 3);
    for advice in &hung().advice {
        assert!(!advice.text.is_empty() && !advice.reference.is_empty(), "{advice:?}");
    }
    assert!(hung().advice.iter().any(|a| a.text.contains("eep-alive")));
}
