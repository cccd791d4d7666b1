//! The legs of one point whose packets are wanted.

use crosscap_correlation::Correlation;
use crosscap_packet::{Endpoint, FrameRef};
use crosscap_reassembly::Direction;
use foldhash::quality::RandomState;
use hashbrown::HashMap;

/// Legs, and what is kept of each.
pub(crate) struct Wanted<T> {
    pub(crate) legs: Vec<WantedLeg<T>>,
    /// Legs by their ends, lower end first; in order of their first frames.
    by_ends: ByEnds,
}

pub(crate) type ByEnds = HashMap<(Endpoint, Endpoint), Vec<usize>, RandomState>;

pub(crate) struct WantedLeg<T> {
    pub(crate) path: usize,
    /// Index into the legs of the path.
    pub(crate) place: usize,
    orig: Endpoint,
    first: FrameRef,
    last: FrameRef,
    pub(crate) kept: T,
}

impl<T: Default> Wanted<T> {
    pub(crate) fn of(correlation: &Correlation, paths: &[usize], point: usize) -> Self {
        let mut wanted = Self { legs: Vec::new(), by_ends: HashMap::default() };
        for &path in paths {
            for (place, leg) in
                correlation.paths[path].legs.iter().enumerate().filter(|(_, l)| l.point == point)
            {
                let c = leg.of(&correlation.points);
                wanted.by_ends.entry(ends(c.orig, c.resp)).or_default().push(wanted.legs.len());
                wanted.legs.push(WantedLeg {
                    path,
                    place,
                    orig: c.orig,
                    first: c.first().frame,
                    last: c.last().frame,
                    kept: T::default(),
                });
            }
        }
        for legs in wanted.by_ends.values_mut() {
            legs.sort_by_key(|&l| wanted.legs[l].first);
        }
        wanted
    }
}

impl<T> Wanted<T> {
    /// From the first wanted frame to the last.
    pub(crate) fn range(&self) -> Option<(FrameRef, FrameRef)> {
        Some((self.legs.iter().map(|l| l.first).min()?, self.legs.iter().map(|l| l.last).max()?))
    }

    /// Which legs have these ends.
    pub(crate) fn ends(&self) -> &ByEnds {
        &self.by_ends
    }

    /// Whose packet it is, and who sent it.
    pub(crate) fn find(
        &mut self,
        src: Endpoint,
        dst: Endpoint,
        frame: FrameRef,
    ) -> Option<(&mut WantedLeg<T>, Direction)> {
        let legs = self.by_ends.get(&ends(src, dst))?;
        // Several uses of one four-tuple follow each other.
        let latest = legs.partition_point(|&l| self.legs[l].first <= frame).checked_sub(1)?;
        let leg = self.legs.get_mut(legs[latest]).filter(|l| frame <= l.last)?;
        let direction = if src == leg.orig { Direction::Orig } else { Direction::Resp };
        Some((leg, direction))
    }
}

pub(crate) fn ends(a: Endpoint, b: Endpoint) -> (Endpoint, Endpoint) {
    if a <= b { (a, b) } else { (b, a) }
}
