//! The timeline of one connection: a column for each point, with frame numbers.

use std::io;

use super::layout::Page;
use super::points::clock_time;
use crate::escape::terminal;
use crate::{Point, Report, Timeline, TimelineRow};

pub(super) fn write(report: &Report, timeline: &Timeline, page: &mut Page<'_>) -> io::Result<()> {
    let Some(first) = report.points.first() else { return Ok(()) };
    let columns = columns(report, timeline);
    page.line(&page.bold(&format!("  Timeline, by the clock of {} (UTC)", terminal(&first.name))))?;
    let heads: String = columns
        .iter()
        .map(|c| format!("  {:<width$}", short(c), width = width(c, first)))
        .collect();
    page.line(&page.dim(format!("    {:15}      {:TEXT$}{heads}", "", "").trim_end()))?;
    for row in &timeline.rows {
        page.line(&line(row, &columns, first, page))?;
    }
    Ok(())
}

/// The points that saw the connection, from client to server.
fn columns(report: &Report, timeline: &Timeline) -> Vec<String> {
    let legs =
        report.connections.iter().filter(|c| c.id == timeline.connection).flat_map(|c| &c.legs);
    let mut names: Vec<String> = Vec::new();
    for leg in legs {
        if !names.contains(&leg.point) {
            names.push(leg.point.clone());
        }
    }
    names
}

fn line(row: &TimelineRow, columns: &[String], reference: &Point, page: &Page<'_>) -> String {
    let arrow = match row.from.as_deref() {
        Some("orig") => "→",
        Some(_) => "←",
        None => return page.dim(&format!("    {:15}      {}", "", row.text)),
    };
    let cells: String = columns
        .iter()
        .map(|c| format!("  {:<width$}", cell(row, c, reference), width = width(c, reference)))
        .collect();
    let note = row.seen.iter().find(|s| s.stray).map_or_else(String::new, |s| {
        let end = if row.from.as_deref() == Some("orig") {
            format!("to {}", s.dst)
        } else {
            format!("from {}", s.src)
        };
        format!("  untranslated, {end}")
    });
    let text =
        format!("    {}   {arrow}  {:TEXT$}{cells}", clock_time(row.time_ref_ns, 6), row.text);
    let text = if note.is_empty() { text.trim_end().to_owned() } else { text };
    let text = if row.text.contains("RST") { page.bad(&text) } else { text };
    format!("{text}{}", page.warn(&note))
}

/// Where a point saw the packet: the frame, and the time where the point's clock is not the one of the page.
fn cell(row: &TimelineRow, point: &str, reference: &Point) -> String {
    let mut seen = row.seen.iter().filter(|s| s.point == point).peekable();
    let Some(first) = seen.peek() else { return "–".into() };
    let time = if point == reference.name {
        String::new()
    } else {
        format!(" {}", clock_time(first.time_ns, 6))
    };
    let frames: Vec<String> = seen.map(|s| format!("#{}", s.frame)).collect();
    format!("{}{time}", frames.join(" "))
}

fn width(point: &str, reference: &Point) -> usize {
    if point == reference.name { 10 } else { 26 }
}

/// A point's name, cut to its column.
fn short(name: &str) -> String {
    terminal(name).chars().take(10).collect()
}

/// Columns for what the packet is.
const TEXT: usize = 14;
