//! The simulator does what it says.

use std::collections::BTreeSet;

use super::view::EPOCH;
use super::*;

fn mixed(seed: u64) -> Simulation {
    let mut sim = Simulation::new(seed, 2_000);
    sim.per_second = 50;
    sim.mix = SimMix {
        forgotten: 50_000,
        reused: 200_000,
        decoys: 50_000,
        floods: 50_000,
        fixed_orig_isn: 50_000,
        ..sim.mix
    };
    sim
}

#[test]
fn the_seed_decides() {
    let first: Vec<SimPacket> = mixed(1).packets().collect();
    assert!(first.iter().eq(&mixed(1).packets().collect::<Vec<_>>()));
    assert!(!first.iter().eq(&mixed(2).packets().collect::<Vec<_>>()));
}

#[test]
fn packets_come_in_order_of_true_time_and_belong_to_a_leg() {
    let sim = mixed(3);
    let mut last = i64::MIN;
    let mut strays = 0;
    for packet in sim.packets() {
        assert!(packet.true_time >= last);
        last = packet.true_time;
        assert_eq!(packet.time - EPOCH, sim.points[packet.point].clock.at(packet.true_time));
        let connection = sim.connection(packet.connection);
        assert!(packet.true_time > connection.begins);
        let ends = [packet.src, packet.dst];
        let leg = connection.legs.iter().find(|leg| {
            leg.point == packet.point
                && (ends == [leg.orig, leg.resp] || ends == [leg.resp, leg.orig])
        });
        let Some(leg) = leg else {
            assert_eq!(connection.kind, SimKind::Forgotten);
            strays += 1;
            continue;
        };
        let isn = leg.isns[usize::from(packet.src == leg.resp)];
        assert!(packet.seq.wrapping_sub(isn) < 100_000, "{packet:?} {leg:?}");
    }
    assert!(strays > 50);
}

#[test]
fn all_kinds_occur_and_four_tuples_are_used_again() {
    let sim = mixed(4);
    let all: Vec<SimConnection> = (0..sim.connections).map(|id| sim.connection(id)).collect();
    let share = |is: fn(&SimKind) -> bool| all.iter().filter(|c| is(&c.kind)).count();
    assert!((60..140).contains(&share(|k| matches!(k, SimKind::Decoy { .. }))));
    assert!((60..140).contains(&share(|k| matches!(k, SimKind::Flood { .. }))));
    assert!((20..140).contains(&share(|k| *k == SimKind::Forgotten)));
    let tuples: BTreeSet<_> = all.iter().map(|c| (c.legs[0].orig, c.legs[0].resp)).collect();
    assert!((50..300).contains(&(all.len() - tuples.len())), "{}", all.len() - tuples.len());
    let translated = all.iter().filter(|c| c.legs[0].orig.port() != c.legs[1].orig.port());
    assert!(translated.count() > 500);
}

#[test]
fn shifted_numbers_are_shifted_at_both_places_alike() {
    let mut sim = Simulation::new(5, 50);
    sim.hops[0].shifts = [true, true];
    sim.hops[0].loss = [0, 0];
    let packets: Vec<SimPacket> = sim.packets().collect();
    for id in 0..sim.connections {
        let [a, b] = [0, 1].map(|point| {
            let of_leg = packets.iter().filter(|p| p.connection == id && p.point == point);
            let isns = sim.connection(id).legs[point].isns;
            let resp = sim.connection(id).legs[point].resp;
            let mut relative: Vec<_> = of_leg
                .map(|p| {
                    let [mine, other] = if p.src == resp { [isns[1], isns[0]] } else { isns };
                    let ack = if p.flags & 16 != 0 { p.ack.wrapping_sub(other) } else { 0 };
                    (p.src == resp, p.seq.wrapping_sub(mine), ack, p.flags)
                })
                .collect();
            relative.sort_unstable();
            relative
        });
        assert_eq!(a, b);
        assert_ne!(sim.connection(id).legs[0].isns[0], sim.connection(id).legs[1].isns[0]);
        assert_ne!(sim.connection(id).legs[0].isns[1], sim.connection(id).legs[1].isns[1]);
    }
}

#[test]
fn a_stream_has_the_same_bytes_wherever_it_is_seen() {
    let mut sim = Simulation::new(7, 20);
    sim.hops[0] = SimHop { shifts: [true, true], loss: [0, 0], ..SimHop::plain() };
    sim.points[1].merges = true;
    let mut streams = [0, 1].map(|_| vec![[0; 2]; 20].concat());
    let mut bytes: [std::collections::BTreeMap<(u32, usize, u32), u8>; 2] = Default::default();
    for packet in sim.packets() {
        let frame = packet.frame();
        assert_eq!((frame.flags, frame.payload.len()), (packet.flags, packet.payload_len as usize));
        streams[packet.point][packet.connection as usize * 2 + packet.by] += frame.payload.len();
        for (i, byte) in frame.payload.iter().enumerate() {
            let at = (packet.connection, packet.by, packet.offset + i as u32);
            bytes[packet.point].insert(at, *byte);
        }
    }
    assert_eq!(streams[0], streams[1]);
    assert!(bytes[0] == bytes[1]);
}

#[test]
fn what_one_point_captures_does_not_change_what_others_do() {
    let plain: Vec<SimPacket> = mixed(6).packets().filter(|p| p.point == 0).collect();
    let mut sim = mixed(6);
    sim.points[1] = SimPoint { loss: 100_000, copies: 300_000, merges: true, ..Default::default() };
    let other: Vec<SimPacket> = sim.packets().filter(|p| p.point == 0).collect();
    assert!(plain == other);
    let bytes = |points: &[SimPacket]| points.iter().map(|p| u64::from(p.payload_len)).sum::<u64>();
    sim.points[1] = SimPoint { merges: true, ..Default::default() };
    let merged: Vec<SimPacket> = sim.packets().filter(|p| p.point == 1).collect();
    let apart: Vec<SimPacket> = mixed(6).packets().filter(|p| p.point == 1).collect();
    assert!(merged.len() < apart.len());
    assert_eq!(bytes(&merged), bytes(&apart));
}
