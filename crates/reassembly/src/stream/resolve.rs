//! From overlapping segments to disjoint pieces.

use std::collections::BinaryHeap;

use super::OverlapPolicy;
use super::overlap::Rank;

/// Captured bytes of one segment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub(super) start: i64,
    pub(super) end: i64,
    /// The segment's range on the wire, for the policy.
    pub(super) on_wire: (i64, i64),
    /// The segment's place in the capture.
    pub(super) order: u32,
    pub(super) is_probe: bool,
}

/// Bytes of one segment that count.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Piece {
    pub(super) start: i64,
    pub(super) end: i64,
    /// The segment's place in the capture.
    pub(super) owner: u32,
}

/// The pieces that count, in order. O(n log n): from left to right, with all segments that reach here in a heap.
pub(super) fn resolve(spans: &[Span], policy: OverlapPolicy) -> Vec<Piece> {
    let mut by_start: Vec<&Span> = spans.iter().filter(|s| s.start < s.end).collect();
    by_start.sort_unstable_by_key(|s| (s.start, s.order));
    let mut waiting = by_start.into_iter().peekable();
    let mut reaching = BinaryHeap::new();
    let mut pieces: Vec<Piece> = Vec::new();
    let mut at = i64::MIN;
    loop {
        while reaching.peek().is_some_and(|r: &Reaching| r.end <= at) {
            reaching.pop();
        }
        let next = waiting.peek().map(|s| s.start);
        match (reaching.peek(), next) {
            (None, None) => return pieces,
            (None, Some(next)) => at = next,
            (Some(best), next) => {
                let until = next.map_or(best.end, |next| next.min(best.end));
                extend(&mut pieces, Piece { start: at, end: until, owner: best.order });
                at = until;
            }
        }
        while let Some(span) = waiting.next_if(|s| s.start <= at) {
            let (start, end) = span.on_wire;
            let rank = policy.rank(start, end, span.order);
            reaching.push(Reaching {
                rank: (!span.is_probe, rank),
                end: span.end,
                order: span.order,
            });
        }
    }
}

fn extend(pieces: &mut Vec<Piece>, next: Piece) {
    match pieces.last_mut() {
        _ if next.start >= next.end => {}
        Some(last) if last.owner == next.owner && last.end == next.start => last.end = next.end,
        _ => pieces.push(next),
    }
}

/// Ordered by rank.
#[derive(Eq, Ord, PartialEq, PartialOrd)]
struct Reaching {
    rank: (bool, Rank),
    end: i64,
    order: u32,
}
