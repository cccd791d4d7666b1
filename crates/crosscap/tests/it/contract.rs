//! The JSON report has the fields that others rely on: `crosscap-report/1`.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use crosscap::report::{Report, write_json};
use serde_json::Value;

use crate::support::{SECOND, View, views};

/// Where, and of what types. `[]` is every element of an array; `null` is allowed only where it is said.
const FIELDS: &[(&str, &str)] = &[
    ("schema", "string"),
    ("generator.name", "string"),
    ("generator.version", "string"),
    ("points", "array"),
    ("points[].name", "string"),
    ("points[].role", "string"),
    ("points[].files", "array"),
    ("points[].files[]", "string"),
    ("points[].packets", "integer"),
    ("points[].first_ns", "integer|null"),
    ("points[].last_ns", "integer|null"),
    ("points[].link_types", "array"),
    ("points[].link_types[]", "string"),
    ("points[].snap_len", "integer"),
    ("points[].tcp_connections", "integer"),
    ("points[].clock.reference", "string"),
    ("points[].clock.offset_ns", "integer|null"),
    ("points[].clock.offset_low_ns", "integer|null"),
    ("points[].clock.offset_high_ns", "integer|null"),
    ("points[].clock.at_ref_ns", "integer|null"),
    ("points[].clock.skew_ppm", "number|null"),
    ("points[].clock.skew_low_ppm", "number|null"),
    ("points[].clock.skew_high_ppm", "number|null"),
    ("points[].clock.segments", "array"),
    ("points[].clock.notes", "array"),
    ("points[].clock.contradictions", "array"),
    ("points[].quality", "array"),
    ("points[].quality[].id", "string"),
    ("points[].quality[].detail", "string"),
    ("nat[].before.orig", "string|null"),
    ("nat[].before.resp", "string|null"),
    ("nat[].after.orig", "string|null"),
    ("nat[].after.resp", "string|null"),
    ("nat[].kind", "string"),
    ("nat[].connections", "integer"),
    ("nat[].ordered", "integer"),
    ("nat[].families.before", "string"),
    ("nat[].families.after", "string"),
    ("nat[].first_ref_ns", "integer|null"),
    ("nat[].last_new_ref_ns", "integer|null"),
    ("nat[].last_ref_ns", "integer|null"),
    ("nat[].over_time.start_ref_ns", "integer"),
    ("nat[].over_time.width_ns", "integer"),
    ("nat[].over_time.counts[]", "integer"),
    ("nat[].sources", "null"),
    ("nat[].places[].from", "string"),
    ("nat[].places[].to", "string"),
    ("nat[].places[].kind", "string"),
    ("nat[].places[].connections", "integer"),
    ("nat[].backend", "null"),
    ("nat_services[].service", "string"),
    ("nat_services[].connections", "integer"),
    ("nat_services[].backends[].endpoint", "string"),
    ("nat_services[].backends[].connections", "integer"),
    ("nat_services[].backends[].share", "number"),
    ("nat_services[].backends[].first_ref_ns", "integer|null"),
    ("nat_services[].backends[].last_new_ref_ns", "integer|null"),
    ("nat_services[].backends[].last_ref_ns", "integer|null"),
    ("nat_services[].backends[].backend", "null"),
    ("nat_strays", "array"),
    ("nat_strays[].service", "string"),
    ("nat_strays[].remote", "string"),
    ("nat_strays[].connections", "integer"),
    ("nat_strays[].backend", "null"),
    ("names", "object"),
    ("connections[].id", "string"),
    ("connections[].legs[].point", "string"),
    ("connections[].legs[].orig", "string"),
    ("connections[].legs[].resp", "string"),
    ("connections[].legs[].orig_isn", "integer|null"),
    ("connections[].legs[].resp_isn", "integer|null"),
    ("connections[].legs[].first_ns", "integer"),
    ("connections[].legs[].last_ns", "integer"),
    ("connections[].legs[].conn_state", "string"),
    ("connections[].legs[].history", "string"),
    ("connections[].legs[].orig_packets", "integer"),
    ("connections[].legs[].resp_packets", "integer"),
    ("connections[].legs[].orig_bytes", "integer"),
    ("connections[].legs[].resp_bytes", "integer"),
    ("connections[].legs[].orig_retransmits", "integer"),
    ("connections[].legs[].resp_retransmits", "integer"),
    ("connections[].legs[].stray", "boolean"),
    ("connections[].legs[].wireshark_filter", "string"),
    ("connections[].legs[].stage", "integer"),
    ("connections[].order_proven", "boolean"),
    ("connections[].order_ties", "array"),
    ("connections[].match.candidates", "array"),
    ("connections[].match.tier", "string"),
    ("connections[].match.expected_false", "number"),
    ("connections[].loss.orig_to_resp_bytes", "integer"),
    ("connections[].loss.resp_to_orig_bytes", "integer"),
    ("connections[].between", "array"),
    ("not_compared", "integer"),
    ("connections[].findings", "array"),
    ("connections[].findings[]", "string"),
    ("findings[].id", "string"),
    ("findings[].severity", "string"),
    ("findings[].verdict", "string"),
    ("findings[].title", "string"),
    ("findings[].connections[]", "string"),
    ("findings[].hung_side", "string"),
    ("findings[].facts[].text", "string"),
    ("findings[].facts[].point", "string"),
    ("findings[].facts[].file", "string"),
    ("findings[].facts[].frames[]", "integer"),
    ("findings[].facts[].time_ref_ns", "integer|null"),
    ("findings[].facts[].time_low_ref_ns", "integer|null"),
    ("findings[].facts[].time_high_ref_ns", "integer|null"),
    ("findings[].rivals[].id", "string"),
    ("findings[].rivals[].status", "string"),
    ("findings[].rivals[].because", "string"),
    ("findings[].would_decide", "array"),
    ("findings[].advice[].text", "string"),
    ("findings[].advice[].side_effect", "string"),
    ("findings[].advice[].reference", "string"),
    ("idle_timeouts[].scope", "string"),
    ("idle_timeouts[].state", "string"),
    ("idle_timeouts[].survived_max_ns", "integer|null"),
    ("idle_timeouts[].broke_min_ns", "integer|null"),
    ("idle_timeouts[].candidates[].name", "string"),
    ("idle_timeouts[].candidates[].seconds", "integer"),
    ("idle_timeouts[].candidates[].consistent", "boolean"),
];

