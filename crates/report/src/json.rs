//! JSON, for programs.

use std::io::{self, Write};

use serde::Serialize;

use crate::{Info, Report};

/// Writes the report as indented JSON with a final newline.
///
/// # Errors
///
/// What `out` returns.
pub fn write_json(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    write(report, out)
}

/// Writes what capture files are as indented JSON with a final newline.
///
/// # Errors
///
/// What `out` returns.
pub fn write_info_json(info: &Info, out: &mut dyn Write) -> io::Result<()> {
    write(info, out)
}

fn write(what: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, what)?;
    writeln!(out)
}
