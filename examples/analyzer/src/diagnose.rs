//! `crosscap diagnose`.

use std::error::Error;
use std::io::{self, Write};
use std::mem::ManuallyDrop;
use std::process::ExitCode;

use crosscap::Analysis;
use crosscap::report::{escape_for_terminal, write_json, write_text};

use crate::args::{Diagnose, Format, distinct};
use crate::output;

/// Runs the analysis and writes the report to the standard output.
pub(crate) fn run(args: &Diagnose) -> Result<ExitCode, Box<dyn Error>> {
    let mut analysis = Analysis::builder().reading(args.reading.options());
    for point in distinct(&args.points) {
        analysis = analysis.point(point.name, point.files);
    }
    if let Some(threads) = args.threads {
        analysis = analysis.threads(threads.into());
    }
    // The process ends with the report: to take a million connections apart one by one would only cost time.
    let outcome = ManuallyDrop::new(analysis.run()?);
    let report = &outcome.report;

    output::write(|style, out| match args.format {
        Format::Text => write_text(report, style, out),
        Format::Json => write_json(report, out),
    })?;
    for point in &report.points {
        for quality in point.quality.iter().filter(|q| q.loses_packets()) {
            let warning = format!("{}: {}", point.name, quality.detail);
            // The report says it as well; nobody may be listening here.
            let _ = writeln!(io::stderr(), "crosscap: warning: {}", escape_for_terminal(&warning));
        }
    }
    Ok(if report.has_faults() { ExitCode::from(1) } else { ExitCode::SUCCESS })
}
