//! ICMP and ICMPv6 errors.

use super::NotTcp;
use super::bytes::Bytes;
use super::ip::{self, Behind, Ip};
use super::tcp;
use crate::{Endpoint, IcmpError, SeqNumber};

/// Reads an error (RFC 792, RFC 4443 §3) and the packet that it quotes: the IP header and at least 8 bytes of TCP.
pub(super) fn error(ip: &Ip, bytes: Bytes<'_>) -> Result<IcmpError, NotTcp> {
    let v6 = ip.src.is_ipv6();
    let (&[icmp_type, code, _, _, m0, m1, m2, m3], quote) = bytes.split()?;
    let is_error =
        if v6 { matches!(icmp_type, 1..=4) } else { matches!(icmp_type, 3..=5 | 11 | 12) };
    let other = NotTcp::OtherProtocol(if v6 { V6 } else { V4 });
    if !is_error {
        return Err(other);
    }
    let mtu = match (v6, icmp_type, code) {
        (true, 2, _) => u32::from_be_bytes([m0, m1, m2, m3]),
        (false, 3, 4) => u32::from(u16::from_be_bytes([m2, m3])),
        _ => 0,
    };
    let (quoted, head) = if v6 { quoted_v6(quote)? } else { quoted_v4(quote)? }.ok_or(other)?;
    let &[s0, s1, d0, d1, q0, q1, q2, q3] = head.head()?;
    Ok(IcmpError {
        from: ip.src,
        to: ip.dst,
        icmp_type,
        code,
        mtu: (mtu > 0).then_some(mtu),
        src: Endpoint { addr: quoted.src, port: u16::from_be_bytes([s0, s1]) },
        dst: Endpoint { addr: quoted.dst, port: u16::from_be_bytes([d0, d1]) },
        seq: SeqNumber(u32::from_be_bytes([q0, q1, q2, q3])),
    })
}

/// The quoted packet and what there is of its TCP header; `None` where it has none.
type Quoted<'a> = Option<(Ip, Bytes<'a>)>;

fn quoted_v4(quote: Bytes<'_>) -> Result<Quoted<'_>, NotTcp> {
    let v4 = ip::v4(quote)?;
    let has_head = v4.part().is_none_or(|part| part.offset == 0);
    Ok((has_head && v4.protocol == tcp::PROTOCOL).then_some((v4.ip, v4.payload)))
}

fn quoted_v6(quote: Bytes<'_>) -> Result<Quoted<'_>, NotTcp> {
    let (ip, mut protocol, mut bytes) = ip::v6(quote)?;
    for _ in 0..MAX_EXTENSIONS {
        if protocol == tcp::PROTOCOL {
            return Ok(Some((ip, bytes)));
        }
        (protocol, bytes) = match ip::extension(protocol, true, bytes)? {
            Behind::Next(next, rest) => (next, rest),
            Behind::Fragment(part, rest) if part.offset == 0 => (part.protocol, rest),
            _ => return Ok(None),
        };
    }
    Err(NotTcp::Malformed)
}

pub(super) const V4: u8 = 1;
pub(super) const V6: u8 = 58;

/// More extension headers than any packet has.
const MAX_EXTENSIONS: usize = 16;
