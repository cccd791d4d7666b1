//! Connections only, without a word on how those of several points belong together.

use crosscap_report::PointConnections;

use crate::analysis::read_points;
use crate::{AnalysisBuilder, Error};

impl AnalysisBuilder {
    /// Reads the captures once and returns the connections of each point, in the order in which the points were added.
    /// Nothing is correlated or diagnosed. For the table of them see [`ConnectionTable`](crate::report::ConnectionTable).
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    pub fn connections(self) -> Result<Vec<PointConnections>, Error> {
        self.in_pool(|points, options, threads| {
            let read = read_points(points, options, threads)?;
            Ok(read.into_iter().map(|read| read.point).collect())
        })
    }
}
