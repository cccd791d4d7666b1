//! Session timers of known devices: their defaults, and how they fail.

use crosscap_reassembly::Phase;

/// A device that forgets idle connections.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Device {
    /// Its name and timer.
    pub name: &'static str,
    /// In which phase of a connection the timer runs.
    pub phase: Phase,
    /// The default, in seconds.
    pub seconds: u64,
    /// By how much it may be late, in seconds.
    pub lateness: u64,
    /// Whether it translates on a host of the cluster, so that a forgotten reply leaves with the server's own address.
    pub on_node: bool,
}

/// Defaults of the devices that stand between Kubernetes clients and servers most often.
///
/// Sources: Linux `net/netfilter/ipvs/ip_vs_proto_tcp.c`, `Documentation/networking/nf_conntrack-sysctl.rst`, the
/// kube-proxy reference, the vendors' manuals. Administrators change them.
#[must_use]
pub fn known_devices() -> &'static [Device] {
    DEVICES
}

const fn established(name: &'static str, seconds: u64, on_node: bool) -> Device {
    Device { name, phase: Phase::Established, seconds, lateness: 0, on_node }
}

const fn half_closed(name: &'static str, seconds: u64, on_node: bool) -> Device {
    Device { name, phase: Phase::HalfClosed, seconds, lateness: 0, on_node }
}

/// Timers of IPVS run in the coarse end of the kernel's timer wheel.
const fn wheel(device: Device, lateness: u64) -> Device {
    Device { lateness, ..device }
}

pub(crate) const DEVICES: &[Device] = &[
    established("Azure Load Balancer", 240, false),
    established("conntrack unacknowledged or max_retrans", 300, true),
    established("AWS NLB, NAT gateway, Network Firewall", 350, false),
    established("GCP VPC firewall", 600, false),
    wheel(established("IPVS tcp", 900, true), 33),
    established("GCP Cloud NAT", 1_200, false),
    established("Envoy TCP proxy", 3_600, false),
    established("Cilium conntrack", 8_000, true),
    established("Cilium conntrack, old releases", 21_600, true),
    established("conntrack established under kube-proxy", 86_400, true),
    established("conntrack established", 432_000, true),
    half_closed("GCP Cloud NAT transitory", 30, false),
    half_closed("conntrack last_ack", 30, true),
    wheel(half_closed("IPVS close_wait", 60, true), 4),
    half_closed("conntrack close_wait", 60, true),
    wheel(half_closed("IPVS fin_wait (tcpfin)", 120, true), 4),
    half_closed("conntrack fin_wait", 120, true),
    half_closed("conntrack close_wait under kube-proxy", 3_600, true),
];
