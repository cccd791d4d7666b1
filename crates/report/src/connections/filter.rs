//! Which connections to show.

use std::cmp::Ordering;
use std::str::FromStr;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::ends::Ends;
use super::field::{Column, Get, Row, Value};
use super::fields::FIELDS;
use super::quantity;

/// Why a filter or an order is none.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectionQueryError {
    /// There is no such field or column.
    #[error(
        "no field is named {name:?}; the fields are {}; their columns, such as orig_bytes, will do as well",
        field_names()
    )]
    NoField {
        /// What was asked for.
        name: String,
    },
    /// It does not have the form of a filter.
    #[error("expected FIELD OP VALUE, such as state=S1 or 'silence>=60s', with one of {}", OPERATORS.map(|o| o.0).join(" "))]
    NotAFilter,
    /// The operator makes no sense for the field.
    #[error("{field} is {kind}: it cannot be compared by {operator}")]
    WrongOperator {
        /// The field.
        field: String,
        /// The operator.
        operator: &'static str,
        /// What the field holds.
        kind: &'static str,
    },
    /// The value makes no sense for the field.
    #[error("{field} cannot be compared with {value:?}: expected {expected}")]
    BadValue {
        /// The field.
        field: String,
        /// The value.
        value: String,
        /// What would make sense.
        expected: String,
    },
}

