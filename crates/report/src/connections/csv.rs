//! CSV.

use std::io::{self, Write};

use super::ConnectionTable;
use super::field::Value;
use super::fields::FIELDS;
use crate::escape::terminal;

/// Writes a line with the names of all columns, then a line for each connection, as RFC 4180 has it. What is null is
/// empty.
///
/// Names of points and files that a spreadsheet would take for a formula get an apostrophe in front.
///
/// # Errors
///
/// What `out` returns.
pub fn write_connections_csv(table: &ConnectionTable<'_>, out: &mut dyn Write) -> io::Result<()> {
    let columns = || FIELDS.iter().flat_map(|field| field.columns);
    for (i, column) in columns().enumerate() {
        write!(out, "{}{}", comma(i), column.name)?;
    }
    out.write_all(END_OF_LINE)?;
    for row in table.shown() {
        for (i, column) in columns().enumerate() {
            out.write_all(comma(i).as_bytes())?;
            match column.get.of(*row) {
                None => {}
                Some(Value::Count(n) | Value::Id(n)) => write!(out, "{n}")?,
                Some(Value::Time(n) | Value::Span(n)) => write!(out, "{n}")?,
                Some(Value::Flag(flag)) => write!(out, "{flag}")?,
                Some(Value::Endpoint(end)) => write!(out, "{end}")?,
                Some(Value::Word(word)) => write!(out, "{word}")?,
                Some(Value::Text(text)) => write_text(&text, out)?,
            }
        }
        out.write_all(END_OF_LINE)?;
    }
    Ok(())
}

fn comma(column: usize) -> &'static str {
    if column == 0 { "" } else { "," }
}

fn write_text(text: &str, out: &mut dyn Write) -> io::Result<()> {
    let mut text = terminal(text);
    if text.starts_with(['=', '+', '-', '@']) {
        text.insert(0, '\'');
    }
    if text.contains(['"', ',']) {
        write!(out, "\"{}\"", text.replace('"', "\"\""))
    } else {
        out.write_all(text.as_bytes())
    }
}

const END_OF_LINE: &[u8] = b"\r\n";
