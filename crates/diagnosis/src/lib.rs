//! The rule book: why connections broke, and how sure that is.
//!
//! A [`Screening`] picks, from what is known of every path, the few that need a second look, and then decides on them, given
//! their packets side by side. A [`Finding`] has [`Fact`]s that each cite frames, the [`Rival`] explanations with
//! what refutes them, a [`Verdict`] that follows from both, and [`Advice`]. [`IdleTimeout`]s bracket the session timers
//! of the devices on the path over *all* connections.
//!
//! The rules, one file for each family, are in `rules/`. Evidence has three values: a rule that needs what these captures
//! cannot show says which capture would decide, and never takes absence from a capture for absence on the wire.
//!
//! ```
//! use crosscap_correlation::{Point, correlate};
//! use crosscap_reassembly::Connections;
//! use crosscap_diagnosis::Screening;
//!
//! let correlation = correlate(vec![Point::new("client", Connections::default())]);
//! let screening = Screening::new(&correlation);
//! assert!(screening.suspects().is_empty());
//! let diagnosis = screening.diagnose(&Default::default());
//! assert!(diagnosis.findings.is_empty());
//! ```

#![forbid(unsafe_code)]

mod carriers;
mod case;
mod deletion;
mod devices;
mod diagnose;
mod finding;
mod idle;
mod population;
mod rules;
mod words;

pub use devices::{Device, known_devices};
pub use diagnose::{Diagnosis, Screening};
pub use finding::{
    Advice, Fact, Finding, FindingId, HungSide, Rival, RivalStatus, Severity, Verdict,
};
pub use idle::{Candidate, IdleTimeout};
pub use words::{counted, duration, thousands};