/// Fields that take one of a few words.
const WORDS: &[(&str, &[&str])] = &[
    ("schema", &["crosscap-report/1"]),
    ("generator.name", &["crosscap"]),
    ("points[].role", &["orig-side", "resp-side", "between", "unknown"]),
    ("nat[].kind", &["dnat", "snat", "dnat+snat", "none"]),
    ("nat[].families.before", &["ipv4", "ipv6"]),
    ("nat[].families.after", &["ipv4", "ipv6"]),
    ("nat[].places[].kind", &["dnat", "snat", "dnat+snat"]),
    (
        "connections[].match.tier",
        &[
            "isn-pair",
            "orig-isn",
            "resp-isn",
            "seq-range",
            "offset",
            "proxy-header",
            "payload",
            "none",
        ],
    ),
    (
        "connections[].legs[].conn_state",
        &[
            "S0", "S1", "SF", "REJ", "S2", "S3", "RSTO", "RSTR", "RSTOS0", "RSTRH", "SH", "SHR",
            "OTH",
        ],
    ),
    ("findings[].severity", &["broken", "degraded", "info"]),
    ("findings[].verdict", &["confirmed", "likely", "possible", "insufficient"]),
    ("findings[].hung_side", &["orig", "resp", "both", "none"]),
    ("findings[].rivals[].status", &["refuted", "open"]),
    ("idle_timeouts[].state", &["established", "half-closed"]),
];

/// A report as written, and as anybody would read it.
struct Written {
    name: String,
    report: &'static Report,
    json: Vec<u8>,
    read: Value,
}

/// The reports of all views.
fn written() -> &'static [Written] {
    static WRITTEN: LazyLock<Vec<Written>> = LazyLock::new(|| {
        let write = |view: &'static View| {
            let mut json = Vec::new();
            write_json(&view.report, &mut json).unwrap();
            let read = serde_json::from_slice(&json).unwrap();
            Written { name: view.name(), report: &view.report, json, read }
        };
        views().iter().map(write).collect()
    });
    &WRITTEN
}

/// All values at `path`, or the parent that lacks its field.
fn at<'a>(root: &'a Value, path: &str) -> Result<Vec<&'a Value>, String> {
    let mut values = vec![root];
    for step in path.split('.') {
        let (field, deeper) = step.strip_suffix("[]").map_or((step, false), |f| (f, true));
        let mut next = Vec::new();
        for value in values {
            let got = value.get(field).ok_or_else(|| format!("no {field} in {value}"))?;
            match got.as_array() {
                Some(elements) if deeper => next.extend(elements),
                _ if deeper => return Err(format!("{field} is no array in {value}")),
                _ => next.push(got),
            }
        }
        values = next;
    }
    Ok(values)
}

fn is(value: &Value, types: &str) -> bool {
    types.split('|').any(|t| match t {
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "null" => value.is_null(),
        other => panic!("{other}?"),
    })
}

#[test]
fn every_field_of_the_contract_is_there_and_of_its_type() {
    let mut seen = BTreeSet::new();
    for Written { name, read: report, .. } in written() {
        for (path, types) in FIELDS {
            let values = at(report, path).unwrap_or_else(|e| panic!("{name}: {path}: {e}"));
            for value in values {
                assert!(is(value, types), "{name}: {path} is {value}, not {types}");
                seen.insert(*path);
            }
        }
    }
    let never: Vec<_> = FIELDS.iter().map(|f| f.0).filter(|p| !seen.contains(p)).collect();
    assert!(never.is_empty(), "in no report: {never:?}");
}

