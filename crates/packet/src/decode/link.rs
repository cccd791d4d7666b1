//! Link-layer headers: from the first captured byte to the IP header.

use nom::bytes::complete::take;
use nom::number::complete::{be_u16, be_u32};
use nom::{IResult, Parser};

use super::NotTcp;
use crate::LinkType;

/// Which IP header comes next.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Family {
    V4,
    V6,
}

/// The IP version and the bytes from the IP header on.
pub(super) fn network(link_type: LinkType, data: &[u8]) -> Result<(Family, &[u8]), NotTcp> {
    match link_type {
        LinkType::ETHERNET => {
            let [ether_type, rest] = split_at_checked::<12>(data)?;
            by_ether_type(be16(ether_type), rest)
        }
        LinkType::RAW | LinkType::RAW_BSD | LinkType::RAW_OPENBSD => {
            match data.first().map(|b| b >> 4) {
                Some(4) => Ok((Family::V4, data)),
                Some(6) => Ok((Family::V6, data)),
                Some(_) => Err(NotTcp::NotIp),
                None => Err(NotTcp::Cut),
            }
        }
        LinkType::IPV4 => Ok((Family::V4, data)),
        LinkType::IPV6 => Ok((Family::V6, data)),
        LinkType::LINUX_SLL => cooked(sll, data),
        LinkType::LINUX_SLL2 => cooked(sll2, data),
        LinkType::NULL | LinkType::LOOP => loopback(data),
        _ => Err(NotTcp::UnknownLinkType),
    }
}

/// Walks VLAN tags; `rest` begins behind the first EtherType.
fn by_ether_type(mut ether_type: u16, mut rest: &[u8]) -> Result<(Family, &[u8]), NotTcp> {
    for _ in 0..=MAX_VLAN_TAGS {
        match ether_type {
            0x0800 => return Ok((Family::V4, rest)),
            0x86dd => return Ok((Family::V6, rest)),
            // 802.1Q, 802.1ad, and the pre-standard QinQ numbers.
            0x8100 | 0x88a8 | 0x9100 | 0x9200 => {
                let [inner, after] = split_at_checked::<2>(rest)?;
                (ether_type, rest) = (be16(inner), after);
            }
            _ => return Err(NotTcp::NotIp),
        }
    }
    Err(NotTcp::Malformed)
}

/// Skips `N` bytes and splits off the two behind them.
fn split_at_checked<const N: usize>(data: &[u8]) -> Result<[&[u8]; 2], NotTcp> {
    let (head, rest) = data.split_at_checked(N + 2).ok_or(NotTcp::Cut)?;
    Ok([&head[N..], rest])
}

fn be16(bytes: &[u8]) -> u16 {
    u16::from_be_bytes([bytes[0], bytes[1]])
}

fn cooked(
    header: fn(&[u8]) -> IResult<&[u8], u16>,
    data: &[u8],
) -> Result<(Family, &[u8]), NotTcp> {
    let (rest, ether_type) = header(data).map_err(|_| NotTcp::Cut)?;
    by_ether_type(ether_type, rest)
}

/// LINKTYPE_LINUX_SLL: packet type, ARPHRD, address length, address, protocol; 16 bytes.
fn sll(input: &[u8]) -> IResult<&[u8], u16> {
    let (rest, (_, protocol)) = (take(14usize), be_u16).parse(input)?;
    Ok((rest, protocol))
}

/// LINKTYPE_LINUX_SLL2: protocol, reserved, interface index, ARPHRD, packet type, address length, address; 20 bytes.
fn sll2(input: &[u8]) -> IResult<&[u8], u16> {
    let (rest, (protocol, _, _, _)) = (be_u16, be_u16, be_u32, take(12usize)).parse(input)?;
    Ok((rest, protocol))
}

/// The family numbers are those of the host that captured: AF_INET is 2 everywhere, AF_INET6 is 24, 28 or 30 on the
/// BSDs and macOS, 10 on Linux. They are below 256, so one byte order reads as small and the other as huge.
fn loopback(data: &[u8]) -> Result<(Family, &[u8]), NotTcp> {
    let (family, rest) = data.split_first_chunk().ok_or(NotTcp::Cut)?;
    match u32::from_le_bytes(*family).min(u32::from_be_bytes(*family)) {
        2 => Ok((Family::V4, rest)),
        10 | 24 | 28 | 30 => Ok((Family::V6, rest)),
        _ => Err(NotTcp::NotIp),
    }
}

/// More tags than any network stacks; ends the walk on hostile input.
const MAX_VLAN_TAGS: usize = 16;
