//! Who owns which address.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crosscap_packet::Endpoint;

use super::objects::{
    Conditions, EndpointSlice, Ip, Metadata, Node, Object, Pod, Service, ServicePort, SliceEndpoint,
};
use super::{BackendState, Name};

/// Names by address. Services, pods and nodes apart: they are asked in turn.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    services: Claims<IpAddr>,
    /// With the name of the port.
    service_ports: Claims<Endpoint>,
    /// Ports that every host opens for a Service.
    node_ports: Claims<u16>,
    /// Addresses of nodes, and those that pods name as their hosts'.
    hosts: BTreeSet<IpAddr>,
    pods: Claims<IpAddr>,
    /// With the name of the port.
    pod_ports: Claims<Endpoint>,
    /// Pods that only endpoint slices tell of.
    targets: Claims<IpAddr>,
    nodes: Claims<IpAddr>,
    /// Where endpoint slices lead a Service, by namespace and name.
    backends: BTreeMap<[String; 2], Backends>,
}

/// The endpoints of a Service, by the name of the port.
#[derive(Clone, Debug, Default)]
struct Backends {
    endpoints: BTreeMap<(String, Endpoint), BackendState>,
    /// Those that take every port.
    addresses: BTreeMap<(String, IpAddr), BackendState>,
}

/// Names that were claimed; `None` where two objects claim the same.
#[derive(Clone, Debug)]
struct Claims<K>(BTreeMap<K, Option<Name>>);

impl<K> Default for Claims<K> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<K: Ord> Claims<K> {
    fn claim(&mut self, key: K, name: &Name) {
        let owner = self.0.entry(key).or_insert_with(|| Some(name.clone()));
        if owner.as_ref() != Some(name) {
            *owner = None;
        }
    }

    fn get(&self, key: K) -> Option<Option<&Name>> {
        self.0.get(&key).map(Option::as_ref)
    }
}

impl Index {
    pub(super) fn of(objects: Vec<Object>) -> Self {
        let mut index = Self::default();
        // Nodes first: which addresses are theirs decides on pods and node ports.
        let mut rest = Vec::new();
        for object in objects {
            match object {
                Object::Node(node) => index.add_node(&node),
                other => rest.push(other),
            }
        }
        index.hosts = index.nodes.0.keys().copied().collect();
        for object in &rest {
            if let Object::Pod(Pod { status: Some(status), .. }) = object {
                index.hosts.extend(ips(status.host_ip.as_deref(), status.host_ips.as_deref()));
            }
        }
        for object in &rest {
            match object {
                Object::Pod(pod) => index.add_pod(pod),
                Object::Service(service) => index.add_service(service),
                Object::EndpointSlice(slice) => index.add_slice(slice),
                Object::Node(_) => {}
            }
        }
        index
    }

    fn add_node(&mut self, node: &Node) {
        let Some(name) = name_of("Node", &node.metadata) else { return };
        let addresses = node.status.iter().filter_map(|s| s.addresses.as_ref()).flatten();
        for address in addresses.filter_map(|a| a.address.as_ref()?.parse().ok()) {
            self.nodes.claim(address, &name);
        }
    }

    fn add_pod(&mut self, pod: &Pod) {
        let (Some(name), Some(status)) = (name_of("Pod", &pod.metadata), &pod.status) else {
            return;
        };
        let ended = matches!(status.phase.as_deref(), Some("Succeeded" | "Failed"));
        let on_host = pod.spec.as_ref().is_some_and(|s| s.host_network == Some(true));
        if ended || on_host {
            return;
        }
        let spec = pod.spec.iter();
        let containers = spec.flat_map(|s| [&s.containers, &s.init_containers]).flatten().flatten();
        let ports = containers.filter_map(|c| c.ports.as_ref()).flatten();
        let ports = ports.filter(|p| is_tcp(p.protocol.as_deref()));
        let named: Vec<(u16, &String)> =
            ports.filter_map(|p| p.container_port.zip(p.name.as_ref())).collect();
        let addresses = ips(status.pod_ip.as_deref(), status.pod_ips.as_deref());
        for address in addresses.filter(|a| !self.hosts.contains(a)) {
            self.pods.claim(address, &name);
            for &(port, port_name) in &named {
                let named = Name { port_name: Some(port_name.clone()), ..name.clone() };
                self.pod_ports.claim(Endpoint::new(address, port), &named);
            }
        }
    }

