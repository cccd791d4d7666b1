//! What NAT did, in the terms of the report contract.

use crosscap_correlation::{
    Correlation, NatBackend, NatKind, NatMapping, NatService, NatSources, NatStray, NatTimes,
};
use crosscap_packet::Endpoint;
use serde::{Deserialize, Serialize};

/// A translation.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Nat {
    /// As the client sees it.
    pub before: Endpoints,
    /// As the server sees it.
    pub after: Endpoints,
    /// `dnat`, `snat`, `dnat+snat` or `none`.
    pub kind: String,
    /// Connections.
    pub connections: u64,
    /// Of these, connections whose packets prove which end is the client's.
    pub ordered: u64,
    /// Address families.
    pub families: Families,
    /// When they were seen.
    #[serde(flatten)]
    pub seen: Seen,
    /// Connections by the time of their first packet; null where none is known in the reference clock.
    pub over_time: Option<OverTime>,
    /// What originators look like after translation; null where they are not translated.
    pub sources: Option<Sources>,
    /// Between which legs the addresses or ports changed.
    pub places: Vec<Place>,
    /// Whether `after.resp` was a backend of the Service `before.resp` when the names were written down: `ready`,
    /// `not-ready`, `terminating`, `not-an-endpoint` or `unknown`. Null without names, and where the responder is not
    /// translated or not known as a Service.
    pub backend: Option<String>,
}

/// Two ends; null where they vary over connections.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Endpoints {
    /// The originator.
    pub orig: Option<String>,
    /// The responder.
    pub resp: Option<String>,
}

/// The address families on both sides of a translation: `ipv4` or `ipv6`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Families {
    /// As the client sees it.
    pub before: String,
    /// As the server sees it.
    pub after: String,
}

/// When connections were seen: estimates in the reference clock. Null where no clock is bounded that saw them.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Seen {
    /// First packet of the first connection.
    pub first_ref_ns: Option<i64>,
    /// First packet of the latest connection.
    pub last_new_ref_ns: Option<i64>,
    /// Last packet of any connection.
    pub last_ref_ns: Option<i64>,
}

/// How many connections began when. All mappings share one grid.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct OverTime {
    /// Where the first bin begins.
    pub start_ref_ns: i64,
    /// Width of a bin.
    pub width_ns: i64,
    /// Connections of each bin; at most 60 bins.
    pub counts: Vec<u64>,
}

/// What originators look like behind source NAT.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Sources {
    /// Addresses, the most used first; at most 64.
    pub pool: Vec<PoolAddress>,
    /// How many more addresses there are.
    pub other_addresses: u64,
    /// Connections of these.
    pub other_connections: u64,
    /// Whether source ports were kept: `always`, `never` or `mixed`.
    pub ports: String,
    /// Connections whose source port was kept.
    pub ports_kept: u64,
    /// Connections whose source port was changed.
    pub ports_changed: u64,
}

/// An address that stands for originators.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PoolAddress {
    /// The address.
    pub address: String,
    /// Connections.
    pub connections: u64,
}

/// Where connections were translated.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Place {
    /// The point before it.
    pub from: String,
    /// The point behind it; the same where one point sees both sides.
    pub to: String,
    /// `dnat`, `snat` or `dnat+snat`.
    pub kind: String,
    /// Connections.
    pub connections: u64,
}

/// A responder that NAT translates, and where its connections were led.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ServiceBackends {
    /// As clients address it.
    pub service: String,
    /// Connections.
    pub connections: u64,
    /// The most used first.
    pub backends: Vec<Backend>,
}

/// Where connections were led.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Backend {
    /// The responder behind the NAT.
    pub endpoint: String,
    /// Connections.
    pub connections: u64,
    /// Their share of the connections of the service, from 0 to 1.
    pub share: f64,
    /// When they were seen.
    #[serde(flatten)]
    pub seen: Seen,
    /// As in [`Nat::backend`].
    pub backend: Option<String>,
}

