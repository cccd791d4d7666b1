//! What happened to packets between the points, over all connections.

use std::collections::BTreeMap;
use std::io;

use crosscap_diagnosis::{duration, thousands};

use super::layout::{Align, Page, TableRow, Tone};
use super::points::{counted, frames_of, short_name};
use crate::{Connection, Delays, Fate, Offer, Passage, Report};

/// A line for each way between two points and each fate that packets met on it; then what was measured on that way.
pub(super) fn write(report: &Report, page: &mut Page<'_>) -> io::Result<()> {
    let ways = ways(report);
    if !ways.is_empty() {
        page.blank()?;
        page.line(&page.bold("Between the points"))?;
        let mut rows = vec![heads()];
        for (way, sums) in &ways {
            rows.extend(sums.rows(report, &way.words(report)));
        }
        page.table(2, &rows)?;
        for (way, sums) in &ways {
            for text in sums.measured() {
                page.wrapped("  ", 4, &format!("{}: {text}", way.words(report)))?;
            }
        }
    }
    if report.not_compared > 0 {
        page.blank()?;
        let text = format!(
            "{} differ between points and were too many to compare packet by packet.",
            counted(report.not_compared, "connection")
        );
        page.wrapped_in(Tone::Warn, "", 0, &text)?;
    }
    Ok(())
}

/// A way from one point to its neighbour: places in [`Report::points`]. From the originator first.
#[derive(Clone, Copy, Eq, Ord, PartialEq, PartialOrd)]
struct Way {
    from: usize,
    to: usize,
    back: bool,
}

impl Way {
    /// `client → pod`; where one point sees both sides of a device, which way it is.
    fn words(self, report: &Report) -> String {
        let name = |point: usize| report.points.get(point).map_or("", |p| p.name.as_str());
        let [from, to] = [self.from, self.to].map(|point| short_name(name(point)));
        match (self.from == self.to, self.back) {
            (true, false) => format!("within {from}, to server"),
            (true, true) => format!("within {from}, to client"),
            (false, false) => format!("{from} → {to}"),
            (false, true) => format!("{to} → {from}"),
        }
    }
}

/// What all connections together met on one way.
#[derive(Default)]
struct Sums<'a> {
    fates: BTreeMap<usize, Sum<'a>>,
    /// What SYNs offered differently, in words: connections.
    offers: BTreeMap<String, u64>,
    /// Delays and times to live: connections.
    connections: u64,
    shortest: Option<[i64; 2]>,
    longest: Option<[i64; 2]>,
    hops: Option<[i16; 2]>,
    not_compared: u64,
}

#[derive(Default)]
struct Sum<'a> {
    packets: u64,
    bytes: u64,
    connections: Vec<&'a Connection>,
    /// The connections' own, in the same order.
    fates: Vec<&'a Fate>,
}

fn ways(report: &Report) -> BTreeMap<Way, Sums<'_>> {
    let place = |name: &str| report.points.iter().position(|p| p.name == name).unwrap_or_default();
    let mut ways: BTreeMap<Way, Sums<'_>> = BTreeMap::new();
    for connection in &report.connections {
        for between in &connection.between {
            let [from, to] = [&between.from, &between.to].map(|name| place(name));
            for (back, passage) in [(false, &between.orig_to_resp), (true, &between.resp_to_orig)] {
                if let Some(passage) = passage {
                    ways.entry(Way { from, to, back }).or_default().add(connection, passage);
                }
            }
        }
    }
    ways
}

impl<'a> Sums<'a> {
    fn add(&mut self, connection: &'a Connection, passage: &'a Passage) {
        for (index, fate) in fates(passage) {
            let sum = self.fates.entry(index).or_default();
            sum.packets += fate.packets;
            sum.bytes += fate.bytes;
            sum.connections.push(connection);
            sum.fates.push(fate);
        }
        for change in passage.offer.iter().flat_map(changes) {
            *self.offers.entry(change).or_default() += 1;
        }
        self.connections += 1;
        self.not_compared += passage.not_compared;
        if let Some(Delays { min_ns: [low, _, high], max_ns: [late, _, latest], .. }) =
            passage.delay
        {
            let [a, b] = self.shortest.unwrap_or([low, high]);
            self.shortest = Some([a.min(low), b.min(high)]);
            let [a, b] = self.longest.unwrap_or([late, latest]);
            self.longest = Some([a.max(late), b.max(latest)]);
        }
        if let Some([least, most]) = passage.hops {
            let [a, b] = self.hops.unwrap_or([least, most]);
            self.hops = Some([a.min(least), b.max(most)]);
        }
    }

    fn rows(&self, report: &Report, way: &str) -> Vec<TableRow> {
        let row = |(&index, sum): (&usize, &Sum<'a>)| {
            let (what, tone) = FATES[index];
            let cells = vec![
                (Align::Left, what.to_owned()),
                (Align::Left, way.to_owned()),
                (Align::Right, thousands(sum.packets)),
                (Align::Right, thousands(sum.bytes)),
                (Align::Right, thousands(sum.connections.len() as u64)),
            ];
            TableRow { tone, cells, rest: sum.rest(report) }
        };
        self.fates.iter().map(row).collect()
    }

