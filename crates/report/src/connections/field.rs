//! Fields and columns of connections, and what they hold.

use std::borrow::Cow;

use crosscap_correlation::Point;
use crosscap_packet::{Endpoint, Timestamp};
use crosscap_reassembly::Connection;

/// A connection of a point.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row<'a> {
    pub(crate) point: &'a Point,
    /// Its place among the connections of the point.
    pub(crate) number: usize,
    pub(crate) connection: &'a Connection,
}

/// What a column holds for one connection.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Value<'a> {
    Count(u64),
    /// A number that only names something.
    Id(u64),
    /// Nanoseconds since the Unix epoch.
    Time(i64),
    /// Nanoseconds.
    Span(i64),
    Flag(bool),
    Endpoint(Endpoint),
    /// One of some words that crosscap knows.
    Word(&'static str),
    /// Whatever somebody wrote.
    Text(Cow<'a, str>),
}

/// How to get a value; `None` where there is none.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Get {
    Count(fn(Row<'_>) -> Option<u64>),
    Id(fn(Row<'_>) -> Option<u64>),
    Time(fn(Row<'_>) -> Option<Timestamp>),
    Span(fn(Row<'_>) -> Option<i64>),
    Flag(fn(Row<'_>) -> Option<bool>),
    Endpoint(fn(Row<'_>) -> Option<Endpoint>),
    /// With all the words there are.
    Word(&'static [&'static str], fn(Row<'_>) -> Option<&'static str>),
    Text(for<'a> fn(Row<'a>) -> Option<Cow<'a, str>>),
}

impl Get {
    pub(crate) fn of<'a>(&self, row: Row<'a>) -> Option<Value<'a>> {
        match self {
            Self::Count(get) => get(row).map(Value::Count),
            Self::Id(get) => get(row).map(Value::Id),
            Self::Time(get) => get(row).map(|time| Value::Time(time.as_nanos())),
            Self::Span(get) => get(row).map(Value::Span),
            Self::Flag(get) => get(row).map(Value::Flag),
            Self::Endpoint(get) => get(row).map(Value::Endpoint),
            Self::Word(_, get) => get(row).map(Value::Word),
            Self::Text(get) => get(row).map(Value::Text),
        }
    }
}

/// A column of CSV, a key of a JSON object.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    pub(crate) name: &'static str,
    pub(crate) get: Get,
}

impl Column {
    /// Whether its values are numbers or lengths of time, which people compare digit by digit.
    pub(crate) fn is_quantity(&self) -> bool {
        matches!(self.get, Get::Count(_) | Get::Id(_) | Get::Span(_))
    }
}

/// Whether the table for people has a field.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Shown {
    No,
    Yes,
    /// And anything but 0 is worth a look.
    Alarming,
    /// Where there are several points.
    WithSeveralPoints,
}

/// Something that is told of every connection: one column, or one for each end.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionField {
    pub(crate) name: &'static str,
    pub(crate) doc: &'static str,
    pub(crate) shown: Shown,
    pub(crate) columns: &'static [Column],
}

impl ConnectionField {
    /// What to call it in filters and when sorting, and its heading in the table.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// What it is.
    #[must_use]
    pub fn doc(&self) -> &'static str {
        self.doc
    }

    /// Its columns in JSON lines and CSV, which filters and sorting take as well.
    pub fn columns(&self) -> impl Iterator<Item = &'static str> {
        self.columns.iter().map(|column| column.name)
    }

    /// What its columns hold, in a word or two; with all the words where there are only some.
    #[must_use]
    pub fn kind(&self) -> String {
        match self.columns.first().map(|column| column.get) {
            Some(Get::Count(_)) => "count".into(),
            Some(Get::Id(_)) => "number".into(),
            Some(Get::Time(_)) => "time".into(),
            Some(Get::Span(_)) => "time span".into(),
            Some(Get::Flag(_)) => "true or false".into(),
            Some(Get::Endpoint(_)) => "endpoint".into(),
            Some(Get::Word(words, _)) => words.join(" "),
            Some(Get::Text(_)) | None => "text".into(),
        }
    }
}
