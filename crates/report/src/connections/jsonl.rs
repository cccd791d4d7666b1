//! JSON lines.

use std::io::{self, Write};

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::ConnectionTable;
use super::field::{Row, Value};
use super::fields::FIELDS;
use crate::json::OneLine;

/// Writes each connection as a JSON object on a line of its own, with all columns.
///
/// # Errors
///
/// What `out` returns.
pub fn write_connections_jsonl(table: &ConnectionTable<'_>, out: &mut dyn Write) -> io::Result<()> {
    for row in table.shown() {
        row.serialize(&mut serde_json::Serializer::with_formatter(&mut *out, OneLine))?;
        writeln!(out)?;
    }
    Ok(())
}

impl Serialize for Row<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(None)?;
        for column in FIELDS.iter().flat_map(|field| field.columns) {
            object.serialize_entry(column.name, &column.get.of(*self))?;
        }
        object.end()
    }
}

impl Serialize for Value<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Count(n) | Self::Id(n) => serializer.serialize_u64(*n),
            Self::Time(n) | Self::Span(n) => serializer.serialize_i64(*n),
            Self::Flag(flag) => serializer.serialize_bool(*flag),
            Self::Endpoint(end) => serializer.collect_str(end),
            Self::Word(word) => serializer.serialize_str(word),
            Self::Text(text) => serializer.serialize_str(text),
        }
    }
}
