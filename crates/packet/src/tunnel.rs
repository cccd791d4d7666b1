//! Tunnels.

use std::fmt;
use std::net::IpAddr;

/// The innermost tunnel that a packet was found in: its own addresses are those of the hosts that talk, these are those
/// of the network that carries them.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Tunnel {
    /// What kind of tunnel.
    pub kind: TunnelKind,
    /// Who put the packet into the tunnel, by the IP header outside.
    pub src: IpAddr,
    /// Whom the tunnel leads to.
    pub dst: IpAddr,
    /// Which of the networks between the two, as [`TunnelKind`] says; 0 where the tunnel does not tell.
    pub id: u32,
    /// How many tunnels lie around the packet, this one included: 1 to 4.
    pub layers: u8,
}

/// Kinds of tunnel, and what [`Tunnel::id`] is there.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum TunnelKind {
    /// IP in IP (RFC 2003), IPv6 in IPv4 (RFC 4213) and the like. No id.
    Ip,
    /// GRE (RFC 2784) of any payload, NVGRE (RFC 7637) among it: the key (RFC 2890). PPTP (RFC 2637): the call id.
    Gre,
    /// A mirrored frame (ERSPAN types I to III): the session id.
    Erspan,
    /// VXLAN (RFC 7348) and its generic protocol extension: the VNI.
    Vxlan,
    /// Geneve (RFC 8926): the VNI.
    Geneve,
    /// User traffic of a mobile network (GTP-U, 3GPP TS 29.281): the tunnel endpoint id.
    GtpU,
    /// L2TP version 2 (RFC 2661): tunnel id in the upper half, session id in the lower.
    L2tp,
}

/// `VXLAN 42 from 10.0.0.1 to 10.0.0.2`.
impl fmt::Display for Tunnel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            TunnelKind::Ip => "IP",
            TunnelKind::Gre => "GRE",
            TunnelKind::Erspan => "ERSPAN",
            TunnelKind::Vxlan => "VXLAN",
            TunnelKind::Geneve => "Geneve",
            TunnelKind::GtpU => "GTP-U",
            TunnelKind::L2tp => "L2TP",
        };
        write!(f, "{kind} {} from {} to {}", self.id, self.src, self.dst)
    }
}
