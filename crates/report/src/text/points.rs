//! What was read, and what it says as a whole.

use std::io;

pub(super) use crosscap_diagnosis::counted;
use crosscap_diagnosis::thousands;
use jiff::Timestamp;

use super::layout::{Align, Page, TableRow, Tone};
use super::{clock, devices, nat, unmatched};
use crate::escape::terminal;
use crate::{Finding, Point, Report};

/// The head of the report.
pub(super) fn write(report: &Report, page: &mut Page<'_>) -> io::Result<()> {
    let across = report
        .connections
        .iter()
        .filter(|c| c.legs.iter().any(|l| l.point != c.legs[0].point))
        .count();
    let same_place = |p: &&Point| p.quality.iter().any(|q| q.id == "same-place");
    let points = report.points.len() - report.points.iter().filter(same_place).count();
    let title = format!(
        "{} {}: {} at {}",
        report.generator.name,
        report.generator.version,
        counted(report.connections.len() as u64, "connection"),
        counted(points as u64, "point"),
    );
    let title = match points {
        0 | 1 => title,
        _ => format!("{title}, {} matched across points", thousands(across as u64)),
    };
    page.line(&page.bold(&title))?;
    summary(report, page)?;
    page.blank()?;
    let names = report.points.iter().map(|p| &p.name).chain(report.unread.iter().map(|p| &p.name));
    let width = names.map(|name| terminal(name).chars().count()).max().unwrap_or(0).max(5);
    for point in &report.points {
        page.wrapped(&format!("  {:width$}", terminal(&point.name)), width + 4, &describe(point))?;
        for remark in clock::remarks(report, point) {
            page.wrapped_in(Tone::Dim, "", width + 4, &format!("clock: {remark}"))?;
        }
        if let Some(text) = unmatched::only_here(report, point) {
            page.wrapped("", width + 4, &text)?;
        }
        for quality in &point.quality {
            // The file has been named.
            let name = match point.files.as_slice() {
                [only] => format!("{only}: "),
                _ => String::new(),
            };
            let note = quality.detail.strip_prefix(&name).unwrap_or(&quality.detail);
            let tone = if quality.loses_packets() { Tone::Warn } else { Tone::Dim };
            page.wrapped_in(tone, "", width + 4, &terminal(note))?;
        }
    }
    for point in &report.unread {
        let note = format!("not read: {}", terminal(&point.detail));
        page.wrapped(&format!("  {:width$}", terminal(&point.name)), width + 4, &page.warn(&note))?;
    }
    nat::write(report, width, page)?;
    devices::write(report, width, page)
}

/// What was found, a line each, before anything else is told.
fn summary(report: &Report, page: &mut Page<'_>) -> io::Result<()> {
    if report.findings.len() < 2 {
        return Ok(());
    }
    let rows: Vec<TableRow> = report
        .findings
        .iter()
        .take(SUMMARY)
        .map(|f| TableRow {
            tone: match f.severity.as_str() {
                "broken" => Tone::Bad,
                "degraded" => Tone::Warn,
                _ => Tone::Plain,
            },
            cells: vec![
                (Align::Left, f.severity.to_uppercase()),
                (Align::Left, f.id.clone()),
                (Align::Right, thousands(f.connections.len() as u64)),
            ],
            rest: format!("{}, {}", whose(report, f), f.verdict),
        })
        .collect();
    page.blank()?;
    page.table(2, &rows)?;
    match report.findings.len().saturating_sub(SUMMARY) as u64 {
        0 => Ok(()),
        more => page.line(&page.dim(&format!("  and {}", counted(more, "more finding")))),
    }
}

/// `connections to 10.96.0.10:80`.
fn whose(report: &Report, finding: &Finding) -> String {
    let noun = if finding.connections.len() == 1 { "connection" } else { "connections" };
    let first = finding.connections.first();
    let shown = report.connections.iter().find(|c| Some(&c.id) == first);
    match shown.and_then(|c| c.legs.first()) {
        Some(leg) => format!("{noun} to {}", leg.resp),
        None => noun.into(),
    }
}

/// Findings listed at the top.
const SUMMARY: usize = 10;

fn describe(point: &Point) -> String {
    let place = match point.role.as_str() {
        "orig-side" => "client side, ",
        "resp-side" => "server side, ",
        "between" => "in between, ",
        _ => "",
    };
    let clock = clock::describe(&point.name, &point.clock);
    let span = match (point.first_ns, point.last_ns) {
        (Some(first), Some(last)) => {
            let (from, to) = (date_time(first), date_time(last));
            if from == to {
                format!(", {from} UTC")
            } else if date(first) == date(last) {
                format!(", {from} to {} UTC", clock_time(last, 0))
            } else {
                format!(", {from} to {to} UTC")
            }
        }
        _ => String::new(),
    };
    let files = match point.files.as_slice() {
        [only] => terminal(only),
        files => counted(files.len() as u64, "file"),
    };
    format!("{files}, {}{span}; {place}{clock}", counted(point.packets, "packet"))
}

fn date(nanos: i64) -> String {
    written(nanos, "%Y-%m-%d")
}

/// `2024-05-14 12:03:36`.
pub(super) fn date_time(nanos: i64) -> String {
    written(nanos, "%Y-%m-%d %H:%M:%S")
}

/// `12:03:36.200038`, with `digits` behind the point.
pub(super) fn clock_time(nanos: i64, digits: usize) -> String {
    if digits == 0 {
        written(nanos, "%H:%M:%S")
    } else {
        written(nanos, &format!("%H:%M:%S.%{digits}f"))
    }
}

fn written(nanos: i64, format: &str) -> String {
    // Every i64 of nanoseconds is within jiff's range.
    Timestamp::from_nanosecond(nanos.into())
        .map_or_else(|_| nanos.to_string(), |t| t.strftime(format).to_string())
}

/// `client #12 #14, pod-2.pcap #3`: frames under the name of their point, or of their file where the point has several.
pub(super) fn frames_of(report: &Report, frames: &[(&str, &str, &[u64])]) -> String {
    let mut text = String::new();
    let mut last = None;
    for &(point, file, numbers) in frames {
        let several = report.points.iter().any(|p| p.name == point && p.files.len() > 1);
        let place = if several { file } else { point };
        if last != Some(place) {
            let comma = if text.is_empty() { "" } else { ", " };
            text = format!("{text}{comma}{}", terminal(place));
            last = Some(place);
        }
        for number in numbers {
            text = format!("{text} #{number}");
        }
    }
    text
}

/// The name of a point, cut where it is very long.
pub(super) fn short_name(name: &str) -> String {
    let name = terminal(name);
    if name.chars().count() <= NAME {
        return name;
    }
    let mut short: String = name.chars().take(NAME - 1).collect();
    short.push('…');
    short
}

/// Columns for the name of a point in a table.
const NAME: usize = 20;

/// The address of an endpoint.
pub(super) fn host(endpoint: &str) -> &str {
    let address = endpoint.rsplit_once(':').map_or(endpoint, |(address, _)| address);
    address.strip_prefix('[').and_then(|a| a.strip_suffix(']')).unwrap_or(address)
}

/// A share from 0 to 1: `33 %`. What is not certain is never called 0 or 100 %.
pub(super) fn percent(share: f64) -> String {
    match share {
        s if s > 0.0 && s < 0.01 => "less than 1 %".into(),
        s if s > 0.99 && s < 1.0 => "more than 99 %".into(),
        s => format!("{:.0} %", 100.0 * s),
    }
}