#[test]
fn fields_of_few_words_have_no_other() {
    for Written { name, read: report, .. } in written() {
        for (path, words) in WORDS {
            for value in at(report, path).unwrap() {
                assert!(words.contains(&value.as_str().unwrap()), "{name}: {path} is {value}");
            }
        }
    }
}

#[test]
fn a_report_survives_being_written_and_read() {
    for Written { name, report, json, .. } in written() {
        assert!(serde_json::from_slice::<Report>(json).unwrap() == **report, "{name}");
    }
}

#[test]
fn ids_are_unique_and_point_to_something() {
    for Written { name, report, .. } in written() {
        let ids: BTreeSet<&str> = report.connections.iter().map(|c| c.id.as_str()).collect();
        assert_eq!(ids.len(), report.connections.len(), "{name}");
        let findings: BTreeSet<&str> = report.findings.iter().map(|f| f.id.as_str()).collect();
        let kinds: BTreeSet<_> = report.findings.iter().map(|f| (&f.id, &f.verdict)).collect();
        assert_eq!(kinds.len(), report.findings.len(), "{name}: the same finding twice");
        let points: BTreeSet<&str> = report.points.iter().map(|p| p.name.as_str()).collect();
        for leg in report.connections.iter().flat_map(|c| &c.legs) {
            assert!(points.contains(leg.point.as_str()), "{name}: {leg:?}");
        }
        for f in &report.findings {
            assert!(f.connections.iter().all(|c| ids.contains(c.as_str())), "{name}: {}", f.id);
            assert!(f.facts.iter().all(|x| points.contains(x.point.as_str())), "{name}: {}", f.id);
        }
        let named = report.connections.iter().flat_map(|c| &c.findings);
        assert!(named.into_iter().all(|f| findings.contains(f.as_str())), "{name}");
    }
}

#[test]
fn the_nat_map_adds_up() {
    for Written { name, report, .. } in written() {
        let translated = report.nat.iter().filter(|n| n.kind.starts_with("dnat"));
        let led: u64 = report.nat_services.iter().map(|s| s.connections).sum();
        assert_eq!(led, translated.map(|n| n.connections).sum::<u64>(), "{name}");
        for n in &report.nat {
            let o = n.over_time.as_ref().unwrap();
            assert_eq!(o.counts.iter().sum::<u64>(), n.connections, "{name}: all were timed");
            assert!(o.counts.len() <= 60 && n.ordered <= n.connections, "{name}: {n:?}");
            let end = o.start_ref_ns + o.width_ns * o.counts.len() as i64;
            let (first, last) = (n.seen.first_ref_ns.unwrap(), n.seen.last_new_ref_ns.unwrap());
            assert!(o.start_ref_ns <= first && first <= last && last < end, "{name}: {n:?}");
            assert!(n.places.iter().map(|p| p.connections).sum::<u64>() >= n.connections, "{name}");
        }
        for s in &report.nat_services {
            let shares: f64 = s.backends.iter().map(|b| b.share).sum();
            assert!((shares - 1.0).abs() < 1e-9, "{name}: {shares}");
        }
        let strays: u64 = report.nat_strays.iter().map(|s| s.connections).sum();
        let with = report.connections.iter().filter(|c| c.legs.iter().any(|l| l.stray));
        assert_eq!(strays, with.count() as u64, "{name}: one far end each");
    }
}

#[test]
fn times_and_sums_are_plausible() {
    // From 2024-05-01 to 2024-06-01 by any of the lab's clocks.
    let story = 1_714_521_600 * SECOND..1_717_200_000 * SECOND;
    for Written { name, report, .. } in written() {
        for p in &report.points {
            let (first, last) = (p.first_ns.unwrap(), p.last_ns.unwrap());
            assert!(story.contains(&first) && story.contains(&last) && first <= last, "{name}");
            let legs = report.connections.iter().flat_map(|c| &c.legs);
            let mine: Vec<_> = legs.filter(|l| l.point == p.name).collect();
            assert_eq!(mine.len() as u64, p.tcp_connections, "{name}: every leg is told");
            for l in &mine {
                assert!(first <= l.first_ns && l.first_ns <= l.last_ns && l.last_ns <= last);
                assert!(!l.wireshark_filter.is_empty(), "{name}: {l:?}");
            }
            let packets: u64 = mine.iter().map(|l| l.orig_packets + l.resp_packets).sum();
            assert!(packets <= p.packets, "{name}: {packets} of {}", p.packets);
        }
        for c in &report.connections {
            assert!((0.0..1e-6).contains(&c.matched.expected_false), "{name}: {}", c.id);
        }
    }
}
