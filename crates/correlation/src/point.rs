//! What one observation point saw.

use crosscap_packet::Timestamp;
use crosscap_reassembly::Connection;

/// One observation point, read to its end.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Point {
    /// Its name.
    pub name: String,
    /// Names of its files, in the order of [`crosscap_packet::FrameRef::file`].
    pub files: Vec<String>,
    /// Time of the first packet, whatever its protocol, in the point's own clock.
    pub first: Option<Timestamp>,
    /// Time of the last packet, whatever its protocol, in the point's own clock.
    pub last: Option<Timestamp>,
    /// Its TCP connections, in order of their first packets.
    pub connections: Vec<Connection>,
}

impl Point {
    /// A point with these connections; the observed time is theirs, and there are no file names.
    #[must_use]
    pub fn new(name: impl Into<String>, connections: Vec<Connection>) -> Self {
        Self {
            name: name.into(),
            files: Vec::new(),
            first: connections.iter().map(|c| c.first().time).min(),
            last: connections.iter().map(|c| c.last().time).max(),
            connections,
        }
    }
}
