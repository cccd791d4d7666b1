//! The TCP header (RFC 9293 §3.1).

use super::ip::IpInfo;
use super::{NotTcp, TcpPacket};
use crate::{Endpoint, Segment, SeqNumber, TcpFlags, TcpOptions};

/// Reads the TCP header at the start of `data`, the captured part of the IP payload.
pub(super) fn packet(ip: IpInfo, data: &[u8]) -> Result<TcpPacket<'_>, NotTcp> {
    let header: &[u8; 20] = data.first_chunk().ok_or(NotTcp::Cut)?;
    let header_len = usize::from(header[12] >> 4) * 4;
    if header_len < 20 || header_len > ip.payload_len {
        return Err(NotTcp::Malformed);
    }
    // A short snap length may cut the options; the fixed header tells enough.
    let options = TcpOptions::new(&data[20..header_len.min(data.len())]);
    let segment = Segment {
        seq: SeqNumber(u32::from_be_bytes([header[4], header[5], header[6], header[7]])),
        ack: SeqNumber(u32::from_be_bytes([header[8], header[9], header[10], header[11]])),
        flags: TcpFlags(header[13]),
        window: u16::from_be_bytes([header[14], header[15]]),
        ttl: ip.ttl,
        ip_id: ip.id,
        payload_len: u32::try_from(ip.payload_len - header_len).unwrap_or(u32::MAX),
        timestamps: options.timestamps(),
        has_options: header_len > 20,
    };
    Ok(TcpPacket {
        src: Endpoint { addr: ip.src, port: u16::from_be_bytes([header[0], header[1]]) },
        dst: Endpoint { addr: ip.dst, port: u16::from_be_bytes([header[2], header[3]]) },
        segment,
        options,
        payload: data.get(header_len..).unwrap_or_default(),
    })
}
