//! What originators look like behind source NAT.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::net::IpAddr;

use crosscap_packet::Endpoint;

/// The addresses that source NAT gave the originators of a mapping, and what became of their ports.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct NatSources {
    /// Addresses with their connections, the most used first, of equals the lowest; at most 64.
    pub pool: Vec<(IpAddr, u64)>,
    /// Addresses beyond these.
    pub other_addresses: u64,
    /// Connections of these.
    pub other_connections: u64,
    /// Connections whose port is the same on both sides.
    pub ports_kept: u64,
    /// Connections whose port was changed.
    pub ports_changed: u64,
}

/// Whether source NAT leaves ports alone.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PortsKept {
    /// In all connections.
    Always,
    /// In none.
    Never,
    /// In some.
    Mixed,
}

impl PortsKept {
    /// As the report contract writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Always => "always",
            Self::Never => "never",
            Self::Mixed => "mixed",
        }
    }
}

impl NatSources {
    /// Whether ports were kept, over all connections seen.
    #[must_use]
    pub const fn ports(&self) -> PortsKept {
        match (self.ports_kept, self.ports_changed) {
            (_, 0) => PortsKept::Always,
            (0, _) => PortsKept::Never,
            _ => PortsKept::Mixed,
        }
    }
}

/// Being counted.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    addresses: BTreeMap<IpAddr, u64>,
    kept: u64,
    changed: u64,
}

impl Tally {
    pub(super) fn count(&mut self, before: Endpoint, after: Endpoint) {
        *self.addresses.entry(after.addr).or_default() += 1;
        if before.port == after.port {
            self.kept += 1;
        } else {
            self.changed += 1;
        }
    }

    pub(super) fn finish(self) -> NatSources {
        let mut pool: Vec<(IpAddr, u64)> = self.addresses.into_iter().collect();
        pool.sort_by_key(|&(address, count)| (Reverse(count), address));
        let others = pool.split_off(pool.len().min(POOL));
        NatSources {
            pool,
            other_addresses: others.len() as u64,
            other_connections: others.iter().map(|(_, count)| count).sum(),
            ports_kept: self.kept,
            ports_changed: self.changed,
        }
    }
}

/// The most addresses of a pool that are listed.
const POOL: usize = 64;
