//! Why TCP connections hang, from packet captures taken at several points of one path.
//!
//! Give [`Analysis`] one set of capture files for each observation point and run it; the [`Outcome`] holds the
//! [`report::Report`], ready to be read, written as text or as JSON.
//!
//! ```no_run
//! use crosscap::Analysis;
//!
//! let outcome = Analysis::builder()
//!     .point("client", ["client.pcap.gz"])
//!     .point("pod", ["pod-1.pcap", "pod-2.pcap"])
//!     .run()?;
//! for finding in &outcome.report.findings {
//!     println!("{} ({}): {}", finding.id, finding.verdict, finding.title);
//! }
//! # Ok::<(), crosscap::Error>(())
//! ```
//!
//! [`AnalysisBuilder::connections`] stops after tracking: the connections of each point, for a connection table.
//!
//! [`AnalysisBuilder::stream`] gives the bytes that one end of a connection sent.
//!
//! [`file_info`] tells of one file what it is, as `capinfos` does, and more.
//!
//! # The way of the data
//!
//! | step | crate | result |
//! |---|---|---|
//! | read | [`parser`] | records of each file |
//! | decode | [`packet`] | TCP segments |
//! | track | [`reassembly`] | connections of each point |
//! | match | [`correlation`] | paths across NAT, bounded clocks |
//! | diagnose | [`diagnosis`] | findings with evidence and rivals |
//! | tell | [`report`] | text, JSON |
//!
//! All points are read in parallel, once. Then only the packets of the few suspicious connections are fetched in a second
//! look. The result does not depend on the number of threads or on the order of the points, except that the first point
//! named gives the reference clock.
//!
//! Limits: devices that end TCP or rewrite sequence numbers are not seen through.

#![forbid(unsafe_code)]

mod analysis;
mod batch;
mod compare;
mod connections;
mod error;
mod files;
mod info;
mod leg_index;
mod payload_look;
mod read;
mod second_look;
mod shards;
mod split;
mod stream;
mod wanted;

pub use analysis::{Analysis, AnalysisBuilder, Outcome};
pub use error::Error;
pub use info::{file_info, sha256};
pub use stream::ConnectionStream;

pub use crosscap_correlation as correlation;
pub use crosscap_diagnosis as diagnosis;
pub use crosscap_packet as packet;
pub use crosscap_parser as parser;
pub use crosscap_reassembly as reassembly;
pub use crosscap_report as report;
