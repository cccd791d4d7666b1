//! Services with their backends, and who answered past the NAT.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crosscap_packet::Endpoint;

use super::{NatMapping, NatTimes, stray_remote};
use crate::Correlation;

/// A translated responder, and where its connections were led.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct NatService {
    /// As clients address it.
    pub service: Endpoint,
    /// Connections that were led to a backend.
    pub connections: u64,
    /// The most used first, of equals the lowest.
    pub backends: Vec<NatBackend>,
}

/// Where connections to a service were led.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct NatBackend {
    /// The responder behind the NAT.
    pub backend: Endpoint,
    /// Connections.
    pub connections: u64,
    /// When connections were led there, in the reference clock. `None` where the clock of none of them is bounded.
    pub seen: Option<NatTimes>,
}

impl NatService {
    /// The services of the mappings, in order of their endpoints.
    #[must_use]
    pub fn of(mappings: &[NatMapping]) -> Vec<Self> {
        let mut services: BTreeMap<Endpoint, BTreeMap<Endpoint, NatBackend>> = BTreeMap::new();
        for m in mappings.iter().filter(|m| m.kind.changes_resp()) {
            let ([_, Some(service)], [_, Some(backend)]) = (m.before, m.after) else { continue };
            let here = NatBackend { backend, connections: m.connections, seen: m.seen };
            let backends = services.entry(service).or_default();
            backends
                .entry(backend)
                .and_modify(|b| {
                    b.connections += here.connections;
                    let joined = b.seen.zip(here.seen).map(|(a, b)| a.joined(b));
                    b.seen = joined.or(b.seen).or(here.seen);
                })
                .or_insert(here);
        }
        let service = |(service, backends): (_, BTreeMap<_, NatBackend>)| {
            let mut backends: Vec<NatBackend> = backends.into_values().collect();
            backends.sort_by_key(|b| (Reverse(b.connections), b.backend));
            let connections = backends.iter().map(|b| b.connections).sum();
            Self { service, connections, backends }
        };
        services.into_iter().map(service).collect()
    }
}

/// An address that continued connections to a service past the NAT: the far end of their stray legs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct NatStray {
    /// As clients address it.
    pub service: Endpoint,
    /// The far end of the stray legs.
    pub remote: Endpoint,
    /// Connections.
    pub connections: u64,
}

impl NatStray {
    /// Those of all paths, in order of service and remote end.
    #[must_use]
    pub fn of(correlation: &Correlation) -> Vec<Self> {
        let points = &correlation.points;
        let mut found: BTreeMap<(Endpoint, Endpoint), u64> = BTreeMap::new();
        for path in &correlation.paths {
            let remotes = path.strays().filter_map(|s| stray_remote(points, path, s));
            let mut remotes: Vec<Endpoint> = remotes.collect();
            if remotes.is_empty() {
                continue;
            }
            // Once for each connection, however many legs and points show it.
            remotes.sort_unstable();
            remotes.dedup();
            let service = path.orig_leg().of(points).resp;
            for remote in remotes {
                *found.entry((service, remote)).or_default() += 1;
            }
        }
        let stray = |((service, remote), connections)| Self { service, remote, connections };
        found.into_iter().map(stray).collect()
    }
}
