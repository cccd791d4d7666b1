//! Connections only, without a word on how those of several points belong together.

use crosscap_correlation::Point;
use crosscap_report::PointInfo;

use crate::analysis::read_points;
use crate::read::PointRead;
use crate::{AnalysisBuilder, Error};

/// A point read to its end.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PointConnections {
    /// The point, with its connections in order of their first packets.
    pub point: Point,
    /// What reading it noted besides.
    pub info: PointInfo,
}

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
            let connections = |PointRead { point, info, .. }| PointConnections { point, info };
            Ok(read.into_iter().map(connections).collect())
        })
    }
}
