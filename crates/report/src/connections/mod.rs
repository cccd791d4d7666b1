//! The connection table: every connection of every point, a row each.

mod csv;
mod ends;
mod field;
mod fields;
mod filter;
mod jsonl;
mod quantity;
mod sort;
mod zeek;

pub use csv::write_connections_csv;
pub use field::ConnectionField;
pub use fields::connection_fields;
pub use filter::{ConnectionFilter, ConnectionQueryError};
pub use jsonl::write_connections_jsonl;
pub use sort::ConnectionOrder;
pub use zeek::write_connections_zeek;

pub(crate) use field::{Column, Row, Shown, Value};
pub(crate) use fields::FIELDS;

use crosscap_correlation::Point;

/// The connections of some points, some of them selected, in an order.
///
/// At first these are all, point by point, in order of their first packets. Holds a few words for each connection;
/// what the columns say is told only when it is written.
#[derive(Clone, Debug)]
pub struct ConnectionTable<'a> {
    selected: Vec<Row<'a>>,
    limit: usize,
    total: usize,
    several_points: bool,
}

impl<'a> ConnectionTable<'a> {
    /// All connections of these points.
    #[must_use]
    pub fn new(points: &[&'a Point]) -> Self {
        let rows = |&point: &&'a Point| {
            let numbered = point.connections.iter().enumerate();
            numbered.map(move |(number, connection)| Row { point, number, connection })
        };
        let selected: Vec<_> = points.iter().flat_map(rows).collect();
        let total = selected.len();
        Self { selected, limit: usize::MAX, total, several_points: points.len() > 1 }
    }

    /// Keeps those that pass the filter.
    pub fn retain(&mut self, filter: &ConnectionFilter) {
        self.selected.retain(|row| filter.passes(*row));
    }

    /// Sorts by the first of these, where it is the same by the second, and so on; what is the same in all stays in the
    /// order it has.
    pub fn sort(&mut self, by: &[ConnectionOrder]) {
        for order in by.iter().rev() {
            order.sort(&mut self.selected);
        }
    }

    /// Shows at most so many; those left out still count as selected.
    pub fn limit(&mut self, rows: usize) {
        self.limit = rows;
    }

    /// How many connections there are.
    #[must_use]
    pub fn total(&self) -> usize {
        self.total
    }

    /// How many passed all filters.
    #[must_use]
    pub fn selected(&self) -> usize {
        self.selected.len()
    }

    /// Those selected.
    pub(crate) fn rows(&self) -> &[Row<'a>] {
        &self.selected
    }

    /// Those to be written.
    pub(crate) fn shown(&self) -> &[Row<'a>] {
        &self.selected[..self.selected.len().min(self.limit)]
    }

    /// Whether rows must say which point they are of.
    pub(crate) fn has_several_points(&self) -> bool {
        self.several_points
    }
}

#[cfg(test)]
mod tests;
