//! From overlapping intervals to disjoint ones.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crosscap_packet::Timestamp;

/// Bytes and how they were seen.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Seen {
    pub(super) start: i64,
    pub(super) end: i64,
    pub(super) count: u64,
    pub(super) first: Timestamp,
    pub(super) last: Timestamp,
}

impl Seen {
    pub(super) fn len(&self) -> u64 {
        (self.end - self.start).unsigned_abs()
    }

    pub(super) fn shifted(self, by: i64) -> Self {
        Self { start: self.start + by, end: self.end + by, ..self }
    }
}

/// Adds up what lies over each byte below `limit`: the sum of the counts, the earliest and the latest time. O(n log n).
pub(super) fn fold(mut all: Vec<Seen>, limit: i64) -> Vec<Seen> {
    all.retain(|s| s.start < s.end.min(limit));
    all.sort_unstable_by_key(|s| s.start);
    let (mut ends, mut firsts, mut lasts) =
        (BinaryHeap::new(), BinaryHeap::new(), BinaryHeap::new());
    let mut waiting = all.into_iter().peekable();
    let mut folded: Vec<Seen> = Vec::new();
    let (mut at, mut count) = (i64::MIN, 0_u64);
    loop {
        while let Some(Reverse((end, n))) = ends.peek()
            && *end <= at
        {
            count -= n;
            ends.pop();
        }
        while firsts.peek().is_some_and(|Reverse((_, end))| *end <= at) {
            firsts.pop();
        }
        while lasts.peek().is_some_and(|(_, end)| *end <= at) {
            lasts.pop();
        }
        let next = waiting.peek().map(|s| s.start);
        let until = ends.peek().map(|Reverse((end, _))| *end);
        match (firsts.peek(), lasts.peek(), until) {
            (Some(Reverse((first, _))), Some((last, _)), Some(until)) => {
                let end = next.map_or(until, |next| next.min(until));
                extend(&mut folded, Seen { start: at, end, count, first: *first, last: *last });
                at = end;
            }
            _ => match next {
                Some(next) => at = next,
                None => return folded,
            },
        }
        while let Some(s) = waiting.next_if(|s| s.start <= at) {
            let end = s.end.min(limit);
            // A sum beyond 2⁶⁴ stays there.
            let n = s.count.min(u64::MAX - count);
            count += n;
            ends.push(Reverse((end, n)));
            firsts.push(Reverse((s.first, end)));
            lasts.push((s.last, end));
        }
    }
}

fn extend(folded: &mut Vec<Seen>, next: Seen) {
    match folded.last_mut() {
        Some(last)
            if last.end == next.start
                && *last == (Seen { start: last.start, end: last.end, ..next }) =>
        {
            last.end = next.end;
        }
        _ => folded.push(next),
    }
}

/// Joins neighbours with the same count, two by two, until no more than `most` are left or none can be joined.
pub(super) fn join(seen: &mut Vec<Seen>, most: usize) {
    loop {
        let before = seen.len();
        let mut just_joined = false;
        seen.dedup_by(|next, last| {
            just_joined = !just_joined && last.end == next.start && last.count == next.count;
            if just_joined {
                last.end = next.end;
                last.first = last.first.min(next.first);
                last.last = last.last.max(next.last);
            }
            just_joined
        });
        if seen.len() <= most || seen.len() == before {
            return;
        }
    }
}
