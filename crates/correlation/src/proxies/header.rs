//! The header by which a proxy tells the server whose connection it goes on with: HAProxy's PROXY protocol
//! (<https://www.haproxy.org/download/2.6/doc/proxy-protocol.txt>), which load balancers of clouds speak as well.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crosscap_packet::Endpoint;

/// What stands at the beginning of a stream, before the bytes that the proxy passes on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct ProxyHeader {
    /// Its length in bytes: at most 65,551.
    pub(crate) length: u32,
    /// The ends of the connection that the proxy took, the client's first. `None` where the proxy speaks for itself, as to
    /// ask whether the server is well, or does not say.
    pub(crate) ends: Option<[Endpoint; 2]>,
}

impl ProxyHeader {
    /// Reads it off the first segment of a stream. `None` where the stream begins otherwise, or the segment does not hold
    /// the addresses: proxies send the header at once.
    pub(crate) fn read(segment: &[u8]) -> Option<Self> {
        if segment.starts_with(SIGNATURE) { Self::binary(segment) } else { Self::text(segment) }
    }

    /// Version 1, §2.1: `PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\n`.
    fn text(segment: &[u8]) -> Option<Self> {
        let rest = segment.strip_prefix(b"PROXY ")?;
        let line = &rest[..rest.len().min(LONGEST_LINE - 6)];
        let end = line.windows(2).position(|two| two == b"\r\n")?;
        let line = std::str::from_utf8(&line[..end]).ok()?;
        let length = (6 + end + 2) as u32;
        let mut words = line.split(' ');
        let family = words.next()?;
        if family == "UNKNOWN" {
            return Some(Self { length, ends: None });
        }
        let mut address = || {
            let word = words.next()?;
            match family {
                "TCP4" => word.parse::<Ipv4Addr>().ok().map(IpAddr::from),
                "TCP6" => word.parse::<Ipv6Addr>().ok().map(|addr| addr.to_canonical()),
                _ => None,
            }
        };
        let [src, dst] = [address()?, address()?];
        let mut port = || words.next()?.parse::<u16>().ok();
        let ends = [port()?, port()?];
        let ends = [Endpoint { addr: src, port: ends[0] }, Endpoint { addr: dst, port: ends[1] }];
        words.next().is_none().then_some(Self { length, ends: Some(ends) })
    }

    /// Version 2, §2.2: signature, version and command, family, length, addresses, ports, and more that is passed over.
    fn binary(segment: &[u8]) -> Option<Self> {
        let [command, family, high, low] = *segment.get(12..)?.first_chunk()?;
        let told = u16::from_be_bytes([high, low]);
        let length = 16 + u32::from(told);
        let addresses = &segment[16..];
        match (command, family) {
            (LOCAL, _) => Some(Self { length, ends: None }),
            (PROXY, TCP4) => {
                let found: &[u8; 12] = addresses.first_chunk().filter(|_| told >= 12)?;
                let addr = |at: usize| -> Option<IpAddr> {
                    Some(Ipv4Addr::from(*found[at..].first_chunk::<4>()?).into())
                };
                let ends = [end(addr(0)?, &found[8..])?, end(addr(4)?, &found[10..])?];
                Some(Self { length, ends: Some(ends) })
            }
            (PROXY, TCP6) => {
                let found: &[u8; 36] = addresses.first_chunk().filter(|_| told >= 36)?;
                let addr = |at: usize| -> Option<IpAddr> {
                    let addr = Ipv6Addr::from(*found[at..].first_chunk::<16>()?);
                    Some(addr.to_canonical())
                };
                let ends = [end(addr(0)?, &found[32..])?, end(addr(16)?, &found[34..])?];
                Some(Self { length, ends: Some(ends) })
            }
            (PROXY, _) => Some(Self { length, ends: None }),
            _ => None,
        }
    }

    /// How long the headers are that name such a connection and nothing else: in text and in binary.
    pub(crate) fn lengths([src, dst]: [Endpoint; 2]) -> [u64; 2] {
        let text = |addr: IpAddr| addr.to_string().len() as u64;
        let digits = |port: u16| u64::from(port.checked_ilog10().unwrap_or(0)) + 1;
        let words = text(src.addr) + text(dst.addr) + digits(src.port) + digits(dst.port);
        // `PROXY TCP4`, four spaces and the end of the line.
        let binary = if src.addr.is_ipv4() { 28 } else { 52 };
        [10 + 4 + 2 + words, binary]
    }
}

fn end(addr: IpAddr, port: &[u8]) -> Option<Endpoint> {
    Some(Endpoint { addr, port: u16::from_be_bytes(*port.first_chunk()?) })
}

