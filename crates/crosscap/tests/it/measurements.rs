//! Clocks, timers, places and translations of every scenario: the report against truth.json.

use crate::support::{SECOND, views};

#[test]
fn clock_bounds_hold_the_true_offset_and_are_narrow() {
    for view in views() {
        let truth = |point: &str| view.truth.points[point].clock_offset_ns;
        for point in &view.report.points {
            let name = format!("{}: {}", view.name(), point.name);
            let clock = &point.clock;
            assert_eq!(clock.reference, view.points[0], "{name}");
            let offset = truth(&point.name) - truth(&clock.reference);
            let (low, high) = (clock.offset_low_ns.unwrap(), clock.offset_high_ns.unwrap());
            assert!((low..=high).contains(&offset), "{name}: {offset} not in {low}..={high}");
            assert!((low..=high).contains(&clock.offset_ns.unwrap()), "{name}");
            assert!(high - low < 1_000_000, "{name}: {low}..={high}");
            let skew = clock.skew_low_ppm.unwrap()..=clock.skew_high_ppm.unwrap();
            assert!(skew.contains(&0.0), "{name}: all clocks were one, skew {skew:?} ppm");
            assert!(clock.segments.is_empty(), "{name}: no clock stepped");
        }
    }
}

#[test]
fn timeout_brackets_hold_the_true_timeout() {
    for view in views() {
        for told in &view.report.idle_timeouts {
            let name = format!("{}: {} {}", view.name(), told.scope, told.state);
            let timeouts = &view.truth.timeouts;
            let truth = match told.state.as_str() {
                "established" => timeouts.established_ns,
                "half-closed" => timeouts.close_wait_ns,
                state => panic!("{name}: {state}?"),
            };
            let truth = truth.unwrap();
            assert_eq!(told.scope, view.truth.nat.as_ref().unwrap().service, "{name}");
            let fits = |timeout: i64| {
                told.survived_max_ns.is_none_or(|s| s < timeout)
                    && told.broke_min_ns.is_none_or(|b| b >= timeout)
            };
            assert!(fits(truth), "{name}: {truth}, {told:?}");
            for c in told.candidates.iter().filter(|c| c.consistent) {
                // Longer silences may be outlived: timers fire late. Shorter ones cannot break.
                let seconds = i64::try_from(c.seconds).unwrap();
                let breaks = told.broke_min_ns.is_none_or(|b| b >= seconds * SECOND);
                assert!(breaks, "{name}: {c:?} after {told:?}");
            }
        }
    }
}

#[test]
fn where_idleness_broke_connections_the_timeout_is_bracketed_from_above() {
    let expired = |id: &&String| id.starts_with("nat-expired") || *id == "idle-silent-drop";
    for view in views() {
        let broken =
            view.truth.connections.iter().filter_map(|t| t.finding.as_ref()).any(|f| expired(&f));
        let bracketed = view.report.idle_timeouts.iter().any(|t| t.broke_min_ns.is_some());
        assert_eq!(broken, bracketed, "{}", view.name());
    }
}

#[test]
fn points_know_their_place() {
    for view in views() {
        for point in &view.report.points {
            let role = match point.name.as_str() {
                "client" => "orig-side",
                "node" => "between",
                _ => "resp-side",
            };
            assert_eq!(point.role, role, "{}: {}", view.name(), point.name);
        }
    }
}

#[test]
fn the_translation_is_the_true_one() {
    for view in views() {
        let truth = view.truth.nat.as_ref().unwrap();
        let [told] = &view.report.nat[..] else { panic!("{}: {:?}", view.name(), view.report.nat) };
        assert_eq!(told.kind, truth.kind, "{}", view.name());
        assert_eq!(told.before.resp.as_ref(), Some(&truth.service), "{}", view.name());
        assert_eq!(told.after.resp.as_ref(), truth.backends.first(), "{}", view.name());
        assert_eq!(told.connections, view.truth.connections.len() as u64, "{}", view.name());
    }
}
