//! What one observation point saw.

use crosscap_packet::Timestamp;
use crosscap_reassembly::Connections;

/// One observation point, read to its end.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Point {
    /// Its name.
    pub name: String,
    /// Names of its files, in the order of [`crosscap_packet::FrameRef::file`].
    pub files: Vec<String>,
    /// The one interface of its files that its packets are of, by the number that Wireshark gives it; `None` for all.
    pub interface: Option<u32>,
    /// Time of the first packet, whatever its protocol, in the point's own clock.
    pub first: Option<Timestamp>,
    /// Time of the last packet, whatever its protocol, in the point's own clock.
    pub last: Option<Timestamp>,
    /// Its TCP connections, in order of their first packets.
    pub connections: Connections,
}

impl Point {
    /// A point with these connections; the observed time is theirs, and there are no file names.
    #[must_use]
    pub fn new(name: impl Into<String>, connections: Connections) -> Self {
        let (first, last) = connections.iter().fold((None, None), |(first, last), c| {
            let (begin, end) = (c.first().time, c.last().time);
            (Some(first.map_or(begin, |t: Timestamp| t.min(begin))), last.max(Some(end)))
        });
        Self { name: name.into(), files: Vec::new(), interface: None, first, last, connections }
    }

    /// A point that was watched from `first` to `last`, with the names of its files.
    #[must_use]
    pub fn watched(
        name: impl Into<String>,
        files: Vec<String>,
        [first, last]: [Option<Timestamp>; 2],
        connections: Connections,
    ) -> Self {
        Self { name: name.into(), files, interface: None, first, last, connections }
    }
}