const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// The longest line of version 1, with its end.
const LONGEST_LINE: usize = 107;

/// Version and command.
const LOCAL: u8 = 0x20;
const PROXY: u8 = 0x21;

/// Family and protocol.
const TCP4: u8 = 0x11;
const TCP6: u8 = 0x21;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ends(src: &str, dst: &str) -> Option<[Endpoint; 2]> {
        Some([src.parse().unwrap(), dst.parse().unwrap()])
    }

    fn binary(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let length = (rest.len() as u16).to_be_bytes();
        [SIGNATURE, &[command, family], &length, rest, b"GET"].concat()
    }

    #[test]
    fn both_versions_name_the_ends() {
        let told = ends("192.0.2.1:56324", "192.0.2.2:443");
        let line = b"PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\nGET";
        let header = ProxyHeader { length: 42, ends: told };
        assert_eq!(ProxyHeader::read(line), Some(header));
        assert_eq!(ProxyHeader::lengths(told.unwrap()), [42, 28]);
        let addresses = [192, 0, 2, 1, 192, 0, 2, 2, 0xdc, 0x04, 1, 0xbb];
        let read = ProxyHeader::read(&binary(PROXY, TCP4, &addresses));
        assert_eq!(read, Some(ProxyHeader { length: 28, ends: told }));
        let more = [&addresses[..], &[3, 0, 4, 1, 2, 3, 4]].concat();
        let read = ProxyHeader::read(&binary(PROXY, TCP4, &more));
        assert_eq!(read, Some(ProxyHeader { length: 35, ends: told }));
        let line = b"PROXY TCP6 2001:db8::1 ::ffff:192.0.2.2 56324 443\r\n";
        let told = ends("[2001:db8::1]:56324", "192.0.2.2:443");
        assert_eq!(ProxyHeader::read(line).and_then(|header| header.ends), told);
        let mut addresses = [0; 36];
        addresses[..4].copy_from_slice(&[0x20, 1, 0x0d, 0xb8]);
        addresses[15] = 1;
        addresses[26..32].copy_from_slice(&[0xff, 0xff, 192, 0, 2, 2]);
        addresses[32..].copy_from_slice(&[0xdc, 0x04, 1, 0xbb]);
        let read = ProxyHeader::read(&binary(PROXY, TCP6, &addresses));
        assert_eq!(read, Some(ProxyHeader { length: 52, ends: told }));
    }

    #[test]
    fn a_proxy_that_speaks_for_itself_names_nobody() {
        let nobody = |length| Some(ProxyHeader { length, ends: None });
        assert_eq!(ProxyHeader::read(b"PROXY UNKNOWN\r\n"), nobody(15));
        assert_eq!(ProxyHeader::read(&binary(LOCAL, 0, &[])), nobody(16));
        assert_eq!(ProxyHeader::read(&binary(PROXY, 0x31, &[0; 216])), nobody(232));
    }

    #[test]
    fn what_only_looks_like_one_is_none() {
        for no in [
            &b"PROXY TCP4 192.0.2.1 192.0.2.2 56324 443"[..],
            b"PROXY TCP4 192.0.2.1 192.0.2.2 56324\r\n",
            b"PROXY TCP4 192.0.2.1 192.0.2.2 56324 70000\r\n",
            b"PROXY TCP4 2001:db8::1 192.0.2.2 56324 443\r\n",
            b"PROXY TCP4 192.0.2.1 192.0.2.2 56324 443 5\r\n",
            b"PROXY UDP4 192.0.2.1 192.0.2.2 56324 443\r\n",
            b"PROXY ",
            b"",
        ] {
            assert_eq!(ProxyHeader::read(no), None);
        }
        assert_eq!(ProxyHeader::read(&binary(PROXY, TCP4, &[0; 11])), None);
        assert_eq!(ProxyHeader::read(&binary(0x11, TCP4, &[0; 12])), None);
        assert_eq!(ProxyHeader::read(&binary(PROXY, TCP4, &[0; 12])[..20]), None);
        let long = [b"PROXY UNKNOWN ".as_slice(), &[b'a'; 92], b"\r\n"].concat();
        assert_eq!(ProxyHeader::read(&long), None);
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(kind in 0..3usize, rest in prop::collection::vec(any::<u8>(), 0..300)) {
            let begin: [&[u8]; 3] = [b"PROXY TCP4 ", SIGNATURE, b"PROXY TCP6 "];
            let header = ProxyHeader::read(&[begin[kind], &rest].concat());
            prop_assert!(header.is_none_or(|header| header.length <= 65_551));
        }
    }
}
