//! The connections of one point, tracked on several cores.
//!
//! Every connection belongs to one shard, which gets its packets in the order of the capture. So each shard does what a
//! single tracker would do for its connections, and together they are in the order that it would have them in.

use std::hash::BuildHasher;
use std::net::IpAddr;

use crosscap_packet::{Endpoint, FrameRef, TcpPacket, Timestamp};
use crosscap_reassembly::{Connection, Sighting, Tracker};
use foldhash::quality::RandomState;
use rayon::prelude::*;

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

/// Packets of one part of a file on their way from the core that decoded them to those that track them: one list for
/// each shard, in the order of the file. Frames count from the beginning of the part.
#[derive(Default)]
pub(crate) struct Batch {
    packets: Vec<Vec<Packet>>,
}

#[derive(Clone, Copy)]
struct Packet {
    src: Endpoint,
    dst: Endpoint,
    at: Sighting,
}

impl Sorter {
    fn shard(&self, a: Endpoint, b: Endpoint) -> usize {
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

    /// Puts the next packet of a part into its batch.
    pub(crate) fn put(
        &self,
        batch: &mut Batch,
        frame: FrameRef,
        time: Timestamp,
        p: &TcpPacket<'_>,
    ) {
        if batch.packets.is_empty() {
            batch.packets.resize_with(self.shards, Vec::new);
        }
        if let Some(packets) = batch.packets.get_mut(self.shard(p.src, p.dst)) {
            let at = Sighting { time, frame, segment: p.segment };
            packets.push(Packet { src: p.src, dst: p.dst, at });
        }
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

    /// Takes the packets of parts of a file that follow each other; with each, the frames before it.
    pub(crate) fn take(&mut self, parts: &[(Batch, u64)]) {
        self.trackers.par_iter_mut().enumerate().for_each(|(shard, tracker)| {
            for (batch, frames_before) in parts {
                for packet in batch.packets.get(shard).into_iter().flatten() {
                    let frame = packet.at.frame.behind(*frames_before);
                    tracker.push_segment(packet.src, packet.dst, Sighting { frame, ..packet.at });
                }
            }
        });
    }

    /// Takes the next packet.
    pub(crate) fn push(&mut self, frame: FrameRef, time: Timestamp, packet: &TcpPacket<'_>) {
        if let Some(tracker) = self.trackers.first_mut() {
            tracker.push(frame, time, packet);
        }
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
