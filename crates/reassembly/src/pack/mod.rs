//! Connections in few bytes, for those that nothing happens to.
//!
//! A connection that is tracked takes a kilobyte and more; most are closed or idle, and there are many. One function
//! tells for each type which numbers make it up; [`Pack`] writes them, [`Unpack`] reads them in the same order, so that
//! the two cannot differ. Numbers are small because they are told as differences to others that are near, and are written
//! with seven bits a byte.

mod arena;
mod connection;
pub(crate) mod fields;

use crosscap_packet::{Endpoint, FrameRef};

use crate::Connection;
use crate::tracked::Tracked;

pub(crate) use arena::{Arena, Place};

/// Packs a connection behind what `into` holds, unless much of it cannot be packed. Nothing is lost.
pub(crate) fn pack(tracked: &mut Tracked, into: &mut Vec<u8>) -> bool {
    if !connection::is_small(&tracked.connection) {
        return false;
    }
    let mut pack = Pack(into);
    connection::head(&mut pack, &mut tracked.connection);
    connection::body(&mut pack, &mut tracked.connection);
    connection::live(&mut pack, tracked);
    true
}

/// The connection that was packed, for more packets.
pub(crate) fn unpack(packed: &[u8]) -> Tracked {
    let mut unpacked = Tracked::new(fields::NOBODY, fields::NOBODY, 0);
    let mut unpack = Unpack(packed);
    connection::head(&mut unpack, &mut unpacked.connection);
    connection::body(&mut unpack, &mut unpacked.connection);
    connection::live(&mut unpack, &mut unpacked);
    unpacked.catch_up();
    unpacked
}

/// The connection that was packed, to be looked at.
pub(crate) fn look(packed: &[u8]) -> Connection {
    let mut connection = Connection::new(fields::NOBODY, fields::NOBODY, 0);
    let mut unpack = Unpack(packed);
    connection::head(&mut unpack, &mut connection);
    connection::body(&mut unpack, &mut connection);
    connection.catch_up();
    connection
}

/// Originator and responder of a packed connection.
pub(crate) fn ends(packed: &[u8]) -> (Endpoint, Endpoint) {
    let mut ends = (fields::NOBODY, fields::NOBODY);
    let mut unpack = Unpack(packed);
    fields::endpoints(&mut unpack, [&mut ends.0, &mut ends.1]);
    ends
}

/// The frame of the first packet of a packed connection.
pub(crate) fn first_frame(packed: &[u8]) -> FrameRef {
    let mut unpack = Unpack(packed);
    let mut ends = [fields::NOBODY; 2];
    fields::endpoints(&mut unpack, ends.each_mut());
    let mut frame = fields::NO_FRAME;
    fields::frame(&mut unpack, &mut frame, fields::NO_FRAME);
    frame
}

/// Passes over the numbers of a value: writes them, or sets them to what was written.
pub(crate) trait Code {
    /// Whether values are set to what was written.
    const READS: bool;

    fn number(&mut self, value: &mut u64);

    /// A byte that needs all its bits.
    fn raw(&mut self, value: &mut u8);

    /// Near to `base`, in either direction.
    fn near(&mut self, value: &mut i64, base: i64);

    fn near_u64(&mut self, value: &mut u64, base: u64) {
        let mut signed = value.cast_signed();
        self.near(&mut signed, base.cast_signed());
        *value = signed.cast_unsigned();
    }

    /// A number modulo 2³², near to `base`.
    fn near_u32(&mut self, value: &mut u32, base: u32) {
        let mut away = i64::from(value.wrapping_sub(base).cast_signed());
        self.near(&mut away, 0);
        *value = base.wrapping_add(away as u32);
    }

    fn small(&mut self, value: &mut u32) {
        let mut number = u64::from(*value);
        self.number(&mut number);
        *value = number as u32;
    }

    /// As likely large as small.
    fn random(&mut self, value: &mut u32) {
        let mut bytes = value.to_le_bytes();
        bytes.iter_mut().for_each(|byte| self.raw(byte));
        *value = u32::from_le_bytes(bytes);
    }

    /// A short one that is as likely large as small.
    fn short_raw(&mut self, value: &mut u16) {
        let mut bytes = value.to_le_bytes();
        bytes.iter_mut().for_each(|byte| self.raw(byte));
        *value = u16::from_le_bytes(bytes);
    }

