//! IP fragments, and a model that puts them together byte by byte.

/// One fragment of the input.
#[derive(Clone, Copy, Debug)]
pub struct Piece {
    pub is_v6: bool,
    /// Of the datagram.
    pub id: u8,
    /// In the datagram, in bytes.
    pub offset: usize,
    /// On the wire, in bytes.
    pub len: usize,
    pub more: bool,
    /// How much the clock goes on, in any unit.
    pub tick: i8,
    ttl: u8,
    captured: usize,
    // Of what is in the datagram; pieces of a kind repeat each other where they overlap.
    kind: u8,
}

impl Piece {
    /// From eight bytes of the input.
    pub fn new(&[which, place, far, len, captured, tick, kind, long]: &[u8; 8]) -> Self {
        // Most lie near the start, where they meet.
        let units = if far < 250 { place.into() } else { 32 * usize::from(place) };
        let len = if long < 250 { len.into() } else { 16 * usize::from(len) };
        Self {
            is_v6: which & 1 != 0,
            id: which >> 2 & if which & 2 != 0 { 0x3f } else { 3 },
            offset: units * 8,
            len,
            more: kind & 1 != 0,
            tick: tick as i8,
            ttl: 64 - (kind >> 6),
            captured: len.saturating_sub(captured.saturating_sub(128).into()),
            kind: kind >> 1 & 1,
        }
    }

    /// A packet that holds it (link type 101), and its length on the wire.
    pub fn frame(&self) -> (Vec<u8>, u32) {
        let (more, offset) = (u16::from(self.more), self.offset as u16);
        let mut frame = if self.is_v6 {
            let place = offset | more;
            let mut head = ip_header(true, self.id, 0, self.ttl, 8 + self.len);
            head[6] = 44;
            head.extend([TCP, 0]);
            head.extend(place.to_be_bytes());
            head.extend([0, 0, 0, self.id]);
            head
        } else {
            ip_header(false, self.id, (more << 13) | (offset / 8), self.ttl, self.len)
        };
        let on_wire = frame.len() + self.len;
        frame.extend(self.data());
        (frame, on_wire as u32)
    }

    /// The part of it that was captured.
    pub fn data(&self) -> Vec<u8> {
        (self.offset..self.offset + self.captured).map(|at| self.byte(at)).collect()
    }

    /// Whether it is a datagram of its own.
    pub fn is_whole(&self) -> bool {
        self.offset == 0 && !self.more
    }

    /// Whether there can be such a fragment.
    pub fn fits(&self) -> bool {
        self.len > 0 && self.offset + self.len <= 65_535
    }

    /// A TCP header in front, so that there is something to decode.
    fn byte(&self, at: usize) -> u8 {
        match at {
            12 => 0x50,
            13 => 0x18,
            20.. => (at * 7 % 251) as u8 ^ self.kind,
            _ => at as u8,
        }
    }
}

/// A datagram of which pieces have come.
#[derive(Debug, Default)]
pub struct Model {
    /// Nothing where no piece was; then the byte, where it was captured.
    bytes: Vec<Option<Option<u8>>>,
    len: Option<usize>,
    ttl: Option<u8>,
    pub overlapped: bool,
}

impl Model {
    /// Takes a piece; tells whether it overlaps others without repeating them, or contradicts the length.
    pub fn push(&mut self, piece: &Piece) -> bool {
        let (end, data) = (piece.offset + piece.len, piece.data());
        self.bytes.resize(self.bytes.len().max(end), None);
        let (mut new, mut differs) = (0, false);
        for (i, place) in self.bytes[piece.offset..end].iter_mut().enumerate() {
            let byte = data.get(i).copied();
            match place {
                None => {
                    new += 1;
                    *place = Some(byte);
                }
                Some(old) => differs |= old.zip(byte).is_some_and(|(old, byte)| old != byte),
            }
        }
        if piece.offset == 0 {
            self.ttl.get_or_insert(piece.ttl);
        }
        if !piece.more {
            self.len.get_or_insert(end);
        }
        let contradicts =
            self.len.is_some_and(|len| self.bytes.len() > len || (!piece.more && end != len));
        let repeats = new == 0 && !differs;
        let overlaps = contradicts || (new < piece.len && !repeats);
        self.overlapped |= overlaps;
        overlaps
    }

    /// Whether no byte is missing.
    pub fn is_complete(&self) -> bool {
        let there = |len| self.bytes.get(..len).is_some_and(|b| b.iter().all(Option::is_some));
        self.len.is_some_and(there)
    }

    /// The packet as it was before it was fragmented (link type 101), and its length on the wire.
    pub fn frame(&self, last: &Piece) -> (Vec<u8>, u32) {
        let (len, ttl) = (self.len.unwrap_or(0), self.ttl.unwrap_or(0));
        let mut frame = ip_header(last.is_v6, last.id, 0, ttl, len);
        let on_wire = frame.len() + len;
        frame.extend(self.bytes[..len].iter().map_while(|byte| byte.flatten()));
        (frame, on_wire as u32)
    }
}

/// `len` is that of the payload.
fn ip_header(is_v6: bool, id: u8, place: u16, ttl: u8, len: usize) -> Vec<u8> {
    let mut head = Vec::with_capacity(48);
    if is_v6 {
        head.extend([0x60, 0, 0, 0]);
        head.extend((len as u16).to_be_bytes());
        head.extend([TCP, ttl]);
        head.extend([0xfd; 32]);
    } else {
        head.extend([0x45, 0]);
        // As of a packet that is longer than the field can say.
        head.extend(u16::try_from(20 + len).unwrap_or(0).to_be_bytes());
        head.extend([0, id]);
        head.extend(place.to_be_bytes());
        head.extend([ttl, TCP, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
    }
    head
}

const TCP: u8 = 6;
