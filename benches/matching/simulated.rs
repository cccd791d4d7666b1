//! What is matched.

use crosscap_testkit::{SimMix, Simulation};

/// NAT of all kinds, a clock that drifts, loss on the way and in the captures, a capture that starts late and one that
/// ends early, merged segments, copies, decoys, floods and four-tuples used again.
pub(crate) fn simulation(connections: u32) -> Simulation {
    let mut sim = Simulation::new(1, connections);
    sim.per_second = PER_SECOND.min(1 + connections / 40);
    let length = i64::from(connections / sim.per_second) * 1_000_000_000;
    sim.mix =
        SimMix { forgotten: 10_000, reused: 20_000, decoys: 30_000, floods: 30_000, ..sim.mix };
    sim.points[0].loss = 2_000;
    sim.points[0].copies = 5_000;
    sim.points[0].blind.push(i64::MIN..length / 50);
    sim.points[1].loss = 2_000;
    sim.points[1].merges = true;
    sim.points[1].blind.push(length - length / 50..i64::MAX);
    sim
}

const PER_SECOND: u32 = 2_000;
