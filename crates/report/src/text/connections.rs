//! The connection table.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::io;

use crosscap_diagnosis::thousands;

use super::layout::{GAP, Page, Tone};
use super::points::{clock_time, counted, date_time};
use crate::ConnectionTable;
use crate::connections::{Column, ConnectionField, FIELDS, Row, Shown, Value};
use crate::escape::terminal;

/// The table, and a line that sums it up.
pub(super) fn write(table: &ConnectionTable<'_>, page: &mut Page<'_>) -> io::Result<()> {
    if table.shown_count() > 0 {
        let layout = Layout::of(table);
        layout.write_heads(page)?;
        let (mut line, mut cell) = (String::new(), String::new());
        for row in table.shown() {
            line.clear();
            layout.write_row(row.row(), page, &mut line, &mut cell);
            page.line(line.trim_end())?;
        }
        page.blank()?;
    }
    page.line(&page.bold(&summary(table)))
}

/// What every row has in common.
struct Layout {
    fields: Vec<&'static ConnectionField>,
    /// Of each column of these fields.
    widths: Vec<usize>,
    /// Whether times need their date.
    dates: bool,
}

impl Layout {
    /// Wide enough for every row.
    fn of(table: &ConnectionTable<'_>) -> Self {
        let is_shown = |field: &&ConnectionField| match field.shown {
            Shown::No => false,
            Shown::Yes | Shown::Alarming => true,
            Shown::WithSeveralPoints => table.has_several_points(),
        };
        let fields: Vec<_> = FIELDS.iter().filter(is_shown).collect();
        let starts = || table.shown().map(|found| found.row().connection.first().time.as_nanos());
        let day =
            |nanos: Option<i64>| nanos.map(|n| date_time(n).split(' ').next().map(str::to_owned));
        let dates = day(starts().min()) != day(starts().max());
        let mut layout = Self { fields, widths: Vec::new(), dates };
        layout.widths =
            layout.columns().map(|(field, column)| label(field, column).len()).collect();
        let mut cell = String::new();
        for row in table.shown() {
            for (i, (_, column)) in layout.columns().enumerate() {
                layout.tell(column.get.of(row.row()), &mut cell);
                let width = cell.chars().count();
                if let Some(widest) = layout.widths.get_mut(i) {
                    *widest = width.max(*widest);
                }
            }
        }
        layout.widen_for_heads();
        layout
    }

    fn columns(&self) -> impl Iterator<Item = (&'static ConnectionField, &'static Column)> + use<> {
        let fields = self.fields.clone();
        fields.into_iter().flat_map(|field| field.columns.iter().map(move |column| (field, column)))
    }

    /// What stands above two columns may need more room than they do.
    fn widen_for_heads(&mut self) {
        let mut widths = self.widths.iter_mut();
        for field in &self.fields {
            let group: Vec<_> = widths.by_ref().take(field.columns.len()).collect();
            if let [first, second] = &group[..] {
                let missing = field.name.len().saturating_sub(**first + GAP.len() + **second);
                if let Some(last) = group.into_iter().last() {
                    *last += missing;
                }
            }
        }
    }

    /// Two lines: the names of the fields, and whose they are where both ends have one.
    fn write_heads(&self, page: &mut Page<'_>) -> io::Result<()> {
        let (mut upper, mut lower) = (String::new(), String::new());
        let mut widths = self.widths.iter();
        for field in &self.fields {
            let mut group = 0;
            for (column, width) in field.columns.iter().zip(widths.by_ref()) {
                let gap = if lower.is_empty() { "" } else { GAP };
                lower.push_str(gap);
                pad(label(field, column), *width, column.is_quantity(), &mut lower);
                group += gap.len() + width;
            }
            let (name, right) = match field.columns {
                [_] => ("", false),
                [first, ..] => (field.name, first.is_quantity()),
                [] => continue,
            };
            let gap = if upper.is_empty() { "" } else { GAP };
            upper.push_str(gap);
            pad(name, group - gap.len(), right, &mut upper);
        }
        page.line(&page.bold(upper.trim_end()))?;
        page.line(&page.bold(lower.trim_end()))
    }

    fn write_row(&self, row: Row<'_>, page: &Page<'_>, line: &mut String, cell: &mut String) {
        for ((field, column), width) in self.columns().zip(&self.widths) {
            if !line.is_empty() {
                line.push_str(GAP);
            }
            let value = column.get.of(row);
            let tone = tone(field, value.as_ref());
            self.tell(value, cell);
            let fill = width.saturating_sub(cell.chars().count());
            let (before, behind) = if column.is_quantity() { (fill, 0) } else { (0, fill) };
            line.extend(std::iter::repeat_n(' ', before));
            match tone {
                Tone::Plain => line.push_str(cell),
                tone => line.push_str(&page.toned(tone, cell)),
            }
            line.extend(std::iter::repeat_n(' ', behind));
        }
    }

