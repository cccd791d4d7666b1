//! pcap and pcapng as their specifications say, for files that are wholly in memory. Slow, simple, and no code in common
//! with `crosscap-parser`. Limits of length are left out: inputs are shorter.

/// A packet, by its place in the file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Place {
    /// Where its record or block begins.
    pub offset: usize,
    /// Where its data begins.
    pub start: usize,
    /// Bytes captured.
    pub len: usize,
    /// Bytes on the wire.
    pub original_len: u32,
    /// Link type.
    pub link_type: u16,
    /// Interface, counted over all sections.
    pub interface: u32,
}

/// The packets of a pcap file whose header is good, up to the damage or the end; and where that is.
pub fn pcap(bytes: &[u8]) -> (Vec<Place>, usize) {
    let (big, head) = pcap_order(bytes);
    let word = |at| word(bytes, at, big);
    let is_old = half(bytes, 6, big).is_some_and(|minor| minor < 4);
    let link_type = word(20).unwrap_or(0) as u16;
    let (mut packets, mut offset) = (Vec::new(), 24);
    while let (Some(a), Some(b)) = (word(offset + 8), word(offset + 12)) {
        let (captured, original_len) = if is_old { (a.min(b), a.max(b)) } else { (a, b) };
        let (start, len) = (offset + head, captured as usize);
        if start + len > bytes.len() {
            break;
        }
        // What a crash or a preallocated file leaves.
        let zeros = bytes[offset..].iter().take(MOST_ZEROS).take_while(|b| **b == 0).count();
        let is_tail = zeros == bytes.len() - offset && zeros < MOST_ZEROS;
        if zeros >= 16 && zeros >= if is_tail { LEAST_ZEROS } else { MOST_ZEROS } {
            break;
        }
        packets.push(Place { offset, start, len, original_len, link_type, interface: 0 });
        offset = start + len;
    }
    (packets, offset)
}

const LEAST_ZEROS: usize = 64;
const MOST_ZEROS: usize = 64 << 10;

/// The same for a pcapng file.
pub fn pcapng(bytes: &[u8]) -> (Vec<Place>, usize) {
    let (mut packets, mut offset) = (Vec::new(), 0);
    let (mut big, mut interfaces, mut first) = (false, Vec::new(), 0);
    loop {
        let kind = word(bytes, offset, big);
        if kind == Some(SECTION) {
            match word(bytes, offset + 8, true) {
                Some(0x1a2b_3c4d) => big = true,
                Some(0x4d3c_2b1a) => big = false,
                _ => break,
            }
        }
        let word = |at: usize| word(bytes, offset + at, big);
        let half = |at: usize| half(bytes, offset + at, big).unwrap_or(0);
        let (Some(kind), Some(len)) = (kind, word(4)) else { break };
        let len = len as usize;
        if len < 12
            || !len.is_multiple_of(4)
            || offset + len > bytes.len()
            || word(len - 4) != word(4)
        {
            break;
        }
        let mut packet = |head: usize,
                          id: u32,
                          captured: Option<u32>,
                          original_len: Option<u32>| {
            let index = first + id as usize;
            if let (Some(&(link_type, snap_len)), Some(original_len)) =
                (interfaces.get(index), original_len)
            {
                let limit = if snap_len == 0 { u32::MAX } else { snap_len };
                let captured = captured.unwrap_or(original_len.min(limit)) as usize;
                if len >= head + 4 && captured <= len - head - 4 {
                    let (start, interface) = (offset + head, index as u32);
                    let len = captured;
                    packets.push(Place { offset, start, len, original_len, link_type, interface });
                }
            }
        };
        match kind {
            SECTION if len < 28 || half(12) != 1 => break,
            SECTION => first = interfaces.len(),
            1 if len < 20 => break,
            1 => interfaces.push((half(8), word(12).unwrap_or(0))),
            2 if len >= 32 => packet(28, half(8).into(), word(20), word(24)),
            3 if len >= 16 => packet(12, 0, None, word(8)),
            6 if len >= 32 => packet(28, word(8).unwrap_or(0), word(20), word(24)),
            _ => {}
        }
        offset += len;
    }
    (packets, offset)
}

/// Makes damaged lengths good, so that a mutation does not hide all that lies behind it.
pub fn mend_pcap(bytes: &mut [u8]) {
    let (big, head) = pcap_order(bytes);
    let mut offset = 24;
    while let Some(captured) = word(bytes, offset + 8, big) {
        let Some(room) = bytes.len().checked_sub(offset + head) else { break };
        let good = if captured as usize <= room { captured } else { captured % 128 };
        put(bytes, offset + 8, big, good);
        offset += head + good as usize;
    }
}

/// The same for the blocks of pcapng: both lengths of a block agree, and lie in the file.
pub fn mend_pcapng(bytes: &mut [u8]) {
    let (mut offset, mut big) = (0, false);
    while let (Some(kind), Some(mark)) = (word(bytes, offset, big), word(bytes, offset + 8, true)) {
        if kind == SECTION {
            big = mark == 0x1a2b_3c4d;
        }
        let (Some(len), room) = (word(bytes, offset + 4, big), bytes.len() - offset) else { break };
        let is_good = len >= 12 && len.is_multiple_of(4) && len as usize <= room;
        let good = if is_good { len } else { 12 + len % 32 * 4 };
        put(bytes, offset + 4, big, good);
        put(bytes, offset + good as usize - 4, big, good);
        offset += good as usize;
    }
}

/// Whether big-endian, and the length of record headers.
fn pcap_order(bytes: &[u8]) -> (bool, usize) {
    let big = bytes.first() == Some(&0xa1);
    (big, if word(bytes, 0, big) == Some(0xa1b2_cd34) { 24 } else { 16 })
}

fn word(bytes: &[u8], at: usize, big: bool) -> Option<u32> {
    let bytes = *bytes.get(at..)?.first_chunk()?;
    Some(if big { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
}

fn half(bytes: &[u8], at: usize, big: bool) -> Option<u16> {
    let bytes = *bytes.get(at..)?.first_chunk()?;
    Some(if big { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
}

fn put(bytes: &mut [u8], at: usize, big: bool, word: u32) {
    if let Some(place) = bytes.get_mut(at..at + 4) {
        place.copy_from_slice(&if big { word.to_be_bytes() } else { word.to_le_bytes() });
    }
}

const SECTION: u32 = 0x0a0d_0d0a;
