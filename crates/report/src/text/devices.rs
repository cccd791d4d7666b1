//! How connections belong together: what they were matched by, who gave them other numbers on the way, and in which
//! order they pass the points.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::io;

use crosscap_diagnosis::thousands;

use super::layout::Page;
use super::nat::named;
use super::points::{counted, host, percent};
use crate::escape::terminal;
use crate::{Connection, Leg, MatchCandidate, Report};

/// A line for each; nothing of the usual.
pub(super) fn write(report: &Report, width: usize, page: &mut Page<'_>) -> io::Result<()> {
    let mut line =
        |label: &str, text: &str| page.wrapped(&format!("  {label:width$}"), width + 4, text);
    if let Some(text) = tiers(report) {
        line("match", &text)?;
    }
    for (label, lines) in [
        ("match", candidates(report, false)),
        ("proxy", proxies(report)),
        ("proxy", candidates(report, true)),
        ("ISNs", numbers(report)),
        ("order", unordered(report)),
    ] {
        for text in lines.iter().take(SHOWN) {
            line(label, text)?;
        }
        let more = lines.len().saturating_sub(SHOWN);
        if more > 0 {
            line(label, &format!("and {} more, all in the JSON report", thousands(more as u64)))?;
        }
    }
    Ok(())
}

/// The connections that may be the same as this one, the most probable first.
pub(super) fn write_candidates(report: &Report, id: &str, page: &mut Page<'_>) -> io::Result<()> {
    let Some(connection) = report.connections.iter().find(|c| c.id == id) else { return Ok(()) };
    for (proxied, what) in
        [(false, "At another point it may be"), (true, "On the other side of a proxy it may be")]
    {
        let all = connection.matched.candidates.iter();
        let mut some: Vec<&MatchCandidate> = all.filter(|c| may_be_proxied(c) == proxied).collect();
        some.sort_by(|a, b| b.probability.total_cmp(&a.probability));
        let told: Vec<String> = some
            .iter()
            .take(CANDIDATES)
            .map(|c| format!("{} ({})", terminal(&c.connection), percent(c.probability)))
            .collect();
        let more = match some.len().saturating_sub(CANDIDATES) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        if !told.is_empty() {
            page.blank()?;
            let text = format!("{what} {}{more}: not proven.", told.join(", "));
            page.wrapped("  ", 2, &text)?;
        }
    }
    Ok(())
}

/// Whether a candidate would be the same connection behind a proxy; else several have like numbers.
fn may_be_proxied(candidate: &MatchCandidate) -> bool {
    ["none", "payload", "proxy-header"].contains(&candidate.tier.as_str())
}

/// What connections were matched by, where it is not the strongest key for all of them.
fn tiers(report: &Report) -> Option<String> {
    let mut tiers: BTreeMap<usize, u64> = BTreeMap::new();
    for c in &report.connections {
        if let Some(place) = TIERS.iter().position(|(tier, _)| *tier == c.matched.tier) {
            *tiers.entry(place).or_default() += 1;
        }
    }
    let by_chance = report.connections.iter().map(|c| c.matched.expected_false).fold(0.0, f64::max);
    // The others have lines of their own.
    let unusual = tiers.keys().any(|place| (1..=3).contains(place));
    if !unusual && by_chance < DOUBTFUL {
        return None;
    }
    let told: Vec<String> = tiers
        .iter()
        .map(|(place, count)| format!("{} by {}", thousands(*count), TIERS[*place].1))
        .collect();
    let chance = if by_chance < DOUBTFUL {
        String::new()
    } else {
        format!("; up to {by_chance:.2} such pairs are expected by chance")
    };
    Some(format!("{}{chance}", told.join(", ")))
}

/// Two legs with a device between them that gives the connection other sequence numbers.
fn passages(connection: &Connection) -> impl Iterator<Item = [&Leg; 2]> {
    let regular = || connection.legs.iter().filter(|l| !l.stray);
    regular().zip(regular().skip(1)).map(|(a, b)| [a, b]).filter(|[a, b]| a.stage != b.stage)
}

/// How it is known that a connection goes on behind a proxy; `None` where no proxy is known.
fn proxied(connection: &Connection) -> Option<&'static str> {
    match connection.matched.tier.as_str() {
        "payload" => Some("byte by byte"),
        "proxy-header" => Some("as the proxy's header says"),
        _ => None,
    }
}

