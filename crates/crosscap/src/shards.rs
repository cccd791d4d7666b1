//! The connections of one point, tracked on several cores.
//!
//! Every connection belongs to one shard, which gets its packets in the order of the capture. So each shard does what a
//! single tracker would do for its connections, and together they are in the order that it would have them in.

use std::hash::BuildHasher;
use std::net::IpAddr;

use crosscap_packet::Endpoint;
use crosscap_reassembly::{Connection, Tracker};
use foldhash::quality::RandomState;
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
    hasher: RandomState,
}

impl Sorter {
    pub(crate) fn shard(&self, a: Endpoint, b: Endpoint) -> usize {
        let (low, high) = if a <= b { (a, b) } else { (b, a) };
        let hash = match (low.addr, high.addr) {
            (IpAddr::V4(l), IpAddr::V4(h)) => self.hasher.hash_one((
                u64::from(l.to_bits()) << 32 | u64::from(h.to_bits()),
                u32::from(low.port) << 16 | u32::from(high.port),
            )),
            _ => self.hasher.hash_one((low, high)),
        };
        (hash % self.shards as u64) as usize
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
        Self { trackers, sorter: Sorter { shards, hasher: RandomState::default() } }
    }

    pub(crate) fn sorter(&self) -> Sorter {
        self.sorter.clone()
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
    pub(crate) fn finish(self) -> Vec<Connection> {
        let mut shards = self.trackers.into_iter().map(Tracker::finish);
        let mut connections = shards.next().unwrap_or_default();
        let count = connections.len();
        shards.for_each(|more| connections.extend(more));
        if connections.len() > count {
            connections.sort_by_cached_key(|c| c.first().frame);
        }
        connections
    }
}
