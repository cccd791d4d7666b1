//! `crosscap diagnose`.

use std::error::Error;
use std::mem::ManuallyDrop;
use std::process::ExitCode;

use crosscap::report::{write_json, write_text};

use crate::args::{Diagnose, Format};
use crate::output;

/// Runs the analysis and writes the report to the standard output.
pub(crate) fn run(args: &Diagnose) -> Result<ExitCode, Box<dyn Error>> {
    let mut analysis = args.points.analysis();
    if let Some(file) = &args.k8s {
        analysis = analysis.kubernetes(file);
    }
    // The process ends with the report: to take a million connections apart one by one would only cost time.
    let outcome = ManuallyDrop::new(analysis.run()?);
    let report = &outcome.report;

    output::write(|style, out| match args.format {
        Format::Text => write_text(report, style, out),
        Format::Json => write_json(report, out),
    })?;
    // The text tells it where it belongs; programs read the report, and people this.
    if matches!(args.format, Format::Json) {
        for point in &report.points {
            output::warn(&point.name, &point.quality);
        }
    }
    for point in &report.unread {
        output::error(&point.detail);
    }
    if !report.unread.is_empty() {
        return Ok(ExitCode::from(2));
    }
    Ok(if report.has_faults() { ExitCode::from(1) } else { ExitCode::SUCCESS })
}
