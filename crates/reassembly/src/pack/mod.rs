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

    /// Bytes that need all their bits.
    fn raw<const N: usize>(&mut self, bytes: &mut [u8; N]);

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
        self.raw(&mut bytes);
        *value = u32::from_le_bytes(bytes);
    }

    /// A short one that is as likely large as small.
    fn short_raw(&mut self, value: &mut u16) {
        let mut bytes = value.to_le_bytes();
        self.raw(&mut bytes);
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

    /// Seven bits a byte. The zeros below the lowest one of the first byte tell how many bytes follow, so that they are
    /// read and written as one word; none but zeros, that there are eight with all their bits.
    fn number(&mut self, value: &mut u64) {
        let len = (u64::BITS - (*value | 1).leading_zeros()).div_ceil(7);
        if len > 8 {
            self.0.push(0);
            self.0.extend_from_slice(&value.to_le_bytes());
            return;
        }
        let word = *value << len | 1 << (len - 1);
        self.0.extend_from_slice(&word.to_le_bytes());
        self.0.truncate(self.0.len() - 8 + len as usize);
    }

    fn raw<const N: usize>(&mut self, bytes: &mut [u8; N]) {
        self.0.extend_from_slice(bytes);
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

    fn raw<const N: usize>(&mut self, bytes: &mut [u8; N]) {
        if let Some((chunk, rest)) = self.0.split_first_chunk() {
            (*bytes, self.0) = (*chunk, rest);
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
        let word = self.word();
        let len = (word as u8).trailing_zeros() + 1;
        if len > 8 {
            self.skip(1);
            let all = self.word();
            self.skip(8);
            return all;
        }
        self.skip(len as usize);
        let above = u64::BITS - 8 * len;
        (word << above >> above) >> len
    }

    /// The next eight bytes.
    fn word(&self) -> u64 {
        let mut bytes = [0; 8];
        match self.0.first_chunk() {
            Some(chunk) => bytes = *chunk,
            None => bytes[..self.0.len()].copy_from_slice(self.0),
        }
        u64::from_le_bytes(bytes)
    }

    fn skip(&mut self, bytes: usize) {
        self.0 = self.0.get(bytes..).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests;
