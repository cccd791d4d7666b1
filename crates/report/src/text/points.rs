//! What was read, and what it says as a whole.

use std::io;

use crosscap_diagnosis::{duration, thousands};
use jiff::Timestamp;

use super::layout::Page;
use super::nat;
use crate::escape::terminal;
use crate::{Clock, IdleTimeout, Point, Report};

/// The head of the report.
pub(super) fn write(report: &Report, page: &mut Page<'_>) -> io::Result<()> {
    let across = report
        .connections
        .iter()
        .filter(|c| c.legs.iter().any(|l| l.point != c.legs[0].point))
        .count();
    let title = format!(
        "{} {}: {} at {}, {} matched across points",
        report.generator.name,
        report.generator.version,
        counted(report.connections.len() as u64, "connection"),
        counted(report.points.len() as u64, "point"),
        thousands(across as u64),
    );
    page.line(&page.bold(&title))?;
    page.blank()?;
    let names = report.points.iter().map(|p| &p.name).chain(report.unread.iter().map(|p| &p.name));
    let width = names.map(|name| terminal(name).chars().count()).max().unwrap_or(0).max(4);
    for point in &report.points {
        page.wrapped(&format!("  {:width$}", terminal(&point.name)), width + 4, &describe(point))?;
        for note in &point.clock.notes {
            page.wrapped("", width + 4, &page.dim(&format!("clock: {}", terminal(&note.detail))))?;
        }
        for quality in &point.quality {
            let note = terminal(&quality.detail);
            let note = if quality.loses_packets() { page.warn(&note) } else { page.dim(&note) };
            page.wrapped("", width + 4, &note)?;
        }
    }
    for point in &report.unread {
        let note = format!("not read: {}", terminal(&point.detail));
        page.wrapped(&format!("  {:width$}", terminal(&point.name)), width + 4, &page.warn(&note))?;
    }
    nat::write(report, width, page)
}

fn describe(point: &Point) -> String {
    let place = match point.role.as_str() {
        "orig-side" => "client side, ",
        "resp-side" => "server side, ",
        "between" => "in between, ",
        _ => "",
    };
    let clock = match (&point.clock, point.clock.offset_ns) {
        (c, _) if c.reference == point.name => "reference clock".to_owned(),
        (c, Some(offset)) => {
            let half = (c.offset_high_ns.unwrap_or(offset) - c.offset_low_ns.unwrap_or(offset)) / 2;
            format!(
                "its clock is {} {}'s (± {})",
                offset_words(offset),
                terminal(&c.reference),
                duration(half)
            )
        }
        (c, None) => one_sided(c),
    };
    let span = match (point.first_ns, point.last_ns) {
        (Some(first), Some(last)) => {
            format!(", {} to {} UTC", date_time(first), clock_time(last, 0))
        }
        _ => String::new(),
    };
    let files = match point.files.as_slice() {
        [only] => terminal(only),
        files => counted(files.len() as u64, "file"),
    };
    format!("{files}, {}{span}; {place}{clock}", counted(point.packets, "packet"))
}

/// Of a clock that packets bound on one side at most.
fn one_sided(clock: &Clock) -> String {
    let reference = terminal(&clock.reference);
    let bound = |what, offset| {
        format!(
            "its clock is at {what} {} {reference}'s: packets travelled one way only",
            offset_words(offset)
        )
    };
    // A lower bound of a clock that is behind is the most that it is behind.
    match (clock.offset_low_ns, clock.offset_high_ns) {
        (Some(low), None) => bound(if low < 0 { "most" } else { "least" }, low),
        (None, Some(high)) => bound(if high < 0 { "least" } else { "most" }, high),
        _ => format!("its clock cannot be compared with {reference}'s"),
    }
}

/// `27.000000 s behind`.
fn offset_words(offset: i64) -> String {
    let side = if offset < 0 { "behind" } else { "ahead of" };
    format!("{:.6} s {side}", offset.unsigned_abs() as f64 / 1e9)
}

/// The bracket of a session timer.
pub(super) fn write_timeout(timeout: &IdleTimeout, page: &mut Page<'_>) -> io::Result<()> {
    let Some(broke) = timeout.broke_min_ns else { return Ok(()) };
    let what = if timeout.state == "half-closed" { "half-closed" } else { "idle" };
    let low = timeout
        .survived_max_ns
        .map_or_else(|| "more than nothing known".into(), |s| format!("more than {}", duration(s)));
    let fits: Vec<String> = timeout
        .candidates
        .iter()
        .filter(|c| c.consistent)
        .map(|c| format!("{} ({} s)", c.name, thousands(c.seconds)))
        .collect();
    page.line(
        &page.bold(&format!("How long {what} connections to {} are remembered", timeout.scope)),
    )?;
    let bracket = if timeout.survived_max_ns.is_some_and(|s| s >= broke) {
        format!(
            "Not one fixed time: a silence of {} broke a connection while another outlived {}.",
            duration(broke),
            duration(timeout.survived_max_ns.unwrap_or_default())
        )
    } else {
        format!(
            "{low}, at most {}: the longest silence outlived and the shortest that broke, over all connections.",
            duration(broke)
        )
    };
    page.wrapped("", 2, &capitalised(&bracket))?;
    let defaults =
        if fits.is_empty() { "none of the known devices".into() } else { fits.join(", ") };
    page.wrapped("", 2, &format!("Defaults in between: {defaults}."))
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
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

/// `1 packet`, `8,200 connections`.
pub(super) fn counted(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", thousands(number))
}
