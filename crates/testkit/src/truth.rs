//! What is known of a scenario: `testdata/*/truth.json`.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// What a scenario's generator knows about it. Unknown fields are ignored, missing ones have defaults.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct Truth {
    /// `crosscap-truth/1`.
    pub schema: String,
    /// The scenario's name.
    pub scenario: String,
    /// The command that made it.
    pub command: String,
    /// What happens in it, in words.
    pub what: String,
    /// The observation points by name.
    pub points: BTreeMap<String, Point>,
    /// The translation between the points.
    pub nat: Option<Nat>,
    /// Idle timeouts of what lies between the points.
    pub timeouts: Timeouts,
    /// What the network dropped, over all connections. `None` where nobody counted.
    pub lost: Option<BothWays>,
    /// Every connection.
    pub connections: Vec<TruthConnection>,
}

/// One observation point.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct Point {
    /// The capture, relative to the truth's folder.
    pub file: String,
    /// This point's clock minus the client's, in ns; where it does not stay the same, at first.
    pub clock_offset_ns: i64,
    /// This point's clock as a function of the client's, in order of time. Empty: `clock_offset_ns` throughout.
    pub clock: Vec<ClockPiece>,
    /// From when to when the capture ran, by the client's clock. `None`: from before the first packet to after the last.
    pub window_ns: Option<[i64; 2]>,
    /// Whose packets were captured: `orig`, `resp`, or `both`, which is also what an empty text means.
    pub direction: String,
    /// How many packets the capture lost.
    pub capture_lost_packets: u64,
}

/// From a moment on, a point's clock is so far ahead of the client's, and gains.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct ClockPiece {
    /// The moment, by the client's clock. The first piece holds before it as well.
    pub from_ns: i64,
    /// How far ahead at that moment.
    pub offset_ns: i64,
    /// Microseconds gained in each second of the client's clock.
    pub ppm: i64,
}

impl Point {
    /// This point's clock minus the client's when the client's says `client_ns`.
    #[must_use]
    pub fn offset_at(&self, client_ns: i64) -> i64 {
        let later = self.clock.iter().rev().find(|piece| piece.from_ns <= client_ns);
        later.or_else(|| self.clock.first()).map_or(self.clock_offset_ns, |piece| {
            let gained = i128::from(piece.ppm) * i128::from(client_ns - piece.from_ns);
            piece.offset_ns + i64::try_from(gained.div_euclid(1_000_000)).unwrap_or(i64::MAX)
        })
    }
}

/// A translation.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct Nat {
    /// `dnat`, `snat`, `dnat+snat` or `none`.
    pub kind: String,
    /// The endpoint that clients call.
    pub service: String,
    /// The endpoints behind it.
    pub backends: Vec<String>,
}

/// Idle timeouts in ns, where there are any.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct Timeouts {
    /// Of established connections.
    pub established_ns: Option<i64>,
    /// Of half-closed ones.
    pub close_wait_ns: Option<i64>,
}

/// One connection.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct TruthConnection {
    /// The originator as the client's point sees it.
    pub orig_client: Option<String>,
    /// The responder as the client's point sees it.
    pub resp_client: Option<String>,
    /// The originator as the pod's point sees it.
    pub orig_pod: Option<String>,
    /// The responder as the pod's point sees it.
    pub resp_pod: Option<String>,
    /// Initial sequence number of the originator.
    pub orig_isn: Option<u32>,
    /// Initial sequence number of the responder.
    pub resp_isn: Option<u32>,
    /// What the generator made of it.
    pub kind: String,
    /// `ok`, `hung`, `reset`, `aborted` or `slow`.
    pub outcome: String,
    /// The finding that is true of it.
    pub finding: Option<String>,
    /// Findings that may be told as well.
    pub also: Vec<String>,
    /// `none`, `orig`, `resp` or `both`.
    pub hung_side: String,
    /// State of the client's socket at the end, as `ss` names it.
    pub client_socket: Option<String>,
    /// State of the server's socket at the end.
    pub server_socket: Option<String>,
    /// When the client's program connected and closed. `None` for a proxy's own connections.
    pub client_ns: Option<Moments>,
    /// Where it was captured and how it looked there, from client to server. Empty in older scenarios.
    pub legs: Vec<TruthLeg>,
    /// What the network dropped of it. `None` where nobody counted.
    pub lost: Option<BothWays>,
    /// What captures lost of it.
    pub capture_lost: Vec<CaptureLost>,
    /// What a program in the cable did to it. `None` where there was none.
    pub meddled: Option<Meddled>,
    /// Through a proxy: places in the list of connections of those that the proxy carried it on with.
    pub backs: Vec<usize>,
}

