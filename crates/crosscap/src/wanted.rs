//! The legs of one point whose packets are wanted.

use std::sync::Arc;

use crosscap_correlation::Correlation;
use crosscap_packet::{Endpoint, FrameRef};
use crosscap_reassembly::Direction;

use crate::leg_index::LegIndex;

/// Legs, and what is kept of each.
pub(crate) struct Wanted<T> {
    pub(crate) legs: Vec<WantedLeg<T>>,
    /// In the order of `legs`.
    pub(crate) index: Arc<LegIndex>,
}

pub(crate) struct WantedLeg<T> {
    pub(crate) path: usize,
    /// Index into the legs of the path.
    pub(crate) place: usize,
    pub(crate) kept: T,
}

impl<T: Default> Wanted<T> {
    pub(crate) fn of(correlation: &Correlation, paths: &[usize], point: usize) -> Self {
        let legs = paths.iter().flat_map(|&path| {
            let legs = correlation.paths[path].legs.iter().enumerate();
            legs.filter(|(_, leg)| leg.point == point).map(move |(place, leg)| (path, place, *leg))
        });
        let index = LegIndex::new(&correlation.points, legs.clone().map(|(_, _, leg)| leg));
        let empty = |(path, place, _)| WantedLeg { path, place, kept: T::default() };
        Self { legs: legs.map(empty).collect(), index: Arc::new(index) }
    }
}

impl<T> Wanted<T> {
    /// Whose packet it is, and who sent it.
    pub(crate) fn find(
        &mut self,
        src: Endpoint,
        dst: Endpoint,
        frame: FrameRef,
    ) -> Option<(&mut WantedLeg<T>, Direction)> {
        let (leg, direction) = self.index.find(src, dst, frame)?;
        Some((&mut self.legs[leg], direction))
    }
}