/// A condition: a field or column, an operator and a value, such as `state=S1`, `silence>=60s` or `orig=10.1.0.0/16`.
///
/// | field | operators | values |
/// |---|---|---|
/// | number | `=` `!=` `<` `<=` `>` `>=` | `443` |
/// | count | the same | `7`, `10k`, `1.5M`, `2G`, `64Ki`, `1Mi` |
/// | time span | the same | `250us`, `20ms`, `1.5s`, `30m`, `2h`, `1d` |
/// | time | the same | `2024-05-14T12:03:36Z`, `2024-05-14 12:03:36.2` (UTC), nanoseconds since the Unix epoch |
/// | endpoint | `=` `!=` `~` | `10.1.0.2`, `10.1.0.2:443`, `[2001:db8::1]:443`, `:443`, `10.1.0.0/16` |
/// | word | `=` `!=` | one of them, upper or lower case |
/// | text | `=` `!=` `~` | exactly this; behind `~` a part of it |
/// | true or false | `=` `!=` | `true`, `false` |
///
/// The value `-` stands for none. A field of both ends passes if that of either end does, except that `!=` is always the
/// contrary of `=`.
///
/// ```
/// use crosscap_report::ConnectionFilter;
/// let filter: ConnectionFilter = "orig_bytes >= 1.5M".parse()?;
/// let error = "silence>=60".parse::<ConnectionFilter>().unwrap_err();
/// assert!(error.to_string().contains("60s"));
/// # Ok::<(), crosscap_report::ConnectionQueryError>(())
/// ```
#[derive(Clone, Debug)]
pub struct ConnectionFilter {
    columns: &'static [Column],
    operator: Operator,
    value: Wanted,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Operator {
    Equal,
    Different,
    /// Any of these.
    Ordered(&'static [Ordering]),
    Contains,
}

impl Operator {
    fn is_equality(self) -> bool {
        matches!(self, Self::Equal | Self::Different)
    }
}

#[derive(Clone, Debug)]
enum Wanted {
    Nothing,
    Number(i128),
    Flag(bool),
    Word(&'static str),
    Ends(Ends),
    Text(String),
}

impl FromStr for ConnectionFilter {
    type Err = ConnectionQueryError;

    fn from_str(text: &str) -> Result<Self, ConnectionQueryError> {
        let at = text.find(['=', '!', '<', '>', '~']).ok_or(ConnectionQueryError::NotAFilter)?;
        let (field, rest) = text.split_at(at);
        // The longer ones come first.
        let (written, operator, value) = OPERATORS
            .iter()
            .find_map(|(o, operator)| Some((*o, *operator, rest.strip_prefix(o)?)))
            .ok_or(ConnectionQueryError::NotAFilter)?;
        let (field, value) = (field.trim(), value.trim());
        let columns = columns_named(field)?;
        let [Column { get, .. }, ..] = columns else {
            return Err(ConnectionQueryError::NoField { name: field.into() });
        };
        if let Some(kind) = refuses(*get, operator) {
            return Err(ConnectionQueryError::WrongOperator {
                field: field.into(),
                operator: written,
                kind,
            });
        }
        let wanted = wanted(*get, operator, value);
        let value = wanted.map_err(|expected| ConnectionQueryError::BadValue {
            field: field.into(),
            value: value.into(),
            expected,
        })?;
        Ok(Self { columns, operator, value })
    }
}

impl ConnectionFilter {
    pub(super) fn passes(&self, row: Row<'_>) -> bool {
        let any = |test: fn(&Self, Option<Value<'_>>) -> bool| {
            self.columns.iter().any(|column| test(self, column.get.of(row)))
        };
        if self.operator == Operator::Different {
            return !any(Self::equals);
        }
        any(|filter, value| match filter.operator {
            Operator::Ordered(allowed) => match (filter.number(), number(&value)) {
                (Some(wanted), Some(number)) => allowed.contains(&number.cmp(&wanted)),
                _ => false,
            },
            Operator::Contains => filter.is_part_of(value),
            Operator::Equal | Operator::Different => filter.equals(value),
        })
    }

    fn number(&self) -> Option<i128> {
        if let Wanted::Number(n) = self.value { Some(n) } else { None }
    }

    fn equals(&self, value: Option<Value<'_>>) -> bool {
        match (&self.value, value) {
            (Wanted::Nothing, value) => value.is_none(),
            (Wanted::Flag(wanted), Some(Value::Flag(flag))) => *wanted == flag,
            (Wanted::Word(wanted), Some(Value::Word(word))) => *wanted == word,
            (Wanted::Text(wanted), Some(Value::Text(text))) => *wanted == text,
            (Wanted::Ends(wanted), Some(Value::Endpoint(end))) => wanted.contains(end),
            (Wanted::Number(wanted), value) => number(&value) == Some(*wanted),
            _ => false,
        }
    }

    fn is_part_of(&self, value: Option<Value<'_>>) -> bool {
        match (&self.value, value) {
            (Wanted::Text(part), Some(Value::Text(text))) => text.contains(part),
            (Wanted::Text(part), Some(Value::Endpoint(end))) => end.to_string().contains(part),
            _ => false,
        }
    }
}

fn number(value: &Option<Value<'_>>) -> Option<i128> {
    match value {
        Some(Value::Count(n) | Value::Id(n)) => Some((*n).into()),
        Some(Value::Time(n) | Value::Span(n)) => Some((*n).into()),
        _ => None,
    }
}

/// The columns of a field, or the one of this name.
pub(super) fn columns_named(name: &str) -> Result<&'static [Column], ConnectionQueryError> {
    let field = FIELDS.iter().find(|field| field.name == name).map(|field| field.columns);
    let column = || {
        let mut columns = FIELDS.iter().flat_map(|field| field.columns);
        columns.find(|column| column.name == name).map(std::slice::from_ref)
    };
    field.or_else(column).ok_or_else(|| ConnectionQueryError::NoField { name: name.into() })
}

fn field_names() -> String {
    let names: Vec<_> = FIELDS.iter().map(|field| field.name).collect();
    names.join(", ")
}

/// What the field is, where the operator makes no sense for it.
fn refuses(get: Get, operator: Operator) -> Option<&'static str> {
    let equality = operator.is_equality();
    let (kind, allowed) = match get {
        Get::Count(_) => ("a count", operator != Operator::Contains),
        Get::Id(_) => ("a number", operator != Operator::Contains),
        Get::Time(_) => ("a time", operator != Operator::Contains),
        Get::Span(_) => ("a time span", operator != Operator::Contains),
        Get::Endpoint(_) => ("an endpoint", equality || operator == Operator::Contains),
        Get::Text(_) => ("text", equality || operator == Operator::Contains),
        Get::Flag(_) => ("true or false", equality),
        Get::Word(..) => ("a word", equality),
    };
    (!allowed).then_some(kind)
}

/// The value to compare with, or what was expected instead.
fn wanted(get: Get, operator: Operator, value: &str) -> Result<Wanted, String> {
    if operator == Operator::Contains {
        return Ok(Wanted::Text(value.into()));
    }
    if value == "-" && operator.is_equality() {
        return Ok(Wanted::Nothing);
    }
    let (wanted, expected) = match get {
        Get::Count(_) => (
            quantity::parse(value, quantity::COUNT).map(Wanted::Number),
            "a count such as 7, 10k or 1.5M",
        ),
        Get::Id(_) => {
            (value.parse::<u64>().ok().map(|n| Wanted::Number(n.into())), "a whole number")
        }
        Get::Span(_) => (
            quantity::parse(value, quantity::SPAN).map(Wanted::Number),
            "a time span with its unit, such as 20ms, 60s or 30m",
        ),
        Get::Time(_) => (
            time(value).map(Wanted::Number),
            "a time such as 2024-05-14T12:03:36Z, or nanoseconds since 1970",
        ),
        Get::Endpoint(_) => (
            Ends::parse(value).map(Wanted::Ends),
            "an address, an endpoint such as 10.1.0.2:443, or a network such as 10.1.0.0/16",
        ),
        Get::Flag(_) => (value.parse().ok().map(Wanted::Flag), "true or false"),
        Get::Text(_) => (Some(Wanted::Text(value.into())), "text"),
        Get::Word(words, _) => {
            let word = words.iter().find(|word| word.eq_ignore_ascii_case(value));
            return word
                .map(|word| Wanted::Word(word))
                .ok_or_else(|| format!("one of {}", words.join(" ")));
        }
    };
    wanted.ok_or_else(|| expected.into())
}

/// Nanoseconds since the Unix epoch.
fn time(text: &str) -> Option<i128> {
    if let Ok(nanos) = text.parse() {
        return Some(nanos);
    }
    let time = text.parse::<jiff::Timestamp>().ok().or_else(|| {
        let utc = text.parse::<DateTime>().ok()?;
        TimeZone::UTC.to_timestamp(utc).ok()
    });
    time.map(jiff::Timestamp::as_nanosecond)
}

const OPERATORS: [(&str, Operator); 7] = [
    ("!=", Operator::Different),
    ("<=", Operator::Ordered(&[Ordering::Less, Ordering::Equal])),
    (">=", Operator::Ordered(&[Ordering::Greater, Ordering::Equal])),
    ("=", Operator::Equal),
    ("<", Operator::Ordered(&[Ordering::Less])),
    (">", Operator::Ordered(&[Ordering::Greater])),
    ("~", Operator::Contains),
];
