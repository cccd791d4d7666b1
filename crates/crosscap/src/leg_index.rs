//! Whose a packet is, among some legs of one point.

use crosscap_correlation::{Leg, Point};
use crosscap_packet::{Endpoint, FrameRef};
use crosscap_reassembly::Direction;
use foldhash::quality::RandomState;
use hashbrown::HashMap;

/// Some legs of one point, numbered in the order given.
#[derive(Default)]
pub(crate) struct LegIndex {
    spans: Vec<Span>,
    /// Legs by their ends, lower end first; in order of their first frames.
    by_ends: HashMap<(Endpoint, Endpoint), Vec<usize>, RandomState>,
}

struct Span {
    orig: Endpoint,
    first: FrameRef,
    last: FrameRef,
}

impl LegIndex {
    pub(crate) fn new(points: &[Point], legs: impl IntoIterator<Item = Leg>) -> Self {
        let mut index = Self::default();
        for leg in legs {
            let c = leg.of(points);
            index.by_ends.entry(ends(c.orig, c.resp)).or_default().push(index.spans.len());
            let (first, last) = (c.first().frame, c.last().frame);
            index.spans.push(Span { orig: c.orig, first, last });
        }
        for legs in index.by_ends.values_mut() {
            legs.sort_by_key(|&leg| index.spans[leg].first);
        }
        index
    }

    /// From the first frame of any leg to the last.
    pub(crate) fn range(&self) -> Option<(FrameRef, FrameRef)> {
        Some((self.spans.iter().map(|s| s.first).min()?, self.spans.iter().map(|s| s.last).max()?))
    }

    /// Whether any leg has these ends.
    pub(crate) fn has_ends(&self, src: Endpoint, dst: Endpoint) -> bool {
        self.by_ends.contains_key(&ends(src, dst))
    }

    /// The number of the leg that a packet belongs to, and who sent it.
    pub(crate) fn find(
        &self,
        src: Endpoint,
        dst: Endpoint,
        frame: FrameRef,
    ) -> Option<(usize, Direction)> {
        let legs = self.by_ends.get(&ends(src, dst))?;
        // Several uses of one four-tuple follow each other.
        let latest = legs.partition_point(|&leg| self.spans[leg].first <= frame).checked_sub(1)?;
        let span = &self.spans[legs[latest]];
        let direction = if src == span.orig { Direction::Orig } else { Direction::Resp };
        (frame <= span.last).then_some((legs[latest], direction))
    }
}

fn ends(a: Endpoint, b: Endpoint) -> (Endpoint, Endpoint) {
    if a <= b { (a, b) } else { (b, a) }
}
