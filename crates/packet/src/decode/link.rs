//! Link-layer headers: from the first captured byte to the first header of a protocol.

use super::bytes::Bytes;
use super::walk::{Next, Step};
use super::{NotTcp, ether, ppp, wifi};
use crate::LinkType;

/// Passes what the link type alone announces.
pub(super) fn first(mut link_type: LinkType, mut frame: Bytes<'_>) -> Result<Step<'_>, NotTcp> {
    if link_type == LinkType::PPI {
        (link_type, frame) = per_packet_information(frame)?;
    }
    match link_type {
        LinkType::ETHERNET => Ok((Next::Ethernet, frame)),
        LinkType::ETHERNET_MPACKET => mpacket(frame),
        // What a switch says of its ports lies between the addresses and the type, or before all.
        LinkType::DSA_TAG_BRCM | LinkType::DSA_TAG_DSA => ether::typed(frame, 16),
        LinkType::DSA_TAG_EDSA => ether::typed(frame, 20),
        LinkType::DSA_TAG_BRCM_PREPEND => Ok((Next::Ethernet, frame.skip(4)?)),
        LinkType::RAW | LinkType::RAW_BSD | LinkType::RAW_OPENBSD => Ok((Next::Ip, frame)),
        LinkType::IPV4 => Ok((Next::V4, frame)),
        LinkType::IPV6 => Ok((Next::V6, frame)),
        LinkType::LINUX_SLL => cooked(frame.be16_at(14)?),
        LinkType::LINUX_SLL2 => cooked((frame.be16_at(0)?.0, frame.skip(20)?)),
        LinkType::NULL | LinkType::LOOP => family(*frame.head()?, frame.skip(4)?),
        LinkType::ENC => family(*frame.head()?, frame.skip(12)?),
        LinkType::PFLOG => pflog(frame),
        LinkType::NFLOG => nflog(frame),
        LinkType::PPP | LinkType::PPP_HDLC => ppp::serial(frame),
        // One byte says the direction; in the first of the two it stands in place of the address.
        LinkType::PPP_PPPD if frame.head::<2>()?[1] == 3 => Ok((Next::Ppp, frame.skip(2)?)),
        LinkType::PPP_PPPD | LinkType::PPP_WITH_DIR => Ok((Next::Ppp, frame.skip(1)?)),
        LinkType::PPP_ETHER => ppp::over_ethernet(frame),
        LinkType::C_HDLC => ppp::cisco_hdlc(frame),
        LinkType::FRELAY => ppp::frame_relay(frame),
        LinkType::ATM_RFC1483 => Ok((Next::Llc, frame)),
        LinkType::FDDI => fddi(frame),
        LinkType::IEEE802_11 => Ok((Next::Wifi, frame)),
        LinkType::IEEE802_11_RADIOTAP => wifi::radiotap(frame),
        LinkType::IEEE802_11_PRISM | LinkType::IEEE802_11_AVS => wifi::prism(frame),
        _ => Err(NotTcp::UnknownLinkType),
    }
}

/// Linux gives frames without an EtherType numbers of its own (`if_ether.h`).
fn cooked((protocol, rest): (u16, Bytes<'_>)) -> Result<Step<'_>, NotTcp> {
    match protocol {
        ETH_P_802_2 => Ok((Next::Llc, rest)),
        // Lengths cannot be here.
        0..=1500 => Err(NotTcp::NotIp),
        _ => Ok((Next::EtherType(protocol), rest)),
    }
}

/// The family numbers are those of the host that captured: AF_INET is 2 everywhere, AF_INET6 is 24, 28 or 30 on the
/// BSDs and macOS, 10 on Linux. They are below 256, so one byte order reads as small and the other as huge.
fn family(family: [u8; 4], rest: Bytes<'_>) -> Result<Step<'_>, NotTcp> {
    match u32::from_le_bytes(family).min(u32::from_be_bytes(family)) {
        2 => Ok((Next::V4, rest)),
        10 | 24 | 28 | 30 => Ok((Next::V6, rest)),
        _ => Err(NotTcp::NotIp),
    }
}

/// The packet filter of BSD: the header's length without its padding, and the family.
fn pflog(frame: Bytes<'_>) -> Result<Step<'_>, NotTcp> {
    let &[len, of] = frame.head()?;
    family([of, 0, 0, 0], frame.skip(usize::from(len).next_multiple_of(4))?)
}

/// Netfilter's log: the family, then fields with type and length in the host's byte order, of which one is the packet.
fn nflog(frame: Bytes<'_>) -> Result<Step<'_>, NotTcp> {
    let (&[of, ..], mut fields) = frame.split::<4>()?;
    // Each field takes at least four bytes, so this ends.
    loop {
        let &[a, b, c, d] = fields.head()?;
        // Lengths are small and types smaller: the byte order that makes the type small is right.
        let (len, kind) = match (u16::from_le_bytes([c, d]), u16::from_be_bytes([c, d])) {
            (little, big) if little <= big => (u16::from_le_bytes([a, b]), little),
            (_, big) => (u16::from_be_bytes([a, b]), big),
        };
        let len = usize::from(len);
        if len < 4 {
            return Err(NotTcp::Malformed);
        }
        if kind == NFULA_PAYLOAD {
            return family([of, 0, 0, 0], fields.limit(len).skip(4)?);
        }
        fields = fields.skip(len.next_multiple_of(4))?;
    }
}

/// FDDI: frame control and two addresses, then 802.2.
fn fddi(frame: Bytes<'_>) -> Result<Step<'_>, NotTcp> {
    match frame.head::<1>()?[0] & 0x30 {
        0x10 => Ok((Next::Llc, frame.skip(13)?)),
        _ => Err(NotTcp::NotIp),
    }
}

/// Ethernet from its preamble on; fragments of preempted frames are not put together.
fn mpacket(frame: Bytes<'_>) -> Result<Step<'_>, NotTcp> {
    let (preamble, rest) = frame.split::<8>()?;
    if preamble[7] == START_OF_FRAME { Ok((Next::Ethernet, rest)) } else { Err(NotTcp::NotIp) }
}

/// Any link type behind fields of the receiver, little-endian throughout.
fn per_packet_information(frame: Bytes<'_>) -> Result<(LinkType, Bytes<'_>), NotTcp> {
    let &[_, _, low, high, a, b, c, d] = frame.head()?;
    let link_type = u32::from_le_bytes([a, b, c, d]);
    let inside = u16::try_from(link_type).map_err(|_| NotTcp::UnknownLinkType)?;
    Ok((LinkType(inside), frame.skip(usize::from(u16::from_le_bytes([low, high])))?))
}

const ETH_P_802_2: u16 = 4;
const NFULA_PAYLOAD: u16 = 9;
const START_OF_FRAME: u8 = 0xd5;
