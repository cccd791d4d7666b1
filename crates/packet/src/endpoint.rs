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
        let IpAddr::V4(addr) = self.addr else {
            return SocketAddr::new(self.addr, self.port).fmt(f);
        };
        // As that does, but without its detours: every connection is named after its ends.
        let mut text = Digits::default();
        for (octet, behind) in addr.octets().into_iter().zip(*b"...:") {
            text.push(octet.into());
            text.push_byte(behind);
        }
        text.push(self.port);
        f.pad(text.as_str())
    }
}

/// Room for the longest endpoint of IPv4, `255.255.255.255:65535`.
#[derive(Default)]
struct Digits {
    text: [u8; 21],
    len: usize,
}

impl Digits {
    fn push(&mut self, number: u16) {
        for power in [10_000, 1_000, 100, 10] {
            if number >= power {
                self.push_byte(b'0' + (number / power % 10) as u8);
            }
        }
        self.push_byte(b'0' + (number % 10) as u8);
    }

    fn push_byte(&mut self, byte: u8) {
        if let Some(place) = self.text.get_mut(self.len) {
            *place = byte;
            self.len += 1;
        }
    }

    fn as_str(&self) -> &str {
        std::str::from_utf8(&self.text[..self.len]).unwrap_or_default()
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

    #[test]
    fn ipv4_is_written_as_the_standard_library_does() {
        let numbers = [0, 1, 9, 10, 11, 99, 100, 101, 109, 110, 200, 255];
        let ports = numbers.into_iter().chain([256, 999, 1_000, 1_001, 9_999, 10_000, 65_535]);
        for (i, port) in ports.enumerate() {
            let octet = |shift: usize| numbers[(i + shift) % numbers.len()] as u8;
            let addr = [octet(0), octet(3), octet(5), octet(11)];
            let same = SocketAddr::from((addr, port));
            let end = Endpoint::new(addr, port);
            assert_eq!(end.to_string(), same.to_string());
            assert_eq!(format!("{end:>24}|{end:<24}|"), format!("{same:>24}|{same:<24}|"));
        }
    }
}
