//! Names in a report.

use std::collections::{BTreeMap, HashSet};
use std::net::IpAddr;

use crosscap_packet::Endpoint;

use super::{KubernetesNames, Name};
use crate::Report;

impl Report {
    /// Adds what the addresses of the report are called, and whether those that connections to Services were led to are
    /// endpoints of these Services. Changes nothing else.
    pub fn add_names(&mut self, names: &KubernetesNames) {
        self.names = self.named(names);
        let state = |service: &str, backend: &str| {
            let (service, backend) = (service.parse().ok()?, backend.parse().ok()?);
            names.backend(service, backend).map(|s| s.as_str().to_owned())
        };
        for nat in self.nat.iter_mut().filter(|n| n.changes_resp()) {
            if let (Some(service), Some(backend)) = (&nat.before.resp, &nat.after.resp) {
                nat.backend = state(service, backend);
            }
        }
        for service in &mut self.nat_services {
            for b in &mut service.backends {
                b.backend = state(&service.service, &b.endpoint);
            }
        }
        for stray in &mut self.nat_strays {
            stray.backend = state(&stray.service, &stray.remote);
        }
    }

    /// The names of all addresses, and of those endpoints that have one of their own.
    fn named(&self, names: &KubernetesNames) -> BTreeMap<String, Name> {
        let mut found = BTreeMap::new();
        let mut addresses: HashSet<IpAddr> = HashSet::new();
        let mut endpoints: HashSet<Endpoint> = HashSet::new();
        let legs = self.connections.iter().flat_map(|c| &c.legs);
        // The port of an originator means nothing.
        addresses.extend(legs.clone().filter_map(|l| address(&l.orig)));
        endpoints.extend(legs.filter_map(|l| l.resp.parse::<Endpoint>().ok()));
        endpoints.extend(self.nat_strays.iter().filter_map(|s| s.remote.parse::<Endpoint>().ok()));
        addresses.extend(endpoints.iter().map(|e| e.addr));
        let pools = self.nat.iter().filter_map(|n| n.sources.as_ref()).flat_map(|s| &s.pool);
        addresses.extend(pools.filter_map(|p| p.address.parse::<IpAddr>().ok()));
        for address in addresses {
            if let Some(name) = names.address(address) {
                found.insert(address.to_string(), name);
            }
        }
        for endpoint in endpoints {
            if let Some(name) = names.endpoint(endpoint)
                && found.get(&endpoint.addr.to_string()) != Some(&name)
            {
                found.insert(endpoint.to_string(), name);
            }
        }
        found
    }

    /// What is called at an endpoint, or else at its address: that text, and the name.
    pub(crate) fn name_of(&self, endpoint: &str) -> Option<(&str, &Name)> {
        let find = |text: &str| self.names.get_key_value(text);
        let own = find(endpoint).or_else(|| find(&address(endpoint)?.to_string()));
        own.map(|(text, name)| (text.as_str(), name))
    }
}

fn address(endpoint: &str) -> Option<IpAddr> {
    endpoint.parse::<Endpoint>().ok().map(|e| e.addr)
}
