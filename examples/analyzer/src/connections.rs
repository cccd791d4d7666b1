//! `crosscap connections`.

use std::error::Error;
use std::mem::ManuallyDrop;
use std::process::ExitCode;

use crosscap::report::{
    ConnectionTable, write_connections_csv, write_connections_jsonl, write_connections_text,
    write_connections_zeek,
};

use crate::args::{Connections, TableFormat};
use crate::output;

/// Reads the captures and writes their connections to the standard output.
pub(crate) fn run(args: &Connections) -> Result<ExitCode, Box<dyn Error>> {
    // The process ends with the table: to take a million connections apart one by one would only cost time.
    let read = ManuallyDrop::new(args.points.analysis().connections()?);
    for of in read.iter() {
        output::warn(&of.point.name, &of.info.quality);
    }
    let points: Vec<_> = read.iter().map(|of| &of.point).collect();
    let mut table = ConnectionTable::new(&points);
    for filter in &args.filters {
        table.retain(filter);
    }
    table.sort(&args.sort);
    if let Some(rows) = args.limit {
        table.limit(rows);
    }
    output::write(|style, out| match args.format {
        TableFormat::Table => write_connections_text(&table, style, out),
        TableFormat::Jsonl => write_connections_jsonl(&table, out),
        TableFormat::Csv => write_connections_csv(&table, out),
        TableFormat::Zeek => write_connections_zeek(&table, out),
    })?;
    Ok(ExitCode::SUCCESS)
}
