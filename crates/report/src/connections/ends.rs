//! Addresses, endpoints and networks, as people type them.

use std::net::{IpAddr, SocketAddr};

use crosscap_packet::Endpoint;

/// Some endpoints: those of an address or a network, of a port, or of both.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ends {
    /// Network and length of its prefix.
    net: Option<(IpAddr, u32)>,
    port: Option<u16>,
}

impl Ends {
    pub(super) fn parse(text: &str) -> Option<Self> {
        if let Ok(end) = text.parse::<SocketAddr>() {
            let net = Some((end.ip(), IPV6_BITS));
            return Some(Self { net, port: Some(end.port()) });
        }
        if let Some((addr, prefix)) = text.split_once('/') {
            let (addr, prefix): (IpAddr, u32) = (addr.parse().ok()?, prefix.parse().ok()?);
            let bits = if addr.is_ipv4() { u32::BITS } else { IPV6_BITS };
            return (prefix <= bits).then_some(Self { net: Some((addr, prefix)), port: None });
        }
        if let Ok(addr) = text.parse() {
            return Some(Self { net: Some((addr, IPV6_BITS)), port: None });
        }
        Some(Self { net: None, port: Some(text.strip_prefix(':')?.parse().ok()?) })
    }

    pub(super) fn contains(&self, end: Endpoint) -> bool {
        let same_net = self.net.is_none_or(|(net, prefix)| match (net, end.addr) {
            (IpAddr::V4(net), IpAddr::V4(addr)) => {
                let host_bits = u32::BITS.saturating_sub(prefix);
                (net.to_bits() ^ addr.to_bits()).checked_shr(host_bits).unwrap_or(0) == 0
            }
            (IpAddr::V6(net), IpAddr::V6(addr)) => {
                let host_bits = IPV6_BITS.saturating_sub(prefix);
                (net.to_bits() ^ addr.to_bits()).checked_shr(host_bits).unwrap_or(0) == 0
            }
            _ => false,
        });
        same_net && self.port.is_none_or(|port| port == end.port)
    }
}

const IPV6_BITS: u32 = u128::BITS;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_networks_and_ports_contain_what_they_should() {
        let contains =
            |ends: &str, end: &str| Ends::parse(ends).unwrap().contains(end.parse().unwrap());
        assert!(contains("10.1.0.2", "10.1.0.2:443"));
        assert!(contains("10.1.0.2:443", "10.1.0.2:443"));
        assert!(!contains("10.1.0.2:443", "10.1.0.2:444"));
        assert!(contains(":443", "[2001:db8::1]:443"));
        assert!(contains("10.1.99.0/16", "10.1.0.2:443"));
        assert!(!contains("10.1.0.0/16", "10.2.0.2:443"));
        assert!(contains("0.0.0.0/0", "10.2.0.2:443"));
        assert!(!contains("0.0.0.0/0", "[::1]:443"));
        assert!(contains("::/0", "[::1]:443"));
        assert!(contains("2001:db8::/127", "[2001:db8::1]:443"));
        assert!(!contains("2001:db8::/127", "[2001:db8::2]:443"));
        assert!(contains("10.1.0.2/32", "10.1.0.2:443"));
        assert!(!contains("10.1.0.2/32", "10.1.0.3:443"));
        for bad in
            ["", ":", ":65536", "10.1.0.0/33", "::/129", "10.1", "10.1.0.0/", "host", "10.1.0.0/-1"]
        {
            assert!(Ends::parse(bad).is_none(), "{bad}");
        }
    }
}
