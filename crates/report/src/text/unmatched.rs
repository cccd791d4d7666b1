//! Connections that were seen at one point only, and why that may be.

use std::collections::BTreeSet;
use std::io;

use crosscap_diagnosis::{duration, thousands};

use super::layout::Page;
use super::points::{counted, date_time, host};
use crate::escape::terminal;
use crate::{Connection, Leg, Point, Report};

/// How many connections of a point no other point saw; nothing where all were matched, or none.
pub(super) fn only_here(report: &Report, point: &Point) -> Option<String> {
    if report.points.len() < 2 || !is_matched(report, point) {
        return None;
    }
    let mut alone = report
        .connections
        .iter()
        .filter(|c| is_alone(c) && all_legs(c).any(|l| l.point == point.name))
        .peekable();
    alone.peek()?;
    let others: Vec<[i64; 2]> = report
        .points
        .iter()
        .filter(|p| p.name != point.name)
        .filter_map(|p| in_reference(p, p.first_ns?, p.last_ns?))
        .collect();
    let (mut count, mut known, mut meanwhile, mut example) = (0, true, 0, None);
    for c in alone {
        count += 1;
        let first = c.legs.iter().map(|l| l.first_ns).min().unwrap_or_default();
        let last = c.legs.iter().map(|l| l.last_ns).max().unwrap_or_default();
        let Some([begin, end]) = in_reference(point, first, last) else {
            known = false;
            continue;
        };
        if others.iter().any(|[first, last]| begin <= *last && *first <= end) {
            meanwhile += 1;
            example.get_or_insert(&c.id);
        }
    }
    let when = match example {
        _ if !known => String::new(),
        None if count == 1 => ", while no other capture was running".to_owned(),
        None => ", none of them while another capture was running".to_owned(),
        Some(only) if count == 1 => {
            format!(", while another capture was running: {}", terminal(only))
        }
        Some(first) => format!(
            ", {} while another capture was running, the first of them {}",
            if meanwhile == count {
                "all of them".into()
            } else {
                format!("{} of them", thousands(meanwhile))
            },
            terminal(first)
        ),
    };
    Some(format!("{} seen only here{when}", counted(count, "connection")))
}

/// Why a point has no connection in common with the others, or what there would be to compare with.
pub(super) fn write(report: &Report, page: &mut Page<'_>) -> io::Result<()> {
    let Some((first, rest)) = report.points.split_first() else { return Ok(()) };
    if rest.is_empty() {
        // A node, or merged files, may show both sides.
        if report.connections.iter().any(|c| c.legs.iter().filter(|l| !l.stray).count() > 1) {
            return Ok(());
        }
        page.blank()?;
        let text = "One point alone. A second capture, taken at the same time nearer the other end, would show where \
             packets were lost, what NAT did to them, and which host sent a reset.";
        return page.wrapped("", 0, text);
    }
    let any = report.points.iter().any(|p| is_matched(report, p));
    let (title, strangers): (String, Vec<(&Point, Vec<&Point>)>) = if any {
        let matched = || report.points.iter().filter(|p| is_matched(report, p));
        let strangers = report.points.iter().filter(|p| !is_matched(report, p));
        let strangers: Vec<_> = strangers.map(|p| (p, matched().collect())).collect();
        let names: Vec<String> = strangers.iter().map(|(p, _)| terminal(&p.name)).collect();
        (format!("No connection of {} was found at another point", names.join(", ")), strangers)
    } else {
        let strangers = rest.iter().map(|p| (p, vec![first])).collect();
        ("No connection was found at more than one point".into(), strangers)
    };
    if strangers.is_empty() {
        return Ok(());
    }
    page.blank()?;
    page.line(&page.warn(&title))?;
    for (stranger, others) in strangers.iter().take(SHOWN) {
        for reason in reasons(report, stranger, others) {
            page.wrapped("  -", 4, &reason)?;
        }
    }
    let more = strangers.len().saturating_sub(SHOWN);
    if more > 0 {
        page.wrapped("  -", 4, &format!("and so for {}", counted(more as u64, "more point")))?;
    }
    let text = "Capture at all points at the same time, longer than a connection lives, whole headers at least \
         (tcpdump -s 128), and with no filter on an address that NAT changes.";
    page.wrapped("", 2, &format!("To do: {text}"))
}

/// What speaks against a match of any connection, the simplest first.
fn reasons(report: &Report, stranger: &Point, others: &[&Point]) -> Vec<String> {
    let empty = others.iter().copied().chain([stranger]).filter_map(no_connections);
    let empty: Vec<String> = empty.collect();
    if !empty.is_empty() {
        return empty;
    }
    let mut told = Vec::new();
    let name = terminal(&stranger.name);
    let gaps: Option<Vec<Gap<'_>>> = others.iter().map(|o| Gap::between(stranger, o)).collect();
    let nearest = gaps.and_then(|gaps| gaps.into_iter().min_by_key(Gap::length));
    let overlap = nearest.is_none();
    told.extend(nearest.map(|gap| gap.words()));

    let mine = addresses(report, &[stranger]);
    let theirs = addresses(report, others);
    let common: Vec<&str> = mine.intersection(&theirs).copied().collect();
    let names: Vec<String> = others.iter().map(|p| terminal(&p.name)).collect();
    let names = names.join(", ");
    if common.is_empty() {
        told.push(format!(
            "{name} and {names} have no address in common: captures of other traffic, or NAT or a proxy changed both \
             ends ({} at {name}; {} at {names}).",
            some(&mine),
            some(&theirs)
        ));
    }
    for point in others.iter().copied().chain([stranger]) {
        let (legs, begun) = handshakes(report, point);
        if begun < legs {
            told.push(format!(
                "{} of {} of {} began before the capture or outside its filter: without SYN and SYN-ACK only long ones are \
                 matched.",
                thousands(legs - begun),
                counted(legs, "connection"),
                terminal(&point.name)
            ));
        }
        if point.quality.iter().any(|q| q.id == "cut-headers") {
            told.push(format!(
                "{}: its snap length of {} bytes cuts packets within their headers.",
                terminal(&point.name),
                thousands(point.snap_len.into())
            ));
        }
    }
    if overlap && !common.is_empty() {
        told.push(format!(
            "Connections of {} are in both, and no two have the same sequence numbers: a proxy or a load balancer in \
             between ends them, or they are other connections of the same hosts.",
            some(&common.into_iter().collect())
        ));
    }
    let proxied = report
        .connections
        .iter()
        .any(|c| !c.matched.candidates.is_empty() && all_legs(c).any(|l| l.point == stranger.name));
    if proxied {
        told.push("Some may be the same nevertheless: see the candidates above.".into());
    }
    told
}

