//! Text, for people.

mod between;
mod clock;
mod connections;
mod devices;
mod finding;
mod info;
mod layout;
mod nat;
mod points;
mod timeline;
mod timeouts;
mod unanswered;
mod unmatched;

use std::io::{self, Write};

use crate::{ConnectionTable, Info, Report};
use layout::{Page, Tone};
use points::counted;

/// How the text looks.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct TextStyle {
    /// Whether to use ANSI colours and bold type. Off by default.
    pub color: bool,
}

impl TextStyle {
    /// With or without colour.
    #[must_use]
    pub const fn with_color(color: bool) -> Self {
        Self { color }
    }
}

/// Writes the report as text. Names from the command line and from files are made safe for a terminal.
///
/// # Errors
///
/// What `out` returns.
pub fn write_text(report: &Report, style: TextStyle, out: &mut dyn Write) -> io::Result<()> {
    let page = &mut Page::new(out, style.color);
    points::write(report, page)?;
    unmatched::write(report, page)?;
    between::write(report, page)?;
    for finding in &report.findings {
        page.blank()?;
        finding::write(report, finding, page)?;
    }
    for timeout in report.idle_timeouts.iter().filter(|t| t.broke_min_ns.is_some()) {
        page.blank()?;
        timeouts::write(timeout, page)?;
    }
    if report.not_examined > 0 {
        page.blank()?;
        let text = format!(
            "{} more may have failed and were too many to look at: no finding tells of them.",
            counted(report.not_examined, "connection")
        );
        page.wrapped_in(Tone::Warn, "", 0, &text)?;
    } else if report.findings.is_empty() {
        page.blank()?;
        page.line(
            &page.good("None of the failures that crosscap knows was found in these connections."),
        )?;
    }
    unanswered::write(report, page)
}

/// Writes what capture files are as text. Names from the command line and from files are made safe for a terminal.
///
/// # Errors
///
/// What `out` returns.
pub fn write_info_text(info: &Info, style: TextStyle, out: &mut dyn Write) -> io::Result<()> {
    let page = &mut Page::new(out, style.color);
    for (i, file) in info.files.iter().enumerate() {
        if i > 0 {
            page.blank()?;
        }
        info::write(file, page)?;
    }
    Ok(())
}

/// Writes connections as a table for people: the columns that say most, a row each, and a line that sums them up. Names
/// from the command line and from files are made safe for a terminal.
///
/// # Errors
///
/// What `out` returns.
pub fn write_connections_text(
    table: &ConnectionTable<'_>,
    style: TextStyle,
    out: &mut dyn Write,
) -> io::Result<()> {
    connections::write(table, &mut Page::new(out, style.color))
}