/// Proxies that pass bytes on as they are, or say whose they are.
fn proxies(report: &Report) -> Vec<String> {
    let mut found: BTreeMap<[&str; 5], (u64, BTreeSet<&str>)> = BTreeMap::new();
    for (c, how) in report.connections.iter().filter_map(|c| Some((c, proxied(c)?))) {
        for [a, b] in passages(c) {
            let key = [how, &a.resp, &b.resp, &a.point, &b.point];
            let (count, hosts) = found.entry(key).or_default();
            *count += 1;
            hosts.insert(host(&b.orig));
        }
    }
    most_first(found.into_iter().map(|([how, ends, goes_on, from, to], (count, hosts))| {
        let hosts: Vec<&str> = hosts.into_iter().collect();
        let by = match hosts.as_slice() {
            [one] => format!(" from {one}"),
            several => format!(" from {} addresses", several.len()),
        };
        let text = format!(
            "connections to {} end {} and go on{by} to {}, {how} ({})",
            named(report, ends),
            place(from, to),
            named(report, goes_on),
            counted(count, "connection"),
        );
        (count, text)
    }))
}

/// Devices that shift sequence numbers.
fn numbers(report: &Report) -> Vec<String> {
    type Found<'a> = (u64, Vec<String>);
    let mut found: BTreeMap<([bool; 2], [&str; 2]), Found<'_>> = BTreeMap::new();
    for c in report.connections.iter().filter(|c| proxied(c).is_none()) {
        for [a, b] in passages(c) {
            let shifted = |here: Option<u32>, there: Option<u32>| Some((here?, there?));
            let isns = [shifted(a.orig_isn, b.orig_isn), shifted(a.resp_isn, b.resp_isn)];
            let moved = isns.map(|pair| pair.is_some_and(|(here, there)| here != there));
            let (count, examples) = found.entry((moved, [&a.point, &b.point])).or_default();
            *count += 1;
            if examples.is_empty() {
                let told =
                    isns.iter().zip(moved).filter(|(_, moved)| *moved).filter_map(|(p, _)| {
                        let (here, there) = (*p)?;
                        let [from, to] = [&a.point, &b.point].map(|point| terminal(point));
                        Some(format!("{here} at {from} is {there} at {to}"))
                    });
                examples.extend(told);
                examples.push(terminal(&c.id));
            }
        }
    }
    most_first(found.into_iter().map(|((moved, [from, to]), (count, examples))| {
        let what = match moved {
            [false, true] => "the server other sequence numbers, as a SYN proxy does",
            [true, false] => "the client other sequence numbers",
            [true, true] => "both ends other sequence numbers, as firewalls do that draw their own",
            [false, false] => "connections other sequence numbers",
        };
        let example = match examples.split_last() {
            Some((id, told)) if !told.is_empty() => {
                format!("; in {id} {}", told.join(" and "))
            }
            _ => String::new(),
        };
        let text = format!(
            "a device {} gives {what} ({}{example})",
            place(from, to),
            counted(count, "connection"),
        );
        (count, text)
    }))
}

/// Connections that may be one, by what they are addressed to: those that may be two sides of a proxy, or the others.
fn candidates(report: &Report, proxied: bool) -> Vec<String> {
    struct Found<'a> {
        sides: [BTreeSet<&'a str>; 2],
        surest: (&'a str, &'a MatchCandidate),
        by_bytes: bool,
    }
    let of = |c: &'_ Connection| c.matched.candidates.iter().any(|c| may_be_proxied(c) == proxied);
    if !report.connections.iter().any(of) {
        return Vec::new();
    }
    let by_id: BTreeMap<&str, &Connection> =
        report.connections.iter().map(|c| (c.id.as_str(), c)).collect();
    let mut found: BTreeMap<[&str; 2], Found<'_>> = BTreeMap::new();
    for c in &report.connections {
        for candidate in c.matched.candidates.iter().filter(|c| may_be_proxied(c) == proxied) {
            let Some(other) = by_id.get(candidate.connection.as_str()) else { continue };
            // Each names the other, and the most probable of both counts.
            let [front, back] = if is_front(c, other) { [c, other] } else { [other, c] };
            let new = || Found {
                sides: [BTreeSet::new(), BTreeSet::new()],
                surest: (&c.id, candidate),
                by_bytes: true,
            };
            let group = found.entry([server(front), server(back)]).or_insert_with(new);
            group.sides[0].insert(&front.id);
            group.sides[1].insert(&back.id);
            group.by_bytes &= candidate.tier == "payload";
            if candidate.probability > group.surest.1.probability {
                group.surest = (&c.id, candidate);
            }
        }
    }
    most_first(found.into_iter().map(|([front, back], group)| {
        let [fronts, backs] = group.sides.map(|side| side.len() as u64);
        let (verb, why) = match (proxied, group.by_bytes) {
            (false, _) => ("be the same as", "their numbers fit more than one"),
            (true, true) => ("go on as", "by equal bytes"),
            (true, false) => ("go on as", "by when they began and how much was sent"),
        };
        let (id, surest) = group.surest;
        let text = format!(
            "{} to {} may {verb} {} to {} ({why}); no packet proves which as which. Most probable: {} and {} ({})",
            counted(fronts, "connection"),
            named(report, front),
            thousands(backs),
            named(report, back),
            terminal(id),
            terminal(&surest.connection),
            percent(surest.probability),
        );
        (fronts, text)
    }))
}