    fn add_service(&mut self, service: &Service) {
        let (Some(name), Some(spec)) = (name_of("Service", &service.metadata), &service.spec)
        else {
            return;
        };
        // A headless Service has `None` for an address, which is none.
        let own = spec.cluster_ip.iter().chain(spec.cluster_ips.iter().flatten());
        let external = spec.external_ips.iter().flatten();
        let balancer = service.status.iter().filter_map(|s| s.load_balancer.as_ref());
        let ingress = balancer.filter_map(|b| b.ingress.as_ref()).flatten();
        let ingress = ingress.filter_map(|i| i.ip.as_ref());
        let addresses: BTreeSet<IpAddr> =
            own.chain(external).chain(ingress).filter_map(|a| a.parse().ok()).collect();
        let ports = spec.ports.iter().flatten();
        let ports: Vec<&ServicePort> = ports.filter(|p| is_tcp(p.protocol.as_deref())).collect();
        let named =
            |p: &ServicePort| Name { port_name: non_empty(p.name.as_ref()), ..name.clone() };
        for &address in &addresses {
            self.services.claim(address, &name);
            for (port, p) in ports.iter().filter_map(|p| Some((p.port?, p))) {
                self.service_ports.claim(Endpoint::new(address, port), &named(p));
            }
        }
        for (port, p) in ports.iter().filter_map(|p| Some((p.node_port.filter(|n| *n != 0)?, p))) {
            self.node_ports.claim(port, &named(p));
        }
    }

    fn add_slice(&mut self, slice: &EndpointSlice) {
        let labels = slice.metadata.labels.as_ref();
        let Some(Some(service)) = labels.and_then(|l| l.get("kubernetes.io/service-name")) else {
            return;
        };
        let namespace = slice.metadata.namespace.clone().unwrap_or_default();
        let backends = self.backends.entry([namespace.clone(), service.clone()]).or_default();
        for endpoint in slice.endpoints.iter().flatten() {
            let state = state(endpoint.conditions.as_ref());
            let addresses = endpoint.addresses.iter().flatten();
            for address in addresses.filter_map(|a| a.parse::<IpAddr>().ok()) {
                if let Some(name) = target(endpoint, &namespace)
                    && !self.hosts.contains(&address)
                {
                    self.targets.claim(address, &name);
                }
                let ports = slice.ports.iter().flatten();
                for p in ports.filter(|p| is_tcp(p.protocol.as_deref())) {
                    let name = p.name.clone().unwrap_or_default();
                    // While an endpoint moves from one slice to another both have it; the better one counts.
                    let slot = match p.port {
                        Some(port) => backends
                            .endpoints
                            .entry((name, Endpoint::new(address, port)))
                            .or_insert(state),
                        None => backends.addresses.entry((name, address)).or_insert(state),
                    };
                    if rank(state) < rank(*slot) {
                        *slot = state;
                    }
                }
            }
        }
    }

    /// Of a node before a pod before a Service: a Service may borrow a node's address.
    pub(super) fn address(&self, address: IpAddr) -> Option<Name> {
        let owners = [&self.nodes, &self.pods, &self.targets, &self.services];
        owners.iter().find_map(|claims| claims.get(address))?.cloned()
    }

    pub(super) fn endpoint(&self, endpoint: Endpoint) -> Option<Name> {
        let called = self.service(endpoint).or_else(|| self.pod_ports.get(endpoint)).flatten();
        called.cloned().or_else(|| self.address(endpoint.addr))
    }

