//! Link-layer header types.

use std::fmt;

/// A link-layer header type, as the tcpdump.org registry numbers them. The FCS bits that some files keep in the upper
/// half of the field are not part of it.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct LinkType(pub u16);

impl LinkType {
    /// BSD loopback: a 4-byte address family in the byte order of the capturing host.
    pub const NULL: Self = Self(0);
    /// Ethernet, with any tags.
    pub const ETHERNET: Self = Self(1);
    /// PPP, with the address of HDLC or without.
    pub const PPP: Self = Self(9);
    /// FDDI.
    pub const FDDI: Self = Self(10);
    /// Raw IP, version in the first nibble. 12 is the number of BSD and Linux files.
    pub const RAW_BSD: Self = Self(12);
    /// Raw IP, OpenBSD's number.
    pub const RAW_OPENBSD: Self = Self(14);
    /// PPP with the address of HDLC, or Cisco HDLC.
    pub const PPP_HDLC: Self = Self(50);
    /// PPPoE session packets, without Ethernet.
    pub const PPP_ETHER: Self = Self(51);
    /// 802.2 over ATM (RFC 1483).
    pub const ATM_RFC1483: Self = Self(100);
    /// Raw IP, version in the first nibble.
    pub const RAW: Self = Self(101);
    /// Cisco HDLC.
    pub const C_HDLC: Self = Self(104);
    /// Wi-Fi (IEEE 802.11).
    pub const IEEE802_11: Self = Self(105);
    /// Frame relay.
    pub const FRELAY: Self = Self(107);
    /// OpenBSD loopback: a 4-byte address family in network byte order.
    pub const LOOP: Self = Self(108);
    /// BSD's `enc` interface: packets within IPsec.
    pub const ENC: Self = Self(109);
    /// Linux cooked capture v1, as old `tcpdump -i any` writes.
    pub const LINUX_SLL: Self = Self(113);
    /// The log of BSD's packet filter.
    pub const PFLOG: Self = Self(117);
    /// Wi-Fi behind a Prism header.
    pub const IEEE802_11_PRISM: Self = Self(119);
    /// Wi-Fi behind a radiotap header.
    pub const IEEE802_11_RADIOTAP: Self = Self(127);
    /// Wi-Fi behind an AVS header.
    pub const IEEE802_11_AVS: Self = Self(163);
    /// PPP with a direction in place of the address.
    pub const PPP_PPPD: Self = Self(166);
    /// Another link type behind fields of the receiver (per-packet information).
    pub const PPI: Self = Self(192);
    /// PPP behind a byte for the direction.
    pub const PPP_WITH_DIR: Self = Self(204);
    /// Raw IPv4.
    pub const IPV4: Self = Self(228);
    /// Raw IPv6.
    pub const IPV6: Self = Self(229);
    /// Netfilter's log.
    pub const NFLOG: Self = Self(239);
    /// Ethernet from its preamble on.
    pub const ETHERNET_MPACKET: Self = Self(274);
    /// Linux cooked capture v2, as `tcpdump -i any` writes since libpcap 1.10.
    pub const LINUX_SLL2: Self = Self(276);
    /// Ethernet with a Broadcom switch tag behind the addresses.
    pub const DSA_TAG_BRCM: Self = Self(281);
    /// Ethernet with a Broadcom switch tag before the addresses.
    pub const DSA_TAG_BRCM_PREPEND: Self = Self(282);
    /// Ethernet with a Marvell switch tag behind the addresses.
    pub const DSA_TAG_DSA: Self = Self(284);
    /// Ethernet with a Marvell switch tag that has an EtherType.
    pub const DSA_TAG_EDSA: Self = Self(285);
}

impl fmt::Display for LinkType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match NAMES.iter().find(|(link_type, _)| link_type == self) {
            Some((_, name)) => f.write_str(name),
            None => write!(f, "LINKTYPE_{}", self.0),
        }
    }
}

/// Names as in the registry, less their prefix; one for all that are raw IP.
const NAMES: [(LinkType, &str); 32] = [
    (LinkType::NULL, "NULL"),
    (LinkType::ETHERNET, "ETHERNET"),
    (LinkType::PPP, "PPP"),
    (LinkType::FDDI, "FDDI"),
    (LinkType::RAW_BSD, "RAW"),
    (LinkType::RAW_OPENBSD, "RAW"),
    (LinkType::PPP_HDLC, "PPP_HDLC"),
    (LinkType::PPP_ETHER, "PPP_ETHER"),
    (LinkType::ATM_RFC1483, "ATM_RFC1483"),
    (LinkType::RAW, "RAW"),
    (LinkType::C_HDLC, "C_HDLC"),
    (LinkType::IEEE802_11, "IEEE802_11"),
    (LinkType::FRELAY, "FRELAY"),
    (LinkType::LOOP, "LOOP"),
    (LinkType::ENC, "ENC"),
    (LinkType::LINUX_SLL, "LINUX_SLL"),
    (LinkType::PFLOG, "PFLOG"),
    (LinkType::IEEE802_11_PRISM, "IEEE802_11_PRISM"),
    (LinkType::IEEE802_11_RADIOTAP, "IEEE802_11_RADIOTAP"),
    (LinkType::IEEE802_11_AVS, "IEEE802_11_AVS"),
    (LinkType::PPP_PPPD, "PPP_PPPD"),
    (LinkType::PPI, "PPI"),
    (LinkType::PPP_WITH_DIR, "PPP_WITH_DIR"),
    (LinkType::IPV4, "IPV4"),
    (LinkType::IPV6, "IPV6"),
    (LinkType::NFLOG, "NFLOG"),
    (LinkType::ETHERNET_MPACKET, "ETHERNET_MPACKET"),
    (LinkType::LINUX_SLL2, "LINUX_SLL2"),
    (LinkType::DSA_TAG_BRCM, "DSA_TAG_BRCM"),
    (LinkType::DSA_TAG_BRCM_PREPEND, "DSA_TAG_BRCM_PREPEND"),
    (LinkType::DSA_TAG_DSA, "DSA_TAG_DSA"),
    (LinkType::DSA_TAG_EDSA, "DSA_TAG_EDSA"),
];
