//! The timeline of one connection: a column for each point, with frame numbers.

use std::io;

use super::layout::Page;
use super::points::clock_time;
use crate::escape::terminal;
use crate::{Report, Timeline, TimelineRow};

pub(super) fn write(report: &Report, timeline: &Timeline, page: &mut Page<'_>) -> io::Result<()> {
    let Some(first) = report.points.first() else { return Ok(()) };
    let columns = columns(report, timeline);
    page.line(&page.bold(&format!("  Timeline, by the clock of {} (UTC)", terminal(&first.name))))?;
    let heads: String = columns.iter().map(|c| format!("{:>12}", short(c))).collect();
    page.line(&page.dim(&format!("    {:15}      {:24}{heads}", "", "")))?;
    for row in &timeline.rows {
        page.line(&line(row, &columns, page))?;
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

fn line(row: &TimelineRow, columns: &[String], page: &Page<'_>) -> String {
    let arrow = match row.from.as_deref() {
        Some("orig") => "→",
        Some(_) => "←",
        None => return page.dim(&format!("    {:15}      {}", "", row.text)),
    };
    let cells: String = columns
        .iter()
        .map(|point| {
            let frames: Vec<String> = row
                .seen
                .iter()
                .filter(|s| s.point == *point)
                .map(|s| format!("#{}", s.frame))
                .collect();
            let cell = if frames.is_empty() { "–".to_owned() } else { frames.join(" ") };
            format!("{cell:>12}")
        })
        .collect();
    let note = row.seen.iter().find(|s| s.stray).map_or_else(String::new, |s| {
        let end = if row.from.as_deref() == Some("orig") {
            format!("to {}", s.dst)
        } else {
            format!("from {}", s.src)
        };
        format!("  {}: {end}", terminal(&s.point))
    });
    let text = format!("    {}   {arrow}  {:24}{cells}", clock_time(row.time_ref_ns, 6), row.text);
    let text = if row.text.contains("RST") { page.bad(&text) } else { text };
    format!("{text}{}", page.warn(&note))
}

/// A point's name, cut to its column.
fn short(name: &str) -> String {
    terminal(name).chars().take(11).collect()
}