    /// The Service at an endpoint, with the name of the port; none where two are there.
    fn service(&self, endpoint: Endpoint) -> Option<Option<&Name>> {
        let on_host = || {
            self.hosts
                .contains(&endpoint.addr)
                .then(|| self.node_ports.get(endpoint.port))
                .flatten()
        };
        self.service_ports.get(endpoint).or_else(on_host)
    }

    pub(super) fn backend(&self, service: Endpoint, backend: Endpoint) -> Option<BackendState> {
        let Some(called) = self.service(service) else {
            // One of its addresses at a port that it does not have, which kube-proxy would lead nowhere.
            let known = self.address(service.addr).is_some_and(|n| n.kind == "Service");
            return known.then_some(BackendState::Unknown);
        };
        let Some(called) = called else { return Some(BackendState::Unknown) };
        let key = [called.namespace.clone().unwrap_or_default(), called.name.clone()];
        let Some(backends) = self.backends.get(&key) else { return Some(BackendState::Unknown) };
        let port = called.port_name.clone().unwrap_or_default();
        let listed = backends.endpoints.get(&(port.clone(), backend));
        let listed = listed.or_else(|| backends.addresses.get(&(port, backend.addr)));
        if let Some(state) = listed {
            return Some(*state);
        }
        // A load balancer leads to a node port of the same Service: that is not its backend, and not wrong.
        let same = self.service(backend).is_some_and(|n| {
            n.is_none_or(|n| n.name == called.name && n.namespace == called.namespace)
        });
        Some(if same { BackendState::Unknown } else { BackendState::NotAnEndpoint })
    }
}

/// By the API, an endpoint without conditions is ready, and one without the condition is not terminating.
fn state(conditions: Option<&Conditions>) -> BackendState {
    let (ready, terminating) = conditions.map_or((None, None), |c| (c.ready, c.terminating));
    if terminating == Some(true) {
        BackendState::Terminating
    } else if ready.unwrap_or(true) {
        BackendState::Ready
    } else {
        BackendState::NotReady
    }
}

/// The best comes first.
const fn rank(state: BackendState) -> u8 {
    match state {
        BackendState::Ready => 0,
        BackendState::Terminating => 1,
        _ => 2,
    }
}

fn name_of(kind: &str, metadata: &Metadata) -> Option<Name> {
    Some(Name {
        kind: kind.into(),
        namespace: non_empty(metadata.namespace.as_ref()),
        name: non_empty(metadata.name.as_ref())?,
        port_name: None,
    })
}

/// The pod that an endpoint of a slice stands for.
fn target(endpoint: &SliceEndpoint, namespace: &str) -> Option<Name> {
    let target = endpoint.target_ref.as_ref().filter(|t| t.kind.as_deref() == Some("Pod"))?;
    let namespace = target.namespace.clone().unwrap_or_else(|| namespace.to_owned());
    Some(Name {
        kind: "Pod".into(),
        namespace: non_empty(Some(&namespace)),
        name: non_empty(target.name.as_ref())?,
        port_name: None,
    })
}

fn non_empty(text: Option<&String>) -> Option<String> {
    text.filter(|t| !t.is_empty()).cloned()
}

/// The protocol is TCP where none is said.
fn is_tcp(protocol: Option<&str>) -> bool {
    protocol.is_none_or(|p| p == "TCP")
}

/// All that can be read, each once.
fn ips(first: Option<&str>, more: Option<&[Ip]>) -> impl Iterator<Item = IpAddr> {
    let more = more.unwrap_or_default().iter().filter_map(|ip| ip.ip.as_deref());
    let all: BTreeSet<IpAddr> =
        first.into_iter().chain(more).filter_map(|a| a.parse().ok()).collect();
    all.into_iter()
}
