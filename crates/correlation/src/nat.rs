//! What NAT did.

use std::collections::BTreeMap;

use crosscap_packet::Endpoint;

use crate::{Path, Point};

/// A translation, and how many connections went through it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct NatMapping {
    /// Ends before translation, as the client sees them: originator, responder. `None` where it varies.
    pub before: [Option<Endpoint>; 2],
    /// Ends after translation, as the server sees them.
    pub after: [Option<Endpoint>; 2],
    /// Which end is translated.
    pub kind: NatKind,
    /// Connections.
    pub connections: u64,
}

/// Which end of a connection is translated.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum NatKind {
    /// The responder's: a Service address, a port forward.
    Dnat,
    /// The originator's: masquerade.
    Snat,
    /// Both.
    DnatSnat,
    /// None.
    None,
}

impl NatKind {
    /// As the report contract writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Dnat => "dnat",
            Self::Snat => "snat",
            Self::DnatSnat => "dnat+snat",
            Self::None => "none",
        }
    }
}

/// The translations between the ends of all paths that cross two points, by responder.
pub(crate) fn mappings(points: &[Point], paths: &[Path]) -> Vec<NatMapping> {
    let mut found: BTreeMap<_, NatMapping> = BTreeMap::new();
    for path in paths {
        let (first, last) = (path.orig_leg(), path.resp_leg());
        if first == last {
            continue;
        }
        let (before, after) = (first.of(points), last.of(points));
        let kind = match (before.resp != after.resp, before.orig != after.orig) {
            (true, true) => NatKind::DnatSnat,
            (true, false) => NatKind::Dnat,
            (false, true) => NatKind::Snat,
            (false, false) => NatKind::None,
        };
        let ends = |c: &crosscap_reassembly::Connection| [Some(c.orig), Some(c.resp)];
        let mapping = found.entry((before.resp, after.resp, kind)).or_insert_with(|| NatMapping {
            before: ends(&before),
            after: ends(&after),
            kind,
            connections: 0,
        });
        mapping.connections += 1;
        let forget_if_other = |slot: &mut Option<Endpoint>, now| {
            if *slot != Some(now) {
                *slot = None;
            }
        };
        forget_if_other(&mut mapping.before[0], before.orig);
        forget_if_other(&mut mapping.after[0], after.orig);
    }
    found.into_values().collect()
}
