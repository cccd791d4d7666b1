//! A datagram of which fragments are missing.

use std::collections::BTreeMap;

use super::Datagram;
use crate::decode::{Context, Ip};
use crate::{Fragment, Timestamp};

/// What there is of a datagram. All costs of a fragment are those of its own bytes and of the pieces that it joins:
/// many small ones are no worse than few.
#[derive(Debug)]
pub(super) struct Pending {
    /// The how-manieth datagram.
    place: u64,
    begun: Timestamp,
    /// By the fragment that is the last one.
    len: Option<u32>,
    /// Start and end of what has come, neighbours joined.
    covered: BTreeMap<u32, u32>,
    /// Captured bytes by their offset, none of them twice: where in `bytes` they begin, and how many.
    pieces: BTreeMap<u32, (usize, usize)>,
    /// Captured bytes in the order they came.
    bytes: Vec<u8>,
    head: Option<Head>,
    overlapped: bool,
}

/// What the fragment at offset 0 says.
#[derive(Clone, Copy, Debug)]
struct Head {
    protocol: u8,
    ttl: u8,
    nested: u8,
}

impl Pending {
    pub(super) const fn new(place: u64, begun: Timestamp) -> Self {
        Self {
            place,
            begun,
            len: None,
            covered: BTreeMap::new(),
            pieces: BTreeMap::new(),
            bytes: Vec::new(),
            head: None,
            overlapped: false,
        }
    }

    pub(super) const fn place(&self) -> u64 {
        self.place
    }

    pub(super) const fn begun(&self) -> Timestamp {
        self.begun
    }

    /// Memory in bytes, rather more than less.
    pub(super) fn cost(&self) -> usize {
        DATAGRAM_COST
            + self.bytes.capacity()
            + PIECE_COST * (self.pieces.len() + self.covered.len())
    }

    /// Takes a fragment; says whether it overlaps others without repeating them, or contradicts the length.
    pub(super) fn push(&mut self, fragment: &Fragment<'_>) -> bool {
        let (start, end) = (fragment.offset, fragment.offset + fragment.len);
        if start == 0 && self.head.is_none() {
            let Fragment { protocol, ttl, nested, .. } = *fragment;
            self.head = Some(Head { protocol, ttl, nested });
        }
        if !fragment.more && self.len.is_none() {
            self.len = Some(end);
        }
        let holes = self.cover(start, end);
        let new: u32 = holes.iter().map(|(from, to)| to - from).sum();
        let repeats = new == 0 && self.agrees(start, fragment.data);
        for (from, to) in holes {
            self.keep(from, &fragment.data[within(fragment, from)..within(fragment, to)]);
        }
        let covered = self.covered.last_key_value().map_or(0, |(_, end)| *end);
        let contradicts = self.len.is_some_and(|len| covered > len || !fragment.more && end != len);
        let overlaps = contradicts || new < fragment.len && !repeats;
        self.overlapped |= overlaps;
        overlaps
    }

    pub(super) fn is_complete(&self) -> bool {
        self.covered.get(&0).zip(self.len).is_some_and(|(covered, len)| *covered >= len)
    }

    /// The datagram, once it is complete; `last` is any of its fragments.
    pub(super) fn into_datagram(self, last: &Fragment<'_>) -> Option<Datagram> {
        let (head, len) = (self.head?, self.len? as usize);
        let mut bytes = Vec::with_capacity(self.bytes.len());
        for (offset, (from, n)) in self.pieces {
            if offset as usize != bytes.len() {
                break;
            }
            bytes.extend_from_slice(&self.bytes[from..from + n]);
        }
        bytes.truncate(len);
        let id = if last.src.is_ipv4() { last.id as u16 } else { 0 };
        Some(Datagram {
            ip: Ip { src: last.src, dst: last.dst, ttl: head.ttl, id },
            protocol: head.protocol,
            bytes,
            len,
            context: Context::inside(last.tunnel, head.nested),
            overlapped: self.overlapped,
        })
    }

    /// Covers what lies between; gives what of it was not covered before.
    fn cover(&mut self, start: u32, end: u32) -> Vec<(u32, u32)> {
        let (mut joined_start, mut joined_end) = (start, end);
        let mut holes = Vec::new();
        let mut at = start;
        let before = self.covered.range(..start).next_back().filter(|(_, e)| **e >= start);
        let mut next = before.or_else(|| self.covered.range(start..=end).next());
        while let Some((&s, &e)) = next {
            if s > at {
                holes.push((at, s));
            }
            at = at.max(e);
            (joined_start, joined_end) = (joined_start.min(s), joined_end.max(e));
            self.covered.remove(&s);
            next = self.covered.range(start..=end).next();
        }
        if at < end {
            holes.push((at, end));
        }
        self.covered.insert(joined_start, joined_end);
        holes
    }

    fn keep(&mut self, offset: u32, data: &[u8]) {
        if !data.is_empty() {
            self.pieces.insert(offset, (self.bytes.len(), data.len()));
            self.bytes.extend_from_slice(data);
        }
    }

    /// Whether the bytes kept from `start` on are those of `data`, as far as both were captured.
    fn agrees(&self, start: u32, data: &[u8]) -> bool {
        let end = start + data.len() as u32;
        let before = self.pieces.range(..start).next_back();
        before.into_iter().chain(self.pieces.range(start..end)).all(|(&offset, &(from, n))| {
            let kept = &self.bytes[from..from + n];
            let skipped = start.saturating_sub(offset) as usize;
            let into = offset.saturating_sub(start) as usize;
            let (kept, data) = (kept.get(skipped..).unwrap_or_default(), &data[into..]);
            kept.iter().zip(data).all(|(a, b)| a == b)
        })
    }
}

/// How many of the fragment's captured bytes lie before `offset` of the datagram.
fn within(fragment: &Fragment<'_>, offset: u32) -> usize {
    ((offset - fragment.offset) as usize).min(fragment.data.len())
}

/// Of an entry in each of the three tables.
const DATAGRAM_COST: usize = 768;

/// Of an entry in a tree.
const PIECE_COST: usize = 64;
