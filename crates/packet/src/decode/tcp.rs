//! The TCP header (RFC 9293 §3.1).

use super::bytes::Bytes;
use super::ip::Ip;
use super::{Decoded, NotTcp, TcpPacket};
use crate::{Endpoint, OptionSummary, Segment, SeqNumber, TcpFlags, TcpOptions, Tunnel};

/// TCP's number in IP headers.
pub(super) const PROTOCOL: u8 = 6;

/// Reads the TCP header at the start of an IP payload.
#[inline]
pub(super) fn packet<'a>(ip: &Ip, data: Bytes<'a>, tunnel: Option<Tunnel>) -> Decoded<'a> {
    let header: &[u8; 20] = match data.head() {
        Ok(header) => header,
        Err(why) => return Decoded::NotTcp(why),
    };
    let header_len = usize::from(header[12] >> 4) * 4;
    if header_len < 20 || header_len > data.len {
        return Decoded::NotTcp(NotTcp::Malformed);
    }
    // A short snap length may cut the options; the fixed header tells enough.
    let captured = header_len.min(data.captured.len());
    let options = TcpOptions::new(&data.captured[20..captured]);
    let ack = SeqNumber(u32::from_be_bytes([header[8], header[9], header[10], header[11]]));
    let flags = TcpFlags(header[13]);
    let segment = Segment {
        seq: SeqNumber(u32::from_be_bytes([header[4], header[5], header[6], header[7]])),
        ack,
        flags,
        window: u16::from_be_bytes([header[14], header[15]]),
        ttl: ip.ttl,
        ip_id: ip.id,
        payload_len: u32::try_from(data.len - header_len).unwrap_or(u32::MAX),
        timestamps: options.timestamps(),
        options: match header_len {
            20 => OptionSummary::Absent,
            _ if captured < header_len => OptionSummary::Other,
            _ => options.summary(flags, ack),
        },
    };
    Decoded::Tcp(TcpPacket {
        src: Endpoint { addr: ip.src, port: u16::from_be_bytes([header[0], header[1]]) },
        dst: Endpoint { addr: ip.dst, port: u16::from_be_bytes([header[2], header[3]]) },
        segment,
        options,
        payload: data.captured.get(header_len..).unwrap_or_default(),
        tunnel,
    })
}
