//! SYNs without an answer that no finding explains.

use std::io;

use super::layout::Page;
use super::points::counted;
use crate::escape::terminal;
use crate::{Connection, Report};

/// How many there are, and how to list them.
pub(super) fn write(report: &Report, page: &mut Page<'_>) -> io::Result<()> {
    let mut unanswered = report.connections.iter().filter(|c| is_unanswered(c));
    let Some(first) = unanswered.next() else { return Ok(()) };
    let count = 1 + unanswered.count() as u64;
    let which = if count == 1 { "," } else { ", the first of them" };
    page.blank()?;
    let text = format!(
        "Not explained: {} without an answer to the SYN{which} {}. To do: look whether it should be answered, and capture \
         nearer the server; crosscap connections FILE --where state=S0 lists such connections of a capture.",
        counted(count, "connection"),
        terminal(&first.id)
    );
    page.wrapped("", 0, &text)
}

/// Whether no point saw more than SYNs, and no finding says why.
fn is_unanswered(connection: &Connection) -> bool {
    connection.findings.is_empty()
        && connection.legs.iter().all(|l| {
            l.conn_state == "S0" && l.orig_isn.is_some() && l.resp_packets == 0 && l.orig_bytes == 0
        })
}
