//! Simulated packets, tracked at each point. The benchmark of matching uses it, too.

use crosscap_correlation::Point;
use crosscap_packet::{
    Endpoint, FrameRef, OptionSummary, Segment, SeqNumber, SynOptions, TcpFlags, TcpTimestamps,
    Timestamp,
};
use crosscap_reassembly::{Sighting, Tracker};
use crosscap_testkit::{SimPacket, Simulation};

/// What all points saw, and whose it is.
#[derive(Clone)]
pub(crate) struct Seen {
    pub(crate) points: Vec<Point>,
    /// Of each connection of each point, the one it is in truth; `None` where it has packets of several, as happens
    /// when the SYN of the second use of a four-tuple was not captured.
    pub(crate) owners: Vec<Vec<Option<u32>>>,
}

/// A point, from what was tracked there.
pub(crate) fn point(name: &str, tracker: Tracker) -> Point {
    Point::new(name, tracker.finish())
}

impl Seen {
    pub(crate) fn new(sim: &Simulation) -> Self {
        Self::of(sim.points.len(), sim.packets())
    }

    pub(crate) fn of(points: usize, packets: impl Iterator<Item = SimPacket>) -> Self {
        let mut trackers: Vec<(Tracker, u64)> = (0..points).map(|_| (Tracker::new(), 0)).collect();
        let mut owners: Vec<Vec<Option<u32>>> = vec![Vec::new(); points];
        for packet in packets {
            let (tracker, frames) = &mut trackers[packet.point];
            *frames += 1;
            let [src, dst] = [packet.src, packet.dst].map(|s| Endpoint::new(s.ip(), s.port()));
            let judgement = tracker.push_segment(src, dst, sighting(&packet, *frames));
            let owners = &mut owners[packet.point];
            match owners.get_mut(judgement.connection) {
                Some(owner) => *owner = owner.filter(|&id| id == packet.connection),
                None => owners.push(Some(packet.connection)),
            }
        }
        let points =
            trackers.into_iter().enumerate().map(|(i, (tracker, _))| point(&name(i), tracker));
        Self { points: points.collect(), owners }
    }
}

/// `p0`, `p1` and so on.
pub(crate) fn name(point: usize) -> String {
    format!("p{point}")
}

fn sighting(packet: &SimPacket, frame: u64) -> Sighting {
    let timestamps = packet.timestamps;
    let options = match (packet.mss, timestamps) {
        (Some(mss), _) => OptionSummary::Syn(SynOptions {
            maximum_segment_size: Some(mss),
            window_scale: Some(7),
            sack_permitted: true,
        }),
        (None, Some(_)) => OptionSummary::Other,
        (None, None) => OptionSummary::Absent,
    };
    let segment = Segment {
        seq: SeqNumber(packet.seq),
        ack: SeqNumber(packet.ack),
        flags: TcpFlags(packet.flags),
        window: packet.window,
        ttl: packet.ttl,
        ip_id: packet.ip_id,
        payload_len: packet.payload_len,
        timestamps: timestamps.map(|(value, echo_reply)| TcpTimestamps { value, echo_reply }),
        options,
    };
    Sighting { time: Timestamp(packet.time), frame: FrameRef::new(0, frame), segment }
}
