//! The timeline of one connection: a column for each point, with frame numbers.

use std::io;

use super::layout::{GAP, Page, Tone, WIDTH};
use super::points::{clock_time, short_name};
use crate::escape::terminal;
use crate::{Report, Timeline, TimelineRow};

pub(super) fn write(report: &Report, timeline: &Timeline, page: &mut Page<'_>) -> io::Result<()> {
    let Some(first) = report.points.first() else { return Ok(()) };
    page.line(&page.bold(&format!("  Timeline, by the clock of {} (UTC)", terminal(&first.name))))?;
    let table = Table::of(report, timeline, &first.name);
    table.write_heads(page)?;
    for row in &timeline.rows {
        table.write_row(row, page)?;
    }
    Ok(())
}

/// What every row has in common.
struct Table<'a> {
    /// The points that saw the connection, from client to server, with the widths of their columns.
    columns: Vec<(&'a str, usize)>,
    /// The point whose clock is that of the page.
    reference: &'a str,
    /// Columns for what a packet is.
    text: usize,
    cells: Cells,
}

/// What a cell says.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Cells {
    /// The frame, and its time where that is not the one of the page.
    Times,
    /// The frame.
    Frames,
    /// There are too many points for a column each: behind a row stands who saw it.
    None,
}

impl<'a> Table<'a> {
    /// With as much in it as there is room for.
    fn of(report: &'a Report, timeline: &Timeline, reference: &'a str) -> Self {
        let text = timeline.rows.iter().filter(|row| row.from.is_some());
        let text = text.map(|row| row.text.chars().count()).max().unwrap_or_default();
        let points = points(report, timeline);
        let with = |cells| Self { columns: Vec::new(), reference, text, cells };
        for cells in [Cells::Times, Cells::Frames] {
            let table = with(cells);
            let width = |point| {
                let cells = timeline.rows.iter().map(|row| table.cell(row, point).chars().count());
                cells.chain([short_name(point).chars().count()]).max().unwrap_or_default()
            };
            let columns: Vec<_> = points.iter().map(|point| (*point, width(*point))).collect();
            let all: usize = columns.iter().map(|(_, width)| GAP.len() + width).sum();
            if BEGIN + text + all <= WIDTH {
                return Self { columns, ..table };
            }
        }
        with(Cells::None)
    }

    fn write_heads(&self, page: &mut Page<'_>) -> io::Result<()> {
        if self.columns.is_empty() {
            return Ok(());
        }
        let heads = self
            .columns
            .iter()
            .map(|(point, width)| format!("{GAP}{:<width$}", short_name(point)))
            .collect::<String>();
        let indent = BEGIN + self.text;
        page.line(&page.dim(format!("{:indent$}{heads}", "").trim_end()))
    }

    fn write_row(&self, row: &TimelineRow, page: &mut Page<'_>) -> io::Result<()> {
        let arrow = match row.from.as_deref() {
            Some("orig") => "→",
            Some(_) => "←",
            None => return page.line(&page.dim(&format!("{:BEGIN$}{}", "", row.text))),
        };
        let cells: String = self
            .columns
            .iter()
            .map(|(point, width)| format!("{GAP}{:<width$}", self.cell(row, point)))
            .collect();
        let (time, text) = (clock_time(row.time_ref_ns, 6), self.text);
        let line = format!("{:INDENT$}{time:TIME$}   {arrow}  {:text$}{cells}", "", row.text);
        let note = note(row);
        let fits = line.chars().count() + GAP.len() + note.chars().count() <= WIDTH;
        let tone = |line: &str| {
            if row.text.contains("RST") { page.bad(line) } else { line.to_owned() }
        };
        match (note.as_str(), fits) {
            ("", _) => page.line(&tone(line.trim_end()))?,
            (_, true) => page.line(&format!("{}{GAP}{}", tone(&line), page.warn(&note)))?,
            (_, false) => {
                page.line(&tone(line.trim_end()))?;
                page.line(&format!("{:BEGIN$}{}", "", page.warn(&note)))?;
            }
        }
        if self.cells == Cells::None {
            page.wrapped_in(Tone::Dim, "", BEGIN, &seen(row))?;
        }
        Ok(())
    }

    /// Where a point saw the packet.
    fn cell(&self, row: &TimelineRow, point: &str) -> String {
        let mut seen = row.seen.iter().filter(|s| s.point == point).peekable();
        let Some(first) = seen.peek() else {
            return if row.from.is_some() { "–".into() } else { String::new() };
        };
        let time = if point == self.reference || self.cells != Cells::Times {
            String::new()
        } else {
            format!(" {}", clock_time(first.time_ns, 6))
        };
        let frames: Vec<String> = seen.map(|s| format!("#{}", s.frame)).collect();
        format!("{}{time}", frames.join(" "))
    }
}

/// The points that saw the connection, from client to server.
fn points<'a>(report: &'a Report, timeline: &Timeline) -> Vec<&'a str> {
    let legs =
        report.connections.iter().filter(|c| c.id == timeline.connection).flat_map(|c| &c.legs);
    let mut names: Vec<&str> = Vec::new();
    for leg in legs {
        if !names.contains(&leg.point.as_str()) {
            names.push(&leg.point);
        }
    }
    names
}

/// What NAT should have done to the packet.
fn note(row: &TimelineRow) -> String {
    row.seen.iter().find(|s| s.stray).map_or_else(String::new, |s| {
        if row.from.as_deref() == Some("orig") {
            format!("untranslated, to {}", s.dst)
        } else {
            format!("untranslated, from {}", s.src)
        }
    })
}

/// `client #12, node #24 #25; not at pod`.
fn seen(row: &TimelineRow) -> String {
    let places = row.seen.chunk_by(|a, b| a.point == b.point).map(|seen| {
        let frames: Vec<String> = seen.iter().map(|s| format!("#{}", s.frame)).collect();
        let name = seen.first().map_or("", |s| s.point.as_str());
        format!("{} {}", terminal(name), frames.join(" "))
    });
    let places = places.collect::<Vec<_>>().join(", ");
    if row.not_seen.is_empty() {
        return places;
    }
    let missing: Vec<String> = row.not_seen.iter().map(|name| terminal(name)).collect();
    format!("{places}; not at {}", missing.join(", "))
}

const INDENT: usize = 4;

/// `12:03:36.200038`.
const TIME: usize = 15;

/// Where what a packet is begins: behind the time, and an arrow with five blanks around it.
const BEGIN: usize = INDENT + TIME + 6;