    /// Writes a value for people into `cell`, instead of what was there.
    fn tell(&self, value: Option<Value<'_>>, cell: &mut String) {
        cell.clear();
        // Writing to a string does not fail.
        let _ = match value {
            None => write!(cell, "-"),
            Some(Value::Count(n)) => write!(cell, "{}", thousands(n)),
            Some(Value::Id(n)) => write!(cell, "{n}"),
            Some(Value::Time(n)) if self.dates => {
                let date = date_time(n);
                let day = date.split(' ').next().unwrap_or_default();
                write!(cell, "{day} {}", clock_time(n, TIME_DIGITS))
            }
            Some(Value::Time(n)) => write!(cell, "{}", clock_time(n, TIME_DIGITS)),
            Some(Value::Span(n)) => write!(cell, "{}", span(n)),
            Some(Value::Flag(flag)) => write!(cell, "{}", if flag { "yes" } else { "no" }),
            Some(Value::Endpoint(end)) => write!(cell, "{end}"),
            Some(Value::Word(word)) => write!(cell, "{word}"),
            Some(Value::Text(text)) => write!(cell, "{}", terminal(&text)),
        };
    }
}

fn tone(field: &ConnectionField, value: Option<&Value<'_>>) -> Tone {
    match value {
        None => Tone::Dim,
        Some(Value::Count(n)) if field.shown == Shown::Alarming && *n > 0 => Tone::Warn,
        // Zeek's names of states: rejected or reset; half of a connection.
        Some(Value::Word(state)) if state.starts_with('R') => Tone::Bad,
        Some(Value::Word("S0" | "SH" | "SHR" | "OTH")) => Tone::Warn,
        _ => Tone::Plain,
    }
}

/// The lower heading: the name of the field, or which end of it.
fn label(field: &ConnectionField, column: &Column) -> &'static str {
    match field.columns {
        [_] => field.name,
        _ => column.name.split('_').next().unwrap_or_default(),
    }
}

fn pad(text: &str, width: usize, right: bool, line: &mut String) {
    // Writing to a string does not fail.
    let _ = if right { write!(line, "{text:>width$}") } else { write!(line, "{text:<width$}") };
}

/// `12 µs`, `85 ms`, `12.4 s`, `30 min 56 s`, `2 h 1 min`: short, for columns.
fn span(nanos: i64) -> String {
    let sign = if nanos < 0 { "−" } else { "" };
    let nanos = nanos.unsigned_abs();
    let (seconds, rest) = (nanos / 1_000_000_000, nanos % 1_000_000_000);
    match nanos {
        0..1_000 => format!("{sign}{nanos} ns"),
        1_000..1_000_000 => format!("{sign}{} µs", nanos / 1_000),
        1_000_000..1_000_000_000 => format!("{sign}{} ms", nanos / 1_000_000),
        1_000_000_000..60_000_000_000 => format!("{sign}{seconds}.{} s", rest / 100_000_000),
        60_000_000_000..3_600_000_000_000 => {
            format!("{sign}{} min {} s", seconds / 60, seconds % 60)
        }
        _ => format!("{sign}{} h {} min", thousands(seconds / 3_600), seconds / 60 % 60),
    }
}

/// `17 of 8,200 connections, 10 shown; 13 S1, 4 RSTO`.
fn summary(table: &ConnectionTable<'_>) -> String {
    let total = counted(table.total() as u64, "connection");
    let (selected, shown) = (table.selected(), table.shown_count());
    let mut text = if selected == table.total() {
        total
    } else {
        format!("{} of {total}", thousands(selected as u64))
    };
    if shown < selected {
        let _ = write!(text, ", {} shown", thousands(shown as u64));
    }
    let mut states: BTreeMap<&str, u64> = BTreeMap::new();
    for row in table.rows() {
        *states.entry(row.row().connection.conn_state().as_str()).or_default() += 1;
    }
    let mut states: Vec<_> = states.into_iter().collect();
    states.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    for (i, (state, count)) in states.into_iter().enumerate() {
        let _ = write!(text, "{}{} {state}", if i == 0 { ": " } else { ", " }, thousands(count));
    }
    text
}

/// Digits of a second in times.
const TIME_DIGITS: usize = 6;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_short() {
        let said = [
            (12, "12 ns"),
            (12_900, "12 µs"),
            (85_400_000, "85 ms"),
            (12_449_000_000, "12.4 s"),
            (1_856_000_000_000, "30 min 56 s"),
            (7_260_000_000_000, "2 h 1 min"),
            (-27_000_000_000, "−27.0 s"),
        ];
        for (nanos, words) in said {
            assert_eq!(span(nanos), words);
        }
        assert_eq!(span(i64::MIN), "−2,562,047 h 47 min");
    }
}
