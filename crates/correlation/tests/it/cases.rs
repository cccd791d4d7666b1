//! Single cases, made by hand.

use std::net::SocketAddr;

use crosscap_correlation::{Correlation, correlate};
use crosscap_testkit::SimPacket;

use crate::seen::Seen;

const SYN: u8 = 2;
const RST: u8 = 4;
const ACK: u8 = 16;

/// A packet at a point, a time in milliseconds after 1970, from one endpoint to another; with timestamps of 0.
fn packet(
    point: usize,
    millis: i64,
    src: &str,
    dst: &str,
    flags: u8,
    [seq, ack]: [u32; 2],
) -> SimPacket {
    let [src, dst] = [src, dst].map(|e| e.parse::<SocketAddr>().unwrap());
    SimPacket {
        point,
        connection: 0,
        by: 0,
        offset: 0,
        true_time: millis * 1_000_000,
        time: millis * 1_000_000,
        src,
        dst,
        seq,
        ack,
        flags,
        window: 502,
        ttl: 64,
        ip_id: 1 + millis as u16,
        payload_len: 0,
        timestamps: None,
        mss: (flags & SYN != 0).then_some(1_460),
    }
}

/// SYN, SYN-ACK and ACK.
fn handshake(
    point: usize,
    millis: i64,
    client: &str,
    server: &str,
    isns: [u32; 2],
) -> [SimPacket; 3] {
    let [orig, resp] = isns;
    [
        packet(point, millis, client, server, SYN, [orig, 0]),
        packet(point, millis + 1, server, client, SYN | ACK, [resp, orig + 1]),
        packet(point, millis + 2, client, server, ACK, [orig + 1, resp + 1]),
    ]
}

/// Legs of each path, as point and connection, sorted.
fn joined(points: usize, packets: impl IntoIterator<Item = SimPacket>) -> Vec<Vec<(usize, usize)>> {
    let found: Correlation = correlate(Seen::of(points, packets.into_iter()).points);
    let legs = found.paths.iter().map(|path| {
        let mut legs: Vec<_> = path.legs.iter().map(|l| (l.point, l.connection)).collect();
        legs.sort_unstable();
        legs
    });
    let mut all: Vec<_> = legs.collect();
    all.sort_unstable();
    all
}

const CLIENT: &str = "10.1.0.1:40000";
const OTHER: &str = "10.1.0.2:40000";
const SERVICE: &str = "10.96.0.1:80";
const BACKEND: &str = "10.2.0.1:8080";
const ISNS: [u32; 2] = [0x5eed_1234, 0x9abc_4321];

#[test]
fn both_sides_of_a_node_and_the_pod_behind_it() {
    let packets = [
        handshake(0, 100, CLIENT, SERVICE, ISNS),
        handshake(0, 100, CLIENT, BACKEND, ISNS),
        handshake(1, 100, CLIENT, BACKEND, ISNS),
    ];
    assert_eq!(joined(2, packets.concat()), [[(0, 0), (0, 1), (1, 0)]]);
}

/// The first SYN is lost between the two sides: the node sees two on the one and the second on the other.
#[test]
fn a_syn_lost_inside_the_node() {
    let mut packets = vec![packet(0, 100, CLIENT, SERVICE, SYN, [ISNS[0], 0])];
    packets.extend(handshake(0, 1_100, CLIENT, SERVICE, ISNS));
    packets.extend(handshake(0, 1_100, CLIENT, BACKEND, ISNS));
    packets.extend(handshake(1, 1_100, CLIENT, BACKEND, ISNS));
    assert_eq!(joined(2, packets), [[(0, 0), (0, 1), (1, 0)]]);
}

/// Two clients that begin alike, from the same port, reach one point; one of them reaches the other. Which one is not
/// known.
#[test]
fn two_syns_alike_and_one_behind_nat() {
    let packets = [
        packet(0, 100, CLIENT, SERVICE, SYN, [1_000, 0]),
        packet(0, 101, OTHER, SERVICE, SYN, [1_000, 0]),
        packet(1, 102, "172.16.0.1:40000", BACKEND, SYN, [1_000, 0]),
    ];
    assert_eq!(joined(2, packets), [[(0, 0)], [(0, 1)], [(1, 0)]]);
}

/// The same in midstream: two connections of one port with numbers near each other, one of them behind NAT.
#[test]
fn two_midstream_alike_and_one_behind_nat() {
    let talk = |point, millis, client, server| {
        [
            packet(point, millis, client, server, ACK, ISNS),
            packet(point, millis + 1, server, client, ACK, [2_000, 1_000]),
        ]
    };
    let packets = [
        talk(0, 100, CLIENT, SERVICE),
        talk(0, 110, OTHER, SERVICE),
        talk(1, 100, "172.16.0.1:40000", BACKEND),
    ];
    assert_eq!(joined(2, packets.concat()), [[(0, 0)], [(0, 1)], [(1, 0)]]);
}

/// A leg that has its partner at a point by both initial sequence numbers has no other one there.
#[test]
fn a_midstream_leg_beside_a_sure_pair() {
    let mut packets = handshake(0, 100, CLIENT, SERVICE, ISNS).to_vec();
    packets.extend(handshake(1, 100, CLIENT, BACKEND, ISNS));
    packets.push(packet(1, 110, OTHER, BACKEND, ACK, [1_500, 2_500]));
    packets.push(packet(1, 111, BACKEND, OTHER, ACK, [2_500, 1_500]));
    assert_eq!(joined(2, packets), [vec![(0, 0), (1, 0)], vec![(1, 1)]]);
}

/// A broken stack begins every connection alike. One is seen at the one point, another at the other: ports and
/// timestamps tell them apart.
#[test]
fn equal_numbers_and_all_else_different() {
    let stamped = |value, packets: [SimPacket; 3]| {
        packets.map(|p| SimPacket { timestamps: Some((value, 7)), ..p })
    };
    let packets = [
        stamped(1_000_000, handshake(0, 100, CLIENT, SERVICE, [1, 1])),
        stamped(77_000_000, handshake(1, 90_000, "10.1.0.9:51111", BACKEND, [1, 1])),
    ];
    assert_eq!(joined(2, packets.concat()), [[(0, 0)], [(1, 0)]]);
}

/// A hundred clients begin with one number. Of each the port is its own, so all can be told apart.
#[test]
fn many_that_begin_alike_on_ports_of_their_own() {
    let syns = (0..100).flat_map(|i| {
        let client = format!("10.1.0.1:{}", 40_000 + i);
        let at = 100 + i64::from(i);
        [
            packet(0, at, &client, SERVICE, SYN, [1_000, 0]),
            packet(1, at, &client, BACKEND, SYN, [1_000, 0]),
        ]
    });
    let found = joined(2, syns.collect::<Vec<_>>());
    assert_eq!(found.len(), 100);
}

/// A capture begins in midstream where more than 64 legs have the same client port, as a million connections do.
#[test]
fn midstream_on_a_port_that_many_clients_use() {
    let mut packets = Vec::new();
    for i in 0..100u32 {
        let client = format!("10.1.1.{i}:40000");
        let isns = [(i + 1) * 40_000_003, (i + 1) * 30_000_001];
        let at = 1_000 * i64::from(i);
        packets.extend(handshake(0, at, &client, SERVICE, isns));
        packets.push(packet(1, at + 2, &client, BACKEND, ACK, [isns[0] + 1, isns[1] + 1]));
        packets.push(packet(1, at + 3, BACKEND, &client, RST | ACK, [isns[1] + 1, isns[0] + 1]));
    }
    assert_eq!(joined(2, packets).len(), 100);
}
