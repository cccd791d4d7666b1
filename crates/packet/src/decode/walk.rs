//! Header by header, from the first captured byte to the innermost TCP segment. A loop, and counted: what lies inside
//! each other costs neither stack nor much time.

use super::bytes::Bytes;
use super::ip::{Behind, Ip, Part};
use super::{Decoded, NotTcp, ether, icmp, ip, link, mpls, ppp, tcp, tunnel, wifi};
use crate::{Fragment, LinkType, Tunnel, TunnelKind};

/// Which header comes next.
#[derive(Clone, Copy, Debug)]
pub(super) enum Next {
    /// An Ethernet frame, from its addresses on.
    Ethernet,
    /// What follows this EtherType.
    EtherType(u16),
    /// IEEE 802.2.
    Llc,
    /// A label stack.
    Mpls,
    /// PPP, from its protocol or its address on.
    Ppp,
    /// IEEE 802.11.
    Wifi,
    /// IP of the version that its first nibble says.
    Ip,
    /// IPv4.
    V4,
    /// IPv6.
    V6,
    /// What an IP packet carries, and its protocol.
    Payload(Ip, u8),
}

/// The next header and the bytes from it on.
pub(super) type Step<'a> = (Next, Bytes<'a>);

/// What a tunnel header leads to.
pub(super) struct Inside<'a> {
    pub(super) kind: TunnelKind,
    pub(super) id: u32,
    pub(super) next: Next,
    pub(super) bytes: Bytes<'a>,
}

/// What is known of the way so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Context {
    tunnel: Option<Tunnel>,
    /// Tags, labels, extension headers and tunnels passed.
    nested: u8,
    /// The protocol by which we guessed that this is a tunnel, until an IP header inside proves it.
    guessed_from: Option<u8>,
}

impl Context {
    /// Goes on where a fragmented datagram began.
    pub(crate) const fn inside(tunnel: Option<Tunnel>, nested: u8) -> Self {
        Self { tunnel, nested, guessed_from: None }
    }

    /// Counts a header that may lie in another of its kind.
    pub(super) const fn nest(&mut self) -> Result<(), NotTcp> {
        if self.nested == MAX_NESTED {
            return Err(NotTcp::Malformed);
        }
        self.nested += 1;
        Ok(())
    }

    /// Enters a tunnel between the ends of `ip`.
    fn enter(&mut self, kind: TunnelKind, ip: &Ip, id: u32) -> Result<(), NotTcp> {
        self.nest()?;
        let layers = self.tunnel.map_or(0, |t| t.layers) + 1;
        if layers > MAX_TUNNELS {
            return Err(NotTcp::Malformed);
        }
        self.tunnel = Some(Tunnel { kind, src: ip.src, dst: ip.dst, id, layers });
        Ok(())
    }

    /// What did not turn out to be a tunnel is what its protocol says.
    fn judge(&self, why: NotTcp) -> NotTcp {
        match (why, self.guessed_from) {
            (NotTcp::Malformed | NotTcp::NotIp, Some(protocol)) => NotTcp::OtherProtocol(protocol),
            _ => why,
        }
    }
}

