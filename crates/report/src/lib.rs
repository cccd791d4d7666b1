//! The report: a versioned model, and one writer for each format.
//!
//! [`Report`] is the public interface `crosscap-report/1`: field names are never renamed, fields may be added. Endpoints
//! are written `10.1.0.2:40422` and `[2001:db8::1]:443`. Times are integer nanoseconds since the Unix epoch in the
//! capture's own clock, unless the name ends in `_ref_ns`: those are in the clock of the first point.
//!
//! - [`write_json`] writes it for programs,
//! - [`write_text`] for people; [`escape_for_terminal`] is how it treats text from outside.
//!
//! [`KubernetesNames`] are what addresses are called in a cluster; [`Report::add_names`] puts them into a report.
//!
//! A [`ConnectionTable`] is another report: the connections as each point saw them, a row each, without a word on how they
//! belong together. [`ConnectionFilter`]s and [`ConnectionOrder`]s select and sort, and there is a writer for text, JSON
//! lines, CSV and Zeek's `conn.log`.
//!
//! ```
//! use std::collections::BTreeMap;
//! use crosscap_correlation::{Point, correlate};
//! use crosscap_diagnosis::Screening;
//! use crosscap_reassembly::Connections;
//! use crosscap_report::{PointInfo, Report, TextStyle, write_json, write_text};
//!
//! let correlation = correlate(vec![Point::new("client", Connections::default())]);
//! let diagnosis = Screening::new(&correlation).diagnose(&BTreeMap::new());
//! let report = Report::new(&correlation, &[PointInfo::default()], &diagnosis, &BTreeMap::new());
//! let mut json = Vec::new();
//! write_json(&report, &mut json)?;
//! assert!(json.starts_with(b"{\n  \"schema\": \"crosscap-report/1\""));
//! let mut text = Vec::new();
//! write_text(&report, TextStyle::default(), &mut text)?;
//! # Ok::<(), std::io::Error>(())
//! ```

#![forbid(unsafe_code)]

mod build;
mod connections;
mod escape;
mod info;
mod json;
mod model;
mod names;
mod nat;
mod text;
mod timeline;
mod wireshark;

pub use build::PointInfo;
pub use connections::{
    ConnectionField, ConnectionFilter, ConnectionOrder, ConnectionQueryError, ConnectionTable,
    PointConnections, connection_fields, write_connections_csv, write_connections_jsonl,
    write_connections_zeek,
};
pub use escape::terminal as escape_for_terminal;
pub use info::{
    FileInfo, INFO_SCHEMA, Info, InterfaceInfo, NamedAddress, PacketComment, Pause, ProtocolCount,
    Section, Unreadable, WarningInfo,
};
pub use json::{write_info_json, write_json};
pub use model::{
    Advice, Between, Candidate, Clock, ClockSegment, Connection, Contradiction, Delays, Fact, Fate,
    FileFrames, Finding, Generator, IdleTimeout, Leg, Loss, Match, MatchCandidate, NeverSeen,
    Offer, Passage, Point, Quality, Report, Rival, SCHEMA, Timeline, TimelineRow, TimelineSighting,
    UnreadPoint,
};
pub use names::{BackendState, KubernetesError, KubernetesNames, Name};
pub use nat::{
    Backend, Endpoints, Families, Nat, OverTime, Place, PoolAddress, Seen, ServiceBackends,
    Sources, StrayRemote,
};
pub use text::{TextStyle, write_connections_text, write_info_text, write_text};
