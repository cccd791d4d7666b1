//! One end of a connection.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

/// An IP address and a TCP port. Written `10.1.0.2:40422` or `[2001:db8::1]:443`.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Endpoint {
    /// The address, as the packet carries it (an IPv4-mapped IPv6 address stays IPv6).
    pub addr: IpAddr,
    /// The TCP port.
    pub port: u16,
}

impl Endpoint {
    /// From its two parts.
    #[must_use]
    pub fn new(addr: impl Into<IpAddr>, port: u16) -> Self {
        Self { addr: addr.into(), port }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        SocketAddr::new(self.addr, self.port).fmt(f)
    }
}

impl std::str::FromStr for Endpoint {
    type Err = std::net::AddrParseError;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        s.parse::<SocketAddr>().map(|a| Self { addr: a.ip(), port: a.port() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_families_are_written_as_the_report_contract_says() {
        for text in ["10.1.0.2:40422", "[2001:db8::1]:443"] {
            assert_eq!(text.parse::<Endpoint>().unwrap().to_string(), text);
        }
    }
}
