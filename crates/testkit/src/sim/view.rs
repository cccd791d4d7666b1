//! What a point's capture makes of the packets that pass.

use super::packet::SimPacket;
use super::random::Random;
use super::script::{ACK, FIN, PSH, RST, SYN};
use super::{SimConnection, SimPoint, Simulation};

/// Turns what passed the places into what the points captured, in order of true time; capture times are filled in.
pub(super) fn capture(
    sim: &Simulation,
    connection: &SimConnection,
    passed: &mut [(usize, SimPacket)],
    captured: &mut Vec<SimPacket>,
) {
    captured.clear();
    passed.sort_by_key(|(place, packet)| (packet.point, *place, packet.true_time));
    for at_place in passed.chunk_by_mut(|a, b| a.0 == b.0) {
        let place = at_place[0].0;
        let point = &sim.points[at_place[0].1.point];
        let mut random = Random::new(sim.seed, [connection.id.into(), CAPTURE + place as u64]);
        let begin = captured.len();
        for (_, packet) in at_place.iter() {
            let last = captured[begin..].last_mut();
            match last.filter(|last| point.merges && merges(last, packet)) {
                Some(last) => {
                    last.payload_len += packet.payload_len;
                    last.flags |= packet.flags & PSH;
                }
                None => captured.push(*packet),
            }
        }
        let merged = captured.split_off(begin);
        for packet in merged {
            // Drawn for each packet, whatever becomes of it.
            let (is_lost, twice) = (random.draws(point.loss), random.draws(point.copies));
            let later = 1_000 + random.below(20_000).cast_signed();
            if is_lost || !is_watching(point, &packet) {
                continue;
            }
            captured.push(packet);
            if twice {
                captured.push(SimPacket { true_time: packet.true_time + later, ..packet });
            }
        }
    }
    for packet in captured.iter_mut() {
        packet.time = sim.points[packet.point].stamp(packet.true_time);
    }
    captured.sort_by_key(|packet| (packet.true_time, packet.point));
}

impl SimPoint {
    /// The capture time of a packet.
    fn stamp(&self, true_time: i64) -> i64 {
        let stall = self.stalls.iter().find(|stall| stall.contains(&true_time));
        let time = EPOCH + self.clock.at(stall.map_or(true_time, |stall| stall.end));
        time - time.rem_euclid(self.resolution.max(1))
    }
}

fn is_watching(point: &SimPoint, packet: &SimPacket) -> bool {
    let is_blind = point.blind.iter().any(|span| span.contains(&packet.true_time));
    !is_blind && point.only.is_none_or(|only| only == packet.by)
}

/// Whether a card or its driver hands on both as one: the second continues the first, and they say the same otherwise.
fn merges(first: &SimPacket, second: &SimPacket) -> bool {
    let is_data = |p: &SimPacket| p.payload_len > 0 && p.flags & (SYN | FIN | RST) == 0;
    is_data(first)
        && is_data(second)
        && (first.src, first.dst, first.ack) == (second.src, second.dst, second.ack)
        && first.flags & ACK != 0
        && first.flags & PSH == 0
        && first.timestamps == second.timestamps
        && first.seq.wrapping_add(first.payload_len) == second.seq
        && first.payload_len + second.payload_len < 65_000
        && second.true_time - first.true_time < 1_000_000
}

/// The beginning of true time: 14 November 2023.
pub(super) const EPOCH: i64 = 1_700_000_000_000_000_000;

/// Drawn apart from what happens to the connection; the place is added.
const CAPTURE: u64 = 32;
