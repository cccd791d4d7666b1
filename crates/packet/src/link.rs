//! Link-layer header types.

use std::fmt;

/// A link-layer header type, as the tcpdump.org registry numbers them. The FCS bits that some files keep in the upper
/// half of the field are not part of it.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct LinkType(pub u16);

impl LinkType {
    /// BSD loopback: a 4-byte address family in the byte order of the capturing host.
    pub const NULL: Self = Self(0);
    /// Ethernet, with any 802.1Q tags.
    pub const ETHERNET: Self = Self(1);
    /// Raw IP, version in the first nibble. 12 is the number of BSD and Linux files.
    pub const RAW_BSD: Self = Self(12);
    /// Raw IP, OpenBSD's number.
    pub const RAW_OPENBSD: Self = Self(14);
    /// Raw IP, version in the first nibble.
    pub const RAW: Self = Self(101);
    /// OpenBSD loopback: a 4-byte address family in network byte order.
    pub const LOOP: Self = Self(108);
    /// Linux cooked capture v1, as old `tcpdump -i any` writes.
    pub const LINUX_SLL: Self = Self(113);
    /// Raw IPv4.
    pub const IPV4: Self = Self(228);
    /// Raw IPv6.
    pub const IPV6: Self = Self(229);
    /// Linux cooked capture v2, as `tcpdump -i any` writes since libpcap 1.10.
    pub const LINUX_SLL2: Self = Self(276);
}

impl fmt::Display for LinkType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match *self {
            Self::NULL => "NULL",
            Self::ETHERNET => "ETHERNET",
            Self::RAW_BSD | Self::RAW_OPENBSD | Self::RAW => "RAW",
            Self::LOOP => "LOOP",
            Self::LINUX_SLL => "LINUX_SLL",
            Self::IPV4 => "IPV4",
            Self::IPV6 => "IPV6",
            Self::LINUX_SLL2 => "LINUX_SLL2",
            Self(other) => return write!(f, "LINKTYPE_{other}"),
        };
        f.write_str(name)
    }
}
