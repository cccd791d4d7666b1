//! The order of the rows.

use std::cmp::Reverse;
use std::str::FromStr;

use super::field::{Column, Row, Value};
use super::filter::{ConnectionQueryError, columns_named};

/// What to sort connections by: a field or column, or one behind a minus for the largest first.
///
/// Of a field of both ends the larger value counts. Connections without a value go last either way.
///
/// ```
/// use crosscap_report::ConnectionOrder;
/// let order: ConnectionOrder = "-orig_bytes".parse()?;
/// assert!("orig_bites".parse::<ConnectionOrder>().is_err());
/// # Ok::<(), crosscap_report::ConnectionQueryError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ConnectionOrder {
    columns: &'static [Column],
    descending: bool,
}

impl FromStr for ConnectionOrder {
    type Err = ConnectionQueryError;

    fn from_str(text: &str) -> Result<Self, ConnectionQueryError> {
        let (descending, name) = text.strip_prefix('-').map_or((false, text), |name| (true, name));
        Ok(Self { columns: columns_named(name.trim())?, descending })
    }
}

impl ConnectionOrder {
    /// Sorts; what is the same stays in its order.
    pub(super) fn sort(&self, rows: &mut [Row<'_>]) {
        // Keys are computed once and kept only for one field at a time.
        if self.descending {
            rows.sort_by_cached_key(|row| {
                let key = self.key(*row);
                (key.is_none(), Reverse(key))
            });
        } else {
            rows.sort_by_cached_key(|row| {
                let key = self.key(*row);
                (key.is_none(), key)
            });
        }
    }

    fn key<'a>(&self, row: Row<'a>) -> Option<Value<'a>> {
        self.columns.iter().filter_map(|column| column.get.of(row)).max()
    }
}