/// One connection as one point has it.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct TruthLeg {
    /// The point.
    pub point: String,
    /// How often each packet is in the capture.
    pub copies: u32,
    /// The originator.
    pub orig: String,
    /// The responder.
    pub resp: String,
    /// Initial sequence number of the originator.
    pub orig_isn: u32,
    /// Initial sequence number of the responder.
    pub resp_isn: u32,
}

/// Moments of the client's program, in ns of the client's clock.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct Moments {
    /// Just before it connected.
    pub connecting: i64,
    /// Just after it was connected.
    pub connected: i64,
    /// Just after it closed; 0 where it did not.
    pub closed: i64,
}

/// Something for each direction.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct BothWays {
    /// What the originator sent.
    pub orig_to_resp: Dropped,
    /// What the responder sent.
    pub resp_to_orig: Dropped,
}

/// Packets that the network dropped.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct Dropped {
    /// How many.
    pub packets: u64,
    /// TCP payload in them.
    pub bytes: u64,
    /// By the sequence number at which they begin: that number, payload bytes, packets.
    pub segments: Vec<(u32, u64, u64)>,
}

/// What was done to the packets of both ends, or what was not.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct Meddled {
    /// The originator's packets.
    pub orig_to_resp: Deeds,
    /// The responder's packets.
    pub resp_to_orig: Deeds,
}

/// What was done to packets: of each, sequence number and payload bytes.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct Deeds {
    /// Sent a second time.
    pub duplicated: Vec<(u32, u64)>,
    /// Sent behind a packet that had come later.
    pub overtaken: Vec<(u32, u64)>,
    /// Sent with another payload.
    pub changed: Vec<(u32, u64)>,
    /// Sent without having come: forged.
    pub injected: Vec<(u32, u64)>,
}

/// A packet that a capture lost and the network did not.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct CaptureLost {
    /// Whose capture.
    pub point: String,
    /// `orig` or `resp`.
    pub sender: String,
    /// Sequence number.
    pub seq: u32,
    /// TCP payload.
    pub bytes: u64,
}

impl Truth {
    /// Reads a `truth.json`.
    ///
    /// # Panics
    ///
    /// When it cannot be read or is of another schema.
    #[must_use]
    pub fn load(path: impl AsRef<Path>) -> Self {
        let path = path.as_ref();
        let text = std::fs::read_to_string(path)
            .unwrap_or_else(|e| panic!("cannot read {}: {e}", path.display()));
        let truth: Self = serde_json::from_str(&text)
            .unwrap_or_else(|e| panic!("cannot understand {}: {e}", path.display()));
        assert_eq!(truth.schema, "crosscap-truth/1", "schema of {}", path.display());
        truth
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_and_missing_fields_do_no_harm() {
        let truth: Truth = serde_json::from_str(
            r#"{"schema": "crosscap-truth/1", "points": {"pod": {"file": "pod.pcap.gz", "x": 1}},
                "nat": null, "timeouts": {"established_ns": 900000000000},
                "connections": [{"orig_isn": 1, "finding": null, "hung_side": "orig"}]}"#,
        )
        .unwrap();
        assert_eq!(truth.points["pod"].clock_offset_ns, 0);
        assert_eq!(truth.timeouts.established_ns, Some(900_000_000_000));
        assert_eq!(truth.connections[0].orig_isn, Some(1));
        assert!(truth.connections[0].legs.is_empty());
    }

    #[test]
    fn a_clock_is_told_piece_by_piece() {
        let piece = |from_ns, offset_ns, ppm| ClockPiece { from_ns, offset_ns, ppm };
        let clock = vec![piece(1_000_000, 7, 50), piece(3_000_000, 800, -50)];
        let point = Point { clock, ..Point::default() };
        let told = [0, 1_000_000, 2_999_999, 3_000_000, 4_000_000].map(|at| point.offset_at(at));
        assert_eq!(told, [7 - 50, 7, 7 + 99, 800, 750]);
        assert_eq!(Point { clock_offset_ns: 5, ..Point::default() }.offset_at(9), 5);
    }
}
