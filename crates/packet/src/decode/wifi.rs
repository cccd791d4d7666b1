//! Wi-Fi (IEEE 802.11) and the headers that receivers put in front.

use super::NotTcp;
use super::bytes::Bytes;
use super::walk::{Next, Step};

/// Passes the header of a data frame. Encrypted frames, fragments and frames without data carry nothing to look at; of
/// an aggregate the first packet is taken.
pub(super) fn frame(bytes: Bytes<'_>) -> Result<Step<'_>, NotTcp> {
    let &[control, flags] = bytes.head()?;
    let (subtype, is_data) = (control >> 4, control & 0b1111 == 0b1000);
    if !is_data || subtype & NO_DATA != 0 || flags & (PROTECTED | MORE_FRAGMENTS) != 0 {
        return Err(NotTcp::NotIp);
    }
    let sequence = bytes.skip(22)?.head::<2>()?;
    if sequence[0] & 0x0f != 0 {
        return Err(NotTcp::NotIp);
    }
    let mut header_len = 24;
    if flags & (TO_DS | FROM_DS) == TO_DS | FROM_DS {
        header_len += 6;
    }
    let mut aggregate = false;
    if subtype & QOS != 0 {
        aggregate = bytes.skip(header_len)?.head::<1>()?[0] & AGGREGATE != 0;
        header_len += if flags & ORDER != 0 { 6 } else { 2 };
    }
    let payload = bytes.skip(header_len)?;
    if aggregate {
        // Two addresses and a length before each packet.
        let (len, first) = payload.be16_at(12)?;
        return Ok((Next::Llc, first.limit(usize::from(len))));
    }
    // Some hardware pads the header to a multiple of four.
    let padded = bytes.skip(header_len.next_multiple_of(4));
    match padded {
        Ok(padded) if !is_snap(payload) && is_snap(padded) => Ok((Next::Llc, padded)),
        _ => Ok((Next::Llc, payload)),
    }
}

fn is_snap(bytes: Bytes<'_>) -> bool {
    bytes.captured.starts_with(&[0xaa, 0xaa, 3])
}

/// Passes a radiotap header: version, pad, length in little-endian order.
pub(super) fn radiotap(bytes: Bytes<'_>) -> Result<Step<'_>, NotTcp> {
    let &[_, _, low, high] = bytes.head()?;
    Ok((Next::Wifi, bytes.skip(usize::from(u16::from_le_bytes([low, high])))?))
}

/// Passes a Prism or an AVS header: a magic number that says which, and a length, in the byte order of the host or of
/// the network.
pub(super) fn prism(bytes: Bytes<'_>) -> Result<Step<'_>, NotTcp> {
    let (magic, rest) = bytes.split::<4>()?;
    let len = *rest.head::<4>()?;
    let len = match u32::from_be_bytes(*magic) & 0xffff_f000 == AVS {
        true => u32::from_be_bytes(len),
        false => u32::from_le_bytes(len).min(u32::from_be_bytes(len)),
    };
    Ok((Next::Wifi, bytes.skip(usize::try_from(len).unwrap_or(usize::MAX))?))
}

const NO_DATA: u8 = 0b0100;
const QOS: u8 = 0b1000;

const TO_DS: u8 = 0x01;
const FROM_DS: u8 = 0x02;
const MORE_FRAGMENTS: u8 = 0x04;
const PROTECTED: u8 = 0x40;
const ORDER: u8 = 0x80;

const AGGREGATE: u8 = 0x80;

const AVS: u32 = 0x8021_1000;
