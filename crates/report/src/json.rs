//! JSON, for programs.

use std::io::{self, Write};

use crate::Report;

/// Writes the report as indented JSON with a final newline.
///
/// # Errors
///
/// What `out` returns.
pub fn write_json(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, report)?;
    writeln!(out)
}