    fn short(&mut self, value: &mut u16) {
        let mut number = u64::from(*value);
        self.number(&mut number);
        *value = number as u16;
    }

    fn byte(&mut self, value: &mut u8) {
        let mut number = u64::from(*value);
        self.number(&mut number);
        *value = number as u8;
    }

    /// A value that may be absent; whether it is, was told before.
    fn option<T: Default>(
        &mut self,
        value: &mut Option<T>,
        is_present: bool,
        code: impl FnOnce(&mut Self, &mut T),
    ) {
        if is_present {
            code(self, value.get_or_insert_default());
        }
    }

    /// As many flags as there are, in one number.
    fn flags(&mut self, flags: &mut [bool]);

    /// Counters of which most are 0.
    fn counters<const N: usize>(&mut self, mut counters: [&mut u32; N]) {
        let mut present = 0;
        if !Self::READS {
            present = bits(counters.iter().map(|counter| **counter != 0));
        }
        self.number(&mut present);
        while let Some(counter) = counters.get_mut(present.trailing_zeros() as usize) {
            self.small(counter);
            present &= present - 1;
        }
    }
}

/// The first flag is the lowest bit.
fn bits(flags: impl DoubleEndedIterator<Item = bool>) -> u64 {
    flags.rev().fold(0, |bits, flag| bits << 1 | u64::from(flag))
}

/// Writes.
struct Pack<'a>(&'a mut Vec<u8>);

impl Code for Pack<'_> {
    const READS: bool = false;

    fn number(&mut self, value: &mut u64) {
        let mut rest = *value;
        while rest >= 0x80 {
            self.0.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        self.0.push(rest as u8);
    }

    fn raw(&mut self, value: &mut u8) {
        self.0.push(*value);
    }

    fn near(&mut self, value: &mut i64, base: i64) {
        let away = value.wrapping_sub(base);
        let mut zigzag = ((away << 1) ^ (away >> 63)).cast_unsigned();
        self.number(&mut zigzag);
    }

    fn flags(&mut self, flags: &mut [bool]) {
        self.number(&mut bits(flags.iter().copied()));
    }
}

/// Reads what [`Pack`] wrote; zeros behind its end.
struct Unpack<'a>(&'a [u8]);

impl Code for Unpack<'_> {
    const READS: bool = true;

    fn number(&mut self, value: &mut u64) {
        *value = self.read();
    }

    fn raw(&mut self, value: &mut u8) {
        if let Some((&byte, rest)) = self.0.split_first() {
            (*value, self.0) = (byte, rest);
        }
    }

    fn near(&mut self, value: &mut i64, base: i64) {
        let zigzag = self.read();
        let away = (zigzag >> 1).cast_signed() ^ -(zigzag & 1).cast_signed();
        *value = base.wrapping_add(away);
    }

    fn flags(&mut self, flags: &mut [bool]) {
        let mut bits = self.read();
        for flag in flags {
            *flag = bits & 1 == 1;
            bits >>= 1;
        }
    }
}

impl Unpack<'_> {
    #[inline]
    fn read(&mut self) -> u64 {
        match self.0 {
            &[byte, ref rest @ ..] if byte < 0x80 => {
                self.0 = rest;
                byte.into()
            }
            _ => self.long_number(),
        }
    }

    fn long_number(&mut self) -> u64 {
        if let Some(&bytes) = self.0.first_chunk() {
            let bytes = u64::from_le_bytes(bytes);
            let ends = !bytes & 0x8080_8080_8080_8080;
            if ends != 0 {
                let bits = ends.trailing_zeros() + 1;
                self.0 = &self.0[bits as usize / 8..];
                return sevens(bytes & (u64::MAX >> (64 - bits)));
            }
        }
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let Some((&byte, rest)) = self.0.split_first() else { break };
            self.0 = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                break;
            }
        }
        number
    }
}

/// The lower seven bits of each of eight bytes, one behind the other.
const fn sevens(bytes: u64) -> u64 {
    let pairs = (bytes & 0x007f_007f_007f_007f) | (bytes & 0x7f00_7f00_7f00_7f00) >> 1;
    let fours = (pairs & 0x0000_3fff_0000_3fff) | (pairs & 0x3fff_0000_3fff_0000) >> 2;
    (fours & 0x0fff_ffff) | (fours & 0x0fff_ffff_0000_0000) >> 4
}

#[cfg(test)]
mod tests;
