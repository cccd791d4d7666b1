//! Which bytes of a flow were seen, how often and when.

mod builder;
mod compare;
mod fold;

pub use builder::LedgerBuilder;
pub use compare::Difference;
use crosscap_packet::{SeqNumber, Timestamp};
use fold::{Seen, fold};

/// How often each byte of a flow was captured, and when first and last. Payload is not looked at.
///
/// Ledgers of parts of a capture make the ledger of the whole, in whatever order they are merged: to each byte belongs
/// the sum of the counts, the earliest and the latest time ([`Self::merge`]).
///
/// Offsets count from the byte behind the SYN, or, where no SYN was captured, from the lowest byte that was; where a
/// ledger has bytes below the SYN, those have negative offsets.
///
/// # Limits
///
/// A ledger has at most [`Self::MAX_INTERVALS`] intervals. Where there are more, neighbours with the same count are
/// joined first: counts stay exact, times become bounds ([`Self::joined`]). If that does not suffice, all from some
/// offset on is forgotten ([`Self::complete_to`]). Below it, counts do not depend on the order of merging even then; the
/// offset itself and the times may.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    /// Disjoint, in order, none empty, neighbours different. Positions are sequence numbers, and multiples of 2³² more
    /// or less.
    seen: Vec<Seen>,
    /// The position behind the SYN.
    start: Option<i64>,
    acked: Option<i64>,
    /// Nothing from here on was kept.
    forgotten: Option<i64>,
    joined: u64,
}

/// Bytes that were all seen equally often, at the same times.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Coverage {
    /// Offset of the first byte.
    pub offset: i64,
    /// How many bytes.
    pub len: u64,
    /// How often they were captured: at least once.
    pub count: u64,
    /// When first.
    pub first: Timestamp,
    /// When last.
    pub last: Timestamp,
}

impl Ledger {
    /// The ledger of a single segment: `len` bytes from `seq` on.
    #[must_use]
    pub fn of(seq: SeqNumber, len: u32, time: Timestamp) -> Self {
        let mut builder = LedgerBuilder::new();
        builder.add(seq, len, time);
        builder.finish()
    }

    /// What both have seen together. Commutative and associative, and the default is neutral, but for the limits of
    /// [`Ledger`].
    ///
    /// Numbers that have no SYN to be counted from lie next to the highest that the other ledger had seen by then: the
    /// one that begins later is put there where the fewest bytes lie between. That is right unless more than 2 GiB were
    /// sent in between that neither has seen.
    #[must_use]
    pub fn merge(&self, other: &Self) -> Self {
        let shift = self.shift_of(other);
        let mut merged = self.clone();
        merged.seen.extend(other.seen.iter().map(|s| s.shifted(shift)));
        let shifted = |at: Option<i64>| at.map(|at| at + shift);
        merged.start = least(self.start, shifted(other.start));
        merged.acked = self.acked.max(shifted(other.acked));
        merged.forgotten = least(self.forgotten, shifted(other.forgotten));
        merged.joined = self.joined.saturating_add(other.joined);
        merged.settle();
        merged
    }

