//! Where records begin again.

use std::ops::Range;

use crosscap_packet::Timestamp;

use super::{Chain, FAR, Link, Salvage};

/// A search through bytes for the first record that is proven. Linear in their number: chains that meet are one from
/// there on, and what a chain has failed from is not tried again.
pub(super) struct Search<'a, C> {
    pub(super) chain: &'a C,
    seen: Salvage,
}

impl<'a, C: Chain> Search<'a, C> {
    pub(super) const fn new(chain: &'a C, seen: &Salvage) -> Self {
        Self { chain, seen: *seen }
    }

    /// Longer than a packet, its headers included.
    const fn span(&self) -> usize {
        self.seen.longest + HEADERS
    }

    /// Bytes from a record on that may be needed to prove it.
    pub(super) const fn window(&self) -> usize {
        2 * (self.span() + HEADERS)
    }

    fn link(&self, bytes: &[u8], at: usize) -> Option<Link> {
        self.chain.link(bytes.get(at..)?, self.seen.longest)
    }

    /// The first of `starts` where a chain begins that is proven. `ends` where the file does with `bytes`.
    pub(super) fn find(&self, bytes: &[u8], starts: Range<usize>, ends: bool) -> Option<usize> {
        let mut failed = Places::default();
        starts.into_iter().find_map(|start| self.prove(bytes, start, ends, &mut failed))
    }

    /// Whether the record at `start` is proven.
    pub(super) fn proves(&self, bytes: &[u8], start: usize, ends: bool) -> bool {
        self.prove(bytes, start, ends, &mut Places::default()) == Some(start)
    }

    /// The first record to be believed of the chain from `start`.
    fn prove(&self, bytes: &[u8], start: usize, ends: bool, failed: &mut Places) -> Option<usize> {
        let times = self.seen.times();
        let is_near = |link: &Link| link.time.is_none_or(|time| times.contains(&time.0));
        let mut here = self.link(bytes, start).filter(|link| link.may_begin && is_near(link))?;
        let mut at = start;
        if failed.contains(at) {
            return None;
        }
        loop {
            // True unless the chain is proven, and then nobody asks.
            failed.insert(at, bytes.len());
            let next = at + here.len;
            if ends && next == bytes.len() {
                return self.first_in_time(bytes, start..=at, here.time, false);
            }
            let there = self.link(bytes, next).filter(|there| {
                !failed.contains(next) && here.time.zip(there.time).is_none_or(are_near)
            })?;
            (at, here) = (next, there);
            if at - start > self.span() {
                return self.first_in_time(bytes, start..=at, here.time, true);
            }
        }
    }

    /// The first record of a proven chain that lies in time between the last good packet and the chain's end. A packet
    /// that carries a capture file up to its own end leads into the chain as well, but its records are older.
    fn first_in_time(
        &self,
        bytes: &[u8],
        chain: std::ops::RangeInclusive<usize>,
        end: Option<Timestamp>,
        is_long: bool,
    ) -> Option<usize> {
        let (start, last_at) = chain.into_inner();
        let (Some(last), Some(end)) = (self.seen.last, end) else { return Some(start) };
        let times = last.0.saturating_sub(DISORDER)..=end.0.saturating_add(DISORDER);
        if times.is_empty() {
            // The clock was set back. Only a long chain can be trusted to tell that.
            return is_long.then_some(start);
        }
        let mut at = start;
        while at <= last_at {
            let link = self.link(bytes, at)?;
            if link.time.is_some_and(|time| times.contains(&time.0)) {
                return Some(at);
            }
            at += link.len;
        }
        None
    }
}

/// Whether two packets may follow each other.
pub(super) fn are_near((a, b): (Timestamp, Timestamp)) -> bool {
    a.0.abs_diff(b.0) <= FAR as u64
}

/// A set of places in the bytes searched.
#[derive(Default)]
struct Places {
    words: Vec<u64>,
}

impl Places {
    fn contains(&self, place: usize) -> bool {
        self.words.get(place / 64).is_some_and(|word| word >> (place % 64) & 1 != 0)
    }

    /// `places` is how many there are.
    fn insert(&mut self, place: usize, places: usize) {
        if self.words.is_empty() {
            self.words = vec![0; places.div_ceil(64)];
        }
        if let Some(word) = self.words.get_mut(place / 64) {
            *word |= 1 << (place % 64);
        }
    }
}

/// More than a record's headers.
const HEADERS: usize = 64;
/// How far back in time a record may lie behind the one before it, in nanoseconds.
const DISORDER: i64 = 1_000_000_000;
