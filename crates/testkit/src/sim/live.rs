//! All packets in order of time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::packet::SimPacket;
use super::{SimConnection, Simulation, script, view};

/// Gives out the packets of a [`Simulation`].
#[derive(Debug)]
pub struct SimPackets<'a> {
    sim: &'a Simulation,
    next: u32,
    /// When each connection under way has its next packet, its number, and its place among those.
    queue: BinaryHeap<Reverse<(i64, u32, usize)>>,
    /// The packets of each that are still to come, the next one last.
    live: Vec<Vec<SimPacket>>,
    free: Vec<usize>,
    passed: Vec<(usize, SimPacket)>,
}

impl<'a> SimPackets<'a> {
    pub(super) fn new(sim: &'a Simulation) -> Self {
        Self {
            sim,
            next: 0,
            queue: BinaryHeap::new(),
            live: Vec::new(),
            free: Vec::new(),
            passed: Vec::new(),
        }
    }

    /// Makes connections until the first packet of the queue is earlier than anything to come.
    fn fill(&mut self) {
        while self.next < self.sim.connections {
            let each = 1_000_000_000 / i64::from(self.sim.per_second.max(1));
            let begins = i64::from(self.next) * each;
            if self.queue.peek().is_some_and(|Reverse((time, ..))| *time < begins) {
                return;
            }
            let connection = SimConnection::new(self.sim, self.next);
            self.next += 1;
            self.passed.clear();
            script::play(self.sim, &connection, &mut self.passed);
            let slot = self.free.pop().unwrap_or_else(|| {
                self.live.push(Vec::new());
                self.live.len() - 1
            });
            view::capture(self.sim, &connection, &mut self.passed, &mut self.live[slot]);
            self.live[slot].reverse();
            match self.live[slot].last() {
                Some(first) => {
                    self.queue.push(Reverse((first.true_time, connection.id, slot)));
                }
                None => self.free.push(slot),
            }
        }
    }
}

impl Iterator for SimPackets<'_> {
    type Item = SimPacket;

    fn next(&mut self) -> Option<SimPacket> {
        self.fill();
        let Reverse((_, id, slot)) = self.queue.pop()?;
        let packet = self.live[slot].pop()?;
        match self.live[slot].last() {
            Some(next) => self.queue.push(Reverse((next.true_time, id, slot))),
            None => self.free.push(slot),
        }
        Some(packet)
    }
}