    /// The intervals, in order.
    pub fn intervals(&self) -> impl ExactSizeIterator<Item = Coverage> + '_ {
        let origin = self.origin();
        self.seen.iter().map(move |s| Coverage {
            offset: s.start - origin,
            len: s.len(),
            count: s.count,
            first: s.first,
            last: s.last,
        })
    }

    /// How often the byte at an offset was captured.
    #[must_use]
    pub fn count_at(&self, offset: i64) -> u64 {
        let at = self.origin().saturating_add(offset);
        let next = self.seen.partition_point(|s| s.end <= at);
        self.seen.get(next).filter(|s| s.start <= at).map_or(0, |s| s.count)
    }

    /// The sequence number at an offset.
    #[must_use]
    pub fn number_at(&self, offset: i64) -> SeqNumber {
        number(self.origin().wrapping_add(offset))
    }

    /// Distinct bytes captured.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.seen.iter().map(Seen::len).sum()
    }

    /// Bytes captured more than once: each copy but the first.
    #[must_use]
    pub fn repeated(&self) -> u64 {
        let repeated = self.seen.iter().map(|s| s.len().saturating_mul(s.count - 1));
        repeated.fold(0, u64::saturating_add)
    }

    /// What is missing between the bytes captured, and between the SYN and them: offset and length.
    pub fn holes(&self) -> impl Iterator<Item = (i64, u64)> + '_ {
        self.missing(self.seen.last().map_or(i64::MIN, |s| s.end))
    }

    /// What the peer acknowledged and the capture has not: offset and length. The last byte may be a FIN.
    pub fn acked_unseen(&self) -> impl Iterator<Item = (i64, u64)> + '_ {
        let end = self.acked.map(|acked| acked.min(self.forgotten.unwrap_or(acked)));
        self.missing(end.unwrap_or(i64::MIN))
    }

    /// What is missing from offset 0 up to a position.
    fn missing(&self, end: i64) -> impl Iterator<Item = (i64, u64)> + '_ {
        let origin = self.origin();
        let ends = self.seen.iter().map(|s| (s.start, s.end));
        let mut at = origin;
        ends.chain([(end, end)]).filter_map(move |(next, seen)| {
            let (from, to) = (at, next.min(end));
            at = at.max(seen);
            (from < to).then(|| (from - origin, (to - from).unsigned_abs()))
        })
    }

    /// How often two neighbours were joined for lack of room.
    #[must_use]
    pub const fn joined(&self) -> u64 {
        self.joined
    }

    /// The offset from which on nothing was kept for lack of room; `None` where all was.
    #[must_use]
    pub fn complete_to(&self) -> Option<i64> {
        self.forgotten.map(|at| at - self.origin())
    }

    /// The position of offset 0.
    fn origin(&self) -> i64 {
        let lowest = || self.seen.first().map(|s| s.start);
        self.start.or_else(lowest).or(self.acked).or(self.forgotten).unwrap_or(0)
    }

    /// How far the positions of `other` have to be moved to be those of `self`: a multiple of 2³².
    fn shift_of(&self, other: &Self) -> i64 {
        if let (Some(here), Some(there)) = (self.start, other.start)
            && number(here) == number(there)
        {
            return here - there;
        }
        match (self.begins(), other.begins()) {
            (Some(here), Some(there)) if here <= there => {
                laps(other.lowest(), self.highest_by(there.0))
            }
            (Some(here), Some(_)) => -laps(self.lowest(), other.highest_by(here.0)),
            _ => laps(other.lowest(), self.lowest()),
        }
    }

    /// When the first byte was seen; then, what tells two apart that begin at once.
    fn begins(&self) -> Option<(Timestamp, u32)> {
        let first = self.seen.iter().map(|s| s.first).min()?;
        Some((first, number(self.lowest()).0))
    }

    fn lowest(&self) -> i64 {
        let seen = self.seen.first().map(|s| s.start);
        seen.or(self.start).or(self.acked).or(self.forgotten).unwrap_or(0)
    }

    /// The highest byte seen by then.
    fn highest_by(&self, time: Timestamp) -> i64 {
        let by_then = self.seen.iter().rfind(|s| s.first <= time);
        by_then.map_or_else(|| self.lowest(), |s| s.end)
    }

    /// Makes the intervals disjoint and few.
    fn settle(&mut self) {
        let seen = std::mem::take(&mut self.seen);
        self.seen = fold(seen, self.forgotten.unwrap_or(i64::MAX));
        if self.seen.len() > Self::MAX_INTERVALS {
            let before = self.seen.len();
            // Room for more, so that this is not done again and again.
            fold::join(&mut self.seen, Self::MAX_INTERVALS / 2);
            self.joined = self.joined.saturating_add((before - self.seen.len()) as u64);
        }
        if let Some(beyond) = self.seen.get(Self::MAX_INTERVALS) {
            self.forgotten = Some(beyond.start);
            self.seen.truncate(Self::MAX_INTERVALS);
        }
    }

    /// The most intervals that a ledger has.
    pub const MAX_INTERVALS: usize = 65_536;
}

/// The same bytes, counted from the same number: whole laps of 2³² do not matter.
impl PartialEq for Ledger {
    fn eq(&self, other: &Self) -> bool {
        let shift = self.lowest() - other.lowest();
        let shifted = |at: Option<i64>| at.map(|at| at + shift);
        shift.rem_euclid(LAP) == 0
            && self.seen.iter().copied().eq(other.seen.iter().map(|s| s.shifted(shift)))
            && self.start == shifted(other.start)
            && self.acked == shifted(other.acked)
            && self.forgotten == shifted(other.forgotten)
            && self.joined == other.joined
    }
}

impl Eq for Ledger {}

/// The multiple of 2³² that brings `at` nearest to `near`.
fn laps(at: i64, near: i64) -> i64 {
    let nearest = near + i64::from(number(at).ahead_of(number(near)));
    nearest - at
}

fn number(at: i64) -> SeqNumber {
    SeqNumber(at as u32)
}

fn least(a: Option<i64>, b: Option<i64>) -> Option<i64> {
    a.into_iter().chain(b).min()
}

const LAP: i64 = 1 << 32;
