//! The connections of one point, tracked on several cores.
//!
//! Every connection belongs to one shard, which gets its packets in the order of the capture. So each shard does what a
//! single tracker would do for its connections, and together they are in the order that it would have them in.

use crosscap_packet::Endpoint;
use crosscap_reassembly::{Connections, Tracker, TupleHasher};
use rayon::prelude::*;

use crate::batch::{Batch, Item};

/// One tracker for each core.
pub(crate) struct Shards {
    trackers: Vec<Tracker>,
    sorter: Sorter,
}

/// Tells the shard of a packet.
#[derive(Clone)]
pub(crate) struct Sorter {
    shards: usize,
    hasher: TupleHasher,
}

impl Sorter {
    pub(crate) fn shard(&self, a: Endpoint, b: Endpoint) -> usize {
        (self.hasher.hash(a, b) % self.shards as u64) as usize
    }
}

/// One.
impl Default for Shards {
    fn default() -> Self {
        Self::new(1)
    }
}

impl Shards {
    pub(crate) fn new(count: usize) -> Self {
        let shards = count.max(1);
        let trackers = (0..shards).map(|_| Tracker::new()).collect();
        Self { trackers, sorter: Sorter { shards, hasher: TupleHasher::default() } }
    }

    pub(crate) fn sorter(&self) -> Sorter {
        self.sorter.clone()
    }

    /// The next file begins, with so many frames in those before it.
    pub(crate) fn begin_file(&mut self, frames_before: u64) {
        self.trackers.iter_mut().for_each(|tracker| tracker.begin_file(frames_before));
    }

    /// Takes what parts of a file that follow each other hold for each shard; with each, the frames before it.
    pub(crate) fn take(&mut self, parts: &[(Batch, u64)]) {
        self.trackers.par_iter_mut().enumerate().for_each(|(shard, tracker)| {
            for item in parts.iter().flat_map(|(batch, before)| batch.items(shard, *before)) {
                match item {
                    Item::Segment(src, dst, at) => _ = tracker.push_segment(src, dst, at),
                    Item::Icmp(frame, time, error) => tracker.push_icmp(frame, time, &error),
                }
            }
        });
    }

    /// The only tracker, where there is one shard.
    pub(crate) fn tracker(&mut self) -> Option<&mut Tracker> {
        self.trackers.first_mut()
    }

    /// All connections, in order of their first packets.
    pub(crate) fn finish(self) -> Connections {
        Connections::merge(self.trackers.into_iter().map(Tracker::finish))
    }
}