/// Why there is nothing to compare.
fn no_connections(point: &Point) -> Option<String> {
    if point.tcp_connections > 0 {
        return None;
    }
    let has = |id: &str| point.quality.iter().any(|q| q.id == id);
    let why = match () {
        () if point.packets == 0 => "it holds no packets".to_owned(),
        () if has("unknown-link-type") => "its link type is not decoded".to_owned(),
        () if has("cut-headers") => {
            format!("its snap length of {} bytes cuts headers", thousands(point.snap_len.into()))
        }
        () => format!(
            "none of its {} was read as TCP: another interface, or another filter?",
            counted(point.packets, "packet")
        ),
    };
    Some(format!("{} has no TCP connections: {why}", terminal(&point.name)))
}

/// Two captures that do not overlap, by their own clocks: nothing else is known of those.
struct Gap<'a> {
    earlier: &'a Point,
    ends: i64,
    later: &'a Point,
    begins: i64,
}

impl<'a> Gap<'a> {
    fn between(a: &'a Point, b: &'a Point) -> Option<Self> {
        let after = |earlier: &'a Point, later: &'a Point| {
            let (ends, begins) = (earlier.last_ns?, later.first_ns?);
            (ends < begins).then_some(Gap { earlier, ends, later, begins })
        };
        after(a, b).or_else(|| after(b, a))
    }

    fn length(&self) -> i64 {
        self.begins.saturating_sub(self.ends)
    }

    fn words(&self) -> String {
        format!(
            "By their own clocks they do not overlap: {} ends {} UTC, {} begins {} UTC, {} later. If the clocks are right, \
             only a connection that lived longer than that can be in both.",
            terminal(&self.earlier.name),
            date_time(self.ends),
            terminal(&self.later.name),
            date_time(self.begins),
            duration(self.length())
        )
    }
}

/// A time span of a point's clock, in the reference clock as widely as its bounds allow; `None` where it has none.
fn in_reference(point: &Point, first: i64, last: i64) -> Option<[i64; 2]> {
    let clock = &point.clock;
    let lows = clock.segments.iter().map(|s| s.offset_low_ns).chain(clock.offset_low_ns);
    let highs = clock.segments.iter().map(|s| s.offset_high_ns).chain(clock.offset_high_ns);
    Some([first.saturating_sub(highs.max()?), last.saturating_sub(lows.min()?)])
}

/// Whether any connection was seen at this point and another.
fn is_matched(report: &Report, point: &Point) -> bool {
    report.connections.iter().any(|c| !is_alone(c) && all_legs(c).any(|l| l.point == point.name))
}

/// Whether one point alone saw it.
fn is_alone(connection: &Connection) -> bool {
    all_legs(connection).all(|l| l.point == connection.legs[0].point)
}

/// Those that only show what another one shows as well, too.
fn all_legs(connection: &Connection) -> impl Iterator<Item = &Leg> {
    connection.legs.iter().chain(&connection.copies)
}

fn legs<'a>(report: &'a Report, point: &'a Point) -> impl Iterator<Item = &'a Leg> {
    report.connections.iter().flat_map(all_legs).filter(|l| l.point == point.name)
}

fn addresses<'a>(report: &'a Report, points: &[&'a Point]) -> BTreeSet<&'a str> {
    let ends = points.iter().flat_map(|p| legs(report, p)).flat_map(|l| [&l.orig, &l.resp]);
    ends.map(|end| host(end)).collect()
}

/// Legs of a point, and how many of them have both initial sequence numbers.
fn handshakes(report: &Report, point: &Point) -> (u64, u64) {
    let begun = |l: &Leg| l.orig_isn.is_some() && l.resp_isn.is_some();
    legs(report, point).fold((0, 0), |(all, seen), l| (all + 1, seen + u64::from(begun(l))))
}

/// `10.1.0.2, 10.1.0.3 and 7 more`.
fn some(addresses: &BTreeSet<&str>) -> String {
    let told: Vec<&str> = addresses.iter().copied().take(ADDRESSES).collect();
    match addresses.len().saturating_sub(ADDRESSES) {
        0 => told.join(", "),
        more => format!("{} and {} more", told.join(", "), thousands(more as u64)),
    }
}

/// Points that are explained.
const SHOWN: usize = 4;

/// Addresses that are named.
const ADDRESSES: usize = 3;
