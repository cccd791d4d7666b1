//! The connection table: every connection of every point, a row each.

mod csv;
mod ends;
mod facts;
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

use crosscap_packet::Timestamp;
use crosscap_reassembly::{Connection, Connections};

use crate::PointInfo;

/// The connections of an observation point, which nothing was concluded from.
#[derive(Clone, Debug)]
pub struct PointConnections {
    /// The point's name.
    pub name: String,
    /// Names of its files, in the order of [`FrameRef::file`](crosscap_packet::FrameRef::file).
    pub files: Vec<String>,
    /// Time of the first packet, whatever its protocol, in the point's own clock.
    pub first: Option<Timestamp>,
    /// Time of the last packet, whatever its protocol, in the point's own clock.
    pub last: Option<Timestamp>,
    /// Its TCP connections, in order of their first packets.
    pub connections: Connections,
    /// What reading it noted besides.
    pub info: PointInfo,
}

/// The connections of some points, some of them selected, in an order.
///
/// At first these are all, point by point, in order of their first packets. Holds two words for each connection; what
/// the columns say is told only when it is written.
#[derive(Clone, Debug)]
pub struct ConnectionTable<'a> {
    points: &'a [PointConnections],
    /// Point and place.
    selected: Vec<(u32, u32)>,
    limit: usize,
    total: usize,
}

impl<'a> ConnectionTable<'a> {
    /// All connections of these points.
    #[must_use]
    pub fn new(points: &'a [PointConnections]) -> Self {
        // A tracker counts connections with 32 bits.
        let numbers = |point: &PointConnections| 0..point.connections.len() as u32;
        let rows = (0..).zip(points).flat_map(|(i, p)| numbers(p).map(move |n| (i, n)));
        let selected: Vec<_> = rows.collect();
        let total = selected.len();
        Self { points, selected, limit: usize::MAX, total }
    }

    /// Keeps those that pass the filter.
    pub fn retain(&mut self, filter: &ConnectionFilter) {
        let points = self.points;
        self.selected
            .retain(|&place| found(points, place).is_some_and(|found| filter.passes(found.row())));
    }

    /// Sorts by the first of these, where it is the same by the second, and so on; what is the same in all stays in the
    /// order it has.
    pub fn sort(&mut self, by: &[ConnectionOrder]) {
        for order in by.iter().rev() {
            order.sort(self.points, &mut self.selected);
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
    pub(crate) fn rows(&self) -> impl Iterator<Item = Found<'a>> + '_ {
        self.selected.iter().filter_map(|&place| found(self.points, place))
    }

    /// Those to be written.
    pub(crate) fn shown(&self) -> impl Iterator<Item = Found<'a>> + '_ {
        self.rows().take(self.limit)
    }

    /// How many are to be written.
    pub(crate) fn shown_count(&self) -> usize {
        self.selected.len().min(self.limit)
    }

    /// Whether rows must say which point they are of.
    pub(crate) fn has_several_points(&self) -> bool {
        self.points.len() > 1
    }
}

/// A connection of a point, unpacked.
pub(crate) struct Found<'a> {
    point: &'a PointConnections,
    number: usize,
    connection: Connection,
}

impl Found<'_> {
    pub(crate) fn row(&self) -> Row<'_> {
        Row { point: self.point, number: self.number, connection: &self.connection }
    }
}

fn found(points: &[PointConnections], (point, number): (u32, u32)) -> Option<Found<'_>> {
    let (point, number) = (points.get(point as usize)?, number as usize);
    Some(Found { point, number, connection: point.connections.get(number)? })
}

#[cfg(test)]
mod tests;