/// What stands at the end of a walk.
enum End<'a> {
    Tcp(Ip, Bytes<'a>),
    Icmp(Ip, Bytes<'a>),
    Fragment(Ip, Part, Bytes<'a>),
    Not(NotTcp),
}

impl From<NotTcp> for End<'_> {
    fn from(why: NotTcp) -> Self {
        Self::Not(why)
    }
}

/// Walks a whole frame.
pub(super) fn frame(link_type: LinkType, frame: Bytes<'_>) -> Decoded<'_> {
    let first = link::first(link_type, frame);
    first.map_or_else(Decoded::NotTcp, |step| walk(step, Context::default()))
}

/// Walks what an IP packet carries.
pub(super) fn payload(ip: Ip, protocol: u8, bytes: Bytes<'_>, context: Context) -> Decoded<'_> {
    walk((Next::Payload(ip, protocol), bytes), context)
}

fn walk(mut at: Step<'_>, mut context: Context) -> Decoded<'_> {
    let end = loop {
        match step(at, &mut context) {
            Ok(next) => at = next,
            Err(end) => break end,
        }
    };
    match end {
        End::Tcp(ip, bytes) => tcp::packet(&ip, bytes, context.tunnel),
        End::Icmp(ip, bytes) => {
            icmp::error(&ip, bytes).map_or_else(Decoded::NotTcp, Decoded::IcmpError)
        }
        End::Fragment(ip, part, bytes) => Decoded::Fragment(Fragment {
            src: ip.src,
            dst: ip.dst,
            id: part.id,
            protocol: part.protocol,
            ttl: ip.ttl,
            offset: part.offset,
            len: u32::try_from(bytes.len).unwrap_or(u32::MAX),
            more: part.more,
            data: bytes.captured,
            tunnel: context.tunnel,
            nested: context.nested,
        }),
        End::Not(why) => Decoded::NotTcp(context.judge(why)),
    }
}

/// Passes one header: gives the next one, or what is at the end.
fn step<'a>((next, bytes): Step<'a>, context: &mut Context) -> Result<Step<'a>, End<'a>> {
    let next = match next {
        Next::Ethernet => ether::frame(bytes),
        Next::EtherType(ether_type) => ether::payload(ether_type, bytes, context),
        Next::Llc => ether::llc(bytes, context),
        Next::Mpls => mpls::payload(bytes, context),
        Next::Ppp => ppp::payload(bytes),
        Next::Wifi => wifi::frame(bytes),
        Next::Ip => match bytes.head::<1>()?[0] >> 4 {
            4 => Ok((Next::V4, bytes)),
            6 => Ok((Next::V6, bytes)),
            _ => Err(NotTcp::NotIp),
        },
        Next::V4 => {
            let v4 = ip::v4(bytes)?;
            context.guessed_from = None;
            if let Some(part) = v4.part() {
                return Err(End::Fragment(v4.ip, part, v4.payload));
            }
            Ok((Next::Payload(v4.ip, v4.protocol), v4.payload))
        }
        Next::V6 => {
            let (ip, protocol, payload) = ip::v6(bytes)?;
            context.guessed_from = None;
            Ok((Next::Payload(ip, protocol), payload))
        }
        Next::Payload(ip, protocol) => return inside_ip(ip, protocol, bytes, context),
    };
    Ok(next?)
}

/// Passes the header of what an IP packet carries.
fn inside_ip<'a>(
    ip: Ip,
    protocol: u8,
    bytes: Bytes<'a>,
    context: &mut Context,
) -> Result<Step<'a>, End<'a>> {
    let v6 = ip.src.is_ipv6();
    let tunnel = match protocol {
        tcp::PROTOCOL => return Err(End::Tcp(ip, bytes)),
        icmp::V4 if !v6 => return Err(End::Icmp(ip, bytes)),
        icmp::V6 if v6 => return Err(End::Icmp(ip, bytes)),
        IPV4 => Some(Inside { kind: TunnelKind::Ip, id: 0, next: Next::V4, bytes }),
        IPV6 => Some(Inside { kind: TunnelKind::Ip, id: 0, next: Next::V6, bytes }),
        tunnel::UDP => tunnel::in_udp(bytes),
        GRE => tunnel::in_gre(bytes),
        _ => None,
    };
    if let Some(inside) = tunnel {
        context.enter(inside.kind, &ip, inside.id)?;
        context.guessed_from = Some(protocol);
        return Ok((inside.next, inside.bytes));
    }
    match ip::extension(protocol, v6, bytes)? {
        Behind::Next(next, rest) => {
            context.nest()?;
            Ok((Next::Payload(ip, next), rest))
        }
        Behind::Fragment(part, rest) => {
            context.nest()?;
            Err(End::Fragment(ip, part, rest))
        }
        Behind::Payload => Err(NotTcp::OtherProtocol(protocol).into()),
    }
}

const IPV4: u8 = 4;
const IPV6: u8 = 41;
const GRE: u8 = 47;

/// Headers in each other: more than any network stacks. Ends the walk on hostile input.
const MAX_NESTED: u8 = 16;

/// Tunnels in each other, as many as Zeek follows unless told otherwise.
const MAX_TUNNELS: u8 = 4;
