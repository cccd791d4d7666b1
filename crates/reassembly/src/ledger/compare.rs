//! What two points saw of the same flow.

use super::fold::Seen;
use super::{Ledger, laps, number};

/// Bytes that each of two points has captured equally often throughout.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Difference {
    /// Offset of the first byte, in the ledger that was asked; negative where only the other has bytes so low.
    pub offset: i64,
    /// How many bytes.
    pub len: u64,
    /// How often they were captured at the point that was asked.
    pub here: u64,
    /// How often at the other.
    pub there: u64,
}

impl Ledger {
    /// The bytes that either has seen, in order, as intervals as long as possible.
    ///
    /// Sequence numbers have to be the same at both points. They are counted from the SYN where both have it, else the
    /// lowest bytes of both lie within 2 GiB of each other. Times do not matter: the points' clocks may differ. Where
    /// [`Ledger::complete_to`] says that one is not complete, the comparison ends there.
    #[must_use]
    pub fn compare(&self, other: &Self) -> Vec<Difference> {
        let shift = match (self.start, other.start) {
            (Some(here), Some(there)) if number(here) == number(there) => here - there,
            _ => laps(other.lowest(), self.lowest()),
        };
        let origin = self.origin();
        let forgotten = [self.forgotten, other.forgotten.map(|at| at + shift)];
        let limit = forgotten.into_iter().flatten().min().unwrap_or(i64::MAX);
        let mut differences: Vec<Difference> = Vec::new();
        let (mut here, mut there) = (&self.seen[..], &other.seen[..]);
        let mut at = i64::MIN;
        loop {
            let (h, next_h) = part(&mut here, 0, at);
            let (t, next_t) = part(&mut there, shift, at);
            let end = next_h.min(next_t).min(limit);
            if h + t > 0 && at < end {
                let (offset, len) = (at - origin, (end - at).unsigned_abs());
                match differences.last_mut() {
                    Some(d) if (d.here, d.there) == (h, t) && d.offset + d.len as i64 == offset => {
                        d.len += len;
                    }
                    _ => differences.push(Difference { offset, len, here: h, there: t }),
                }
            }
            if end >= limit {
                return differences;
            }
            at = end;
        }
    }
}

/// The count at `at`, and up to where it is the same; what lies below goes away.
fn part(seen: &mut &[Seen], shift: i64, at: i64) -> (u64, i64) {
    while let Some((first, rest)) = seen.split_first()
        && first.end + shift <= at
    {
        *seen = rest;
    }
    match seen.first() {
        None => (0, i64::MAX),
        Some(s) if s.start + shift > at => (0, s.start + shift),
        Some(s) => (s.count, s.end + shift),
    }
}