/// Whether the proxy would be behind `a` and in front of `b`, as far as the points tell; else in order of names, so that
/// all that are alike go together.
fn is_front(a: &Connection, b: &Connection) -> bool {
    fn ends(c: &Connection) -> (Option<&str>, Option<&str>) {
        let mut regular = c.legs.iter().filter(|l| !l.stray).map(|l| l.point.as_str());
        let first = regular.next();
        (first, regular.next_back().or(first))
    }
    let ((a_first, a_last), (b_first, b_last)) = (ends(a), ends(b));
    match (a_last == b_first, b_last == a_first) {
        (true, false) => true,
        (false, true) => false,
        _ => (server(a), &a.id) < (server(b), &b.id),
    }
}

/// What a connection is addressed to where the client is nearest.
fn server(connection: &Connection) -> &str {
    connection.legs.first().map_or("", |leg| leg.resp.as_str())
}

/// Points whose order on the path packets do not prove.
fn unordered(report: &Report) -> Vec<String> {
    let mut found: BTreeMap<Vec<[&str; 2]>, u64> = BTreeMap::new();
    for c in &report.connections {
        let regular: Vec<&Leg> = c.legs.iter().filter(|l| !l.stray).collect();
        if regular.len() < 2 || (c.order_proven && c.order_ties.is_empty()) {
            continue;
        }
        let ties = c.order_ties.iter().filter_map(|&at| {
            Some([regular.get(at)?.point.as_str(), regular.get(at + 1)?.point.as_str()])
        });
        *found.entry(ties.collect()).or_default() += 1;
    }
    most_first(found.into_iter().map(|(ties, count)| {
        let ties: Vec<String> = ties
            .into_iter()
            .map(|[a, b]| match a == b {
                true => format!("the two sides that {} saw", terminal(a)),
                false => format!("{} and {}", terminal(a), terminal(b)),
            })
            .collect();
        let what = if ties.is_empty() {
            "which point is nearest the client and which nearest the server".to_owned()
        } else {
            format!("whether {} come in this order", ties.join(", or "))
        };
        (count, format!("no packet proves {what} ({})", counted(count, "connection")))
    }))
}

/// Where a device between two points is.
fn place(from: &str, to: &str) -> String {
    if from == to {
        format!("at {}", terminal(from))
    } else {
        format!("between {} and {}", terminal(from), terminal(to))
    }
}

fn most_first(lines: impl Iterator<Item = (u64, String)>) -> Vec<String> {
    let mut lines: Vec<(u64, String)> = lines.collect();
    lines.sort_by_key(|(count, _)| Reverse(*count));
    lines.into_iter().map(|(_, text)| text).collect()
}

/// Tiers, strongest first, in words.
const TIERS: [(&str, &str); 7] = [
    ("isn-pair", "both initial sequence numbers"),
    ("orig-isn", "the client's initial sequence number"),
    ("resp-isn", "the server's initial sequence number"),
    ("seq-range", "ranges of sequence numbers"),
    ("offset", "shifted sequence numbers"),
    ("proxy-header", "what a proxy said"),
    ("payload", "equal bytes"),
];

/// Matches by chance that are worth a word.
const DOUBTFUL: f64 = 0.01;

/// Lines of each kind.
const SHOWN: usize = 5;

/// Candidates named of one connection.
const CANDIDATES: usize = 3;