/// Who continued connections past the NAT: the far end of stray legs.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct StrayRemote {
    /// What clients called.
    pub service: String,
    /// The far end of the stray legs.
    pub remote: String,
    /// Connections.
    pub connections: u64,
    /// As in [`Nat::backend`], of `remote`.
    pub backend: Option<String>,
}

/// The translations of all paths.
pub(crate) fn mappings(correlation: &Correlation) -> Vec<Nat> {
    correlation.nat.iter().map(|m| nat(correlation, m)).collect()
}

fn nat(correlation: &Correlation, mapping: &NatMapping) -> Nat {
    let ends = |[orig, resp]: [Option<Endpoint>; 2]| Endpoints {
        orig: orig.map(|e| e.to_string()),
        resp: resp.map(|e| e.to_string()),
    };
    let family = |[_, resp]: [Option<Endpoint>; 2]| {
        if resp.is_some_and(|e| e.addr.is_ipv6()) { "ipv6" } else { "ipv4" }.to_owned()
    };
    let name = |point: usize| correlation.points[point].name.clone();
    let place = |p: &crosscap_correlation::NatPlace| Place {
        from: name(p.from),
        to: name(p.to),
        kind: p.kind.as_str().into(),
        connections: p.connections,
    };
    Nat {
        before: ends(mapping.before),
        after: ends(mapping.after),
        kind: mapping.kind.as_str().into(),
        connections: mapping.connections,
        ordered: mapping.ordered,
        families: Families { before: family(mapping.before), after: family(mapping.after) },
        seen: seen(mapping.seen),
        over_time: mapping.over_time.as_ref().map(|o| OverTime {
            start_ref_ns: o.start.as_nanos(),
            width_ns: o.width,
            counts: o.counts.clone(),
        }),
        sources: mapping.sources.as_ref().map(sources),
        places: mapping.places.iter().map(place).collect(),
        backend: None,
    }
}

fn seen(times: Option<NatTimes>) -> Seen {
    Seen {
        first_ref_ns: times.map(|t| t.first.as_nanos()),
        last_new_ref_ns: times.map(|t| t.last_new.as_nanos()),
        last_ref_ns: times.map(|t| t.last.as_nanos()),
    }
}

fn sources(s: &NatSources) -> Sources {
    let address = |&(address, connections): &(std::net::IpAddr, u64)| PoolAddress {
        address: address.to_string(),
        connections,
    };
    Sources {
        pool: s.pool.iter().map(address).collect(),
        other_addresses: s.other_addresses,
        other_connections: s.other_connections,
        ports: s.ports().as_str().into(),
        ports_kept: s.ports_kept,
        ports_changed: s.ports_changed,
    }
}

/// The services that were translated.
pub(crate) fn services(correlation: &Correlation) -> Vec<ServiceBackends> {
    let service = |s: NatService| {
        let backend = |b: &NatBackend| Backend {
            endpoint: b.backend.to_string(),
            connections: b.connections,
            share: b.connections as f64 / s.connections as f64,
            seen: seen(b.seen),
            backend: None,
        };
        ServiceBackends {
            service: s.service.to_string(),
            connections: s.connections,
            backends: s.backends.iter().map(backend).collect(),
        }
    };
    NatService::of(&correlation.nat).into_iter().map(service).collect()
}

/// The far ends of stray legs.
pub(crate) fn strays(correlation: &Correlation) -> Vec<StrayRemote> {
    let stray = |s: NatStray| StrayRemote {
        service: s.service.to_string(),
        remote: s.remote.to_string(),
        connections: s.connections,
        backend: None,
    };
    NatStray::of(correlation).into_iter().map(stray).collect()
}

impl Nat {
    /// Whether the responder is translated.
    pub(crate) fn changes_resp(&self) -> bool {
        [NatKind::Dnat, NatKind::DnatSnat].iter().any(|k| k.as_str() == self.kind)
    }
}