    /// What is known of the way itself.
    fn measured(&self) -> Vec<String> {
        let mut told: Vec<String> = self
            .offers
            .iter()
            .map(|(change, n)| {
                format!("{change} in the handshake of {}", counted(*n, "connection"))
            })
            .collect();
        let mut way = Vec::new();
        if let (Some([low, high]), Some([late, latest])) = (self.shortest, self.longest) {
            way.push(format!(
                "the fastest packet took {}, the slowest {}",
                between(low, high),
                between(late, latest)
            ));
        }
        match self.hops {
            None | Some([0, 0]) => {}
            Some([least, most]) if least == most => {
                way.push(format!("time to live falls by {least}"));
            }
            Some([least, most]) => {
                way.push(format!("time to live falls by {least} to {most}: not all take one way"));
            }
        }
        if !way.is_empty() {
            told.push(format!("{} ({})", way.join("; "), counted(self.connections, "connection")));
        }
        if self.not_compared > 0 {
            told.push(format!(
                "{} not compared: one of the captures may not have been running",
                counted(self.not_compared, "packet")
            ));
        }
        told
    }
}

impl Sum<'_> {
    /// The finding that all of the connections have, and some frames.
    fn rest(&self, report: &Report) -> String {
        let mut common: Vec<&String> =
            self.connections.first().map_or_else(Vec::new, |c| c.findings.iter().collect());
        common.retain(|id| self.connections.iter().all(|c| c.findings.contains(id)));
        let mut frames = Vec::new();
        let mut told = 0;
        let examples = self.fates.iter().flat_map(|f| f.examples.iter().map(move |e| (f, e)));
        for (fate, example) in examples {
            let some = &example.frames[..example.frames.len().min(FRAMES - told)];
            if some.is_empty() {
                break;
            }
            told += some.len();
            frames.push((fate.point.as_str(), example.file.as_str(), some));
        }
        let more = if (told as u64) < self.packets { " …" } else { "" };
        let text = format!("{}{more}", frames_of(report, &frames));
        if common.is_empty() {
            return text;
        }
        let ids: Vec<&str> = common.iter().map(|id| id.as_str()).collect();
        format!("{text}; see {}", ids.join(", "))
    }
}

fn heads() -> TableRow {
    let left = ["", ""].map(|head| (Align::Left, head.to_owned()));
    let right = ["packets", "bytes", "connections"].map(|head| (Align::Right, head.to_owned()));
    let cells = left.into_iter().chain(right).collect();
    TableRow { tone: Tone::Dim, cells, rest: "frames".into() }
}

/// Bounds of a length of time.
fn between(low: i64, high: i64) -> String {
    let (low, high) = (delay(low), delay(high));
    if low == high { low } else { format!("{low} to {high}") }
}

/// Three digits of a length of time.
fn delay(nanos: i64) -> String {
    match nanos {
        0 => "0".into(),
        1_000_000..10_000_000 => format!("{:.2} ms", nanos as f64 / 1e6),
        10_000_000..100_000_000 => format!("{:.1} ms", nanos as f64 / 1e6),
        _ => duration(nanos),
    }
}

/// What a device changed in a SYN.
fn changes([near, far]: &[Offer; 2]) -> Vec<String> {
    let mut told = Vec::new();
    let number = |n: Option<u16>| n.map_or_else(|| "none".into(), |n| thousands(n.into()));
    if near.maximum_segment_size != far.maximum_segment_size {
        let [near, far] = [near, far].map(|o| number(o.maximum_segment_size));
        told.push(format!("maximum segment size {near} became {far}"));
    }
    if near.window_scale != far.window_scale {
        let [near, far] = [near, far].map(|o| number(o.window_scale.map(u16::from)));
        told.push(format!("window scale {near} became {far}"));
    }
    for (what, [near, far]) in [
        ("selective acknowledgement", [near, far].map(|o| o.sack_permitted)),
        ("timestamps", [near, far].map(|o| o.timestamps)),
    ] {
        if near != far {
            told.push(format!("{what} was {}", if near { "taken out" } else { "put in" }));
        }
    }
    told
}

/// By index into [`FATES`].
fn fates(way: &Passage) -> impl Iterator<Item = (usize, &Fate)> {
    let never = way.never_seen.as_ref();
    let fates = [
        way.lost.as_ref(),
        way.undecided.as_ref(),
        never.and_then(|never| never.syn.as_ref()),
        never.and_then(|never| never.fin.as_ref()),
        never.and_then(|never| never.reset.as_ref()),
        way.injected.as_ref(),
        way.changed.as_ref(),
        way.duplicated.as_ref(),
        way.repeated.as_ref(),
        way.reordered.as_ref(),
        way.unrecorded_far.as_ref(),
        way.unrecorded_near.as_ref(),
        way.bare_missing.as_ref(),
        way.unexplained.as_ref(),
    ];
    fates.into_iter().enumerate().filter_map(|(i, fate)| Some((i, fate?)))
}

/// The worst first. What may be the capture's doing is not alarming.
const FATES: [(&str, Tone); 14] = [
    ("lost", Tone::Warn),
    ("lost or not captured", Tone::Plain),
    ("SYN never came", Tone::Warn),
    ("FIN never came", Tone::Warn),
    ("RST, lost or not captured", Tone::Plain),
    ("injected", Tone::Bad),
    ("changed", Tone::Warn),
    ("duplicated", Tone::Plain),
    ("duplicated or captured twice", Tone::Plain),
    ("out of order", Tone::Plain),
    ("arrived, not captured", Tone::Dim),
    ("sent, not captured", Tone::Dim),
    ("no data, lost or not captured", Tone::Dim),
    ("came, not seen leaving", Tone::Dim),
];

/// Frames named of each fate.
const FRAMES: usize = 3;
