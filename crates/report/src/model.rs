//! The report contract `crosscap-report/1`.

mod between;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Name, Nat, ServiceBackends, StrayRemote};
pub use between::{Between, Delays, Fate, FileFrames, NeverSeen, Offer, Passage};

/// Name and version of the schema.
pub const SCHEMA: &str = "crosscap-report/1";

/// The whole report.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: String,
    /// What wrote it.
    pub generator: Generator,
    /// The observation points, in the order given; the first gives the reference clock.
    pub points: Vec<Point>,
    /// Points that were given and could not be read: they are in nothing that follows.
    #[serde(default)]
    pub unread: Vec<UnreadPoint>,
    /// What NAT did.
    pub nat: Vec<Nat>,
    /// The responders that NAT translated, with where their connections were led; in order of endpoints.
    pub nat_services: Vec<ServiceBackends>,
    /// Who continued connections past the NAT; in order of services and endpoints.
    pub nat_strays: Vec<StrayRemote>,
    /// What addresses and endpoints are called, where names were given. An endpoint has an entry where its name is not
    /// that of its address.
    pub names: BTreeMap<String, Name>,
    /// Every connection, in order of first packets.
    pub connections: Vec<Connection>,
    /// Connections that were seen differently at two points and of which there was no room to compare the packets.
    #[serde(default)]
    pub not_compared: u64,
    /// Connections that a rule suspects and of which there was no room to look at the packets: no finding tells of them.
    #[serde(default)]
    pub not_examined: u64,
    /// What is wrong, worst and surest first.
    pub findings: Vec<Finding>,
    /// Session timers of the devices on the path.
    pub idle_timeouts: Vec<IdleTimeout>,
    /// The packets of one connection of each finding, abridged.
    pub timelines: Vec<Timeline>,
}

/// What wrote a report.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Generator {
    /// `crosscap`.
    pub name: String,
    /// Its version.
    pub version: String,
}

impl Generator {
    pub(crate) fn this() -> Self {
        Self { name: "crosscap".into(), version: env!("CARGO_PKG_VERSION").into() }
    }
}

/// An observation point.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Point {
    /// Its name.
    pub name: String,
    /// `orig-side`, `resp-side`, `between` or `unknown`.
    pub role: String,
    /// Its files, in order of time.
    pub files: Vec<String>,
    /// Packets of all protocols.
    pub packets: u64,
    /// Time of the first packet; null where there is none.
    pub first_ns: Option<i64>,
    /// Time of the last packet; null where there is none.
    pub last_ns: Option<i64>,
    /// Names of the link types.
    pub link_types: Vec<String>,
    /// Largest snap length, bytes; 0 where none is known.
    pub snap_len: u32,
    /// TCP connections seen here.
    pub tcp_connections: u64,
    /// Its clock.
    pub clock: Clock,
    /// What is wrong with the capture itself.
    pub quality: Vec<Quality>,
}

/// An observation point that could not be read.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct UnreadPoint {
    /// Its name.
    pub name: String,
    /// Which file, and why not.
    pub detail: String,
}

impl UnreadPoint {
    /// Of a name and an error.
    #[must_use]
    pub fn new(name: &str, error: &dyn std::error::Error) -> Self {
        Self { name: name.into(), detail: error.to_string() }
    }
}

/// A clock against the reference clock. Null where no packet bounds it; where packets travelled one way only, one of the
/// bounds is known.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Clock {
    /// Name of the point whose clock is the reference.
    pub reference: String,
    /// This clock minus the reference clock at `at_ref_ns`: the middle of the bounds.
    pub offset_ns: Option<i64>,
    /// It is not below this.
    pub offset_low_ns: Option<i64>,
    /// It is not above this.
    pub offset_high_ns: Option<i64>,
    /// When the bounds hold: the reference time at which they are tightest.
    pub at_ref_ns: Option<i64>,
    /// How much faster it runs than the reference, parts per million.
    pub skew_ppm: Option<f64>,
    /// Not below this.
    pub skew_low_ppm: Option<f64>,
    /// Not above this.
    pub skew_high_ppm: Option<f64>,
    /// The pieces, where the clock stepped or slewed; else empty.
    pub segments: Vec<ClockSegment>,
    /// What the offset looks like, and what is odd about it.
    #[serde(default)]
    pub notes: Vec<Quality>,
    /// The first packets that were left out because their times contradict those of all others; of a clock that other clocks
    /// contradict, also those that bound each of them most tightly.
    #[serde(default)]
    pub contradictions: Vec<Contradiction>,
}

/// A packet seen at two points, or a packet and its answer, at times that contradict those of others.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Contradiction {
    /// Name of the other point.
    pub other: String,
    /// File of the other point.
    pub other_file: String,
    /// Frame number in it.
    pub other_frame: u64,
    /// File of this point.
    pub file: String,
    /// Frame number in it.
    pub frame: u64,
}

/// A span of time in which a clock did not step.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ClockSegment {
    /// From this reference time.
    pub from_ref_ns: i64,
    /// To this reference time.
    pub to_ref_ns: i64,
    /// Offset at the tightest time: the middle of the bounds.
    pub offset_ns: i64,
    /// Not below this.
    pub offset_low_ns: i64,
    /// Not above this.
    pub offset_high_ns: i64,
    /// The tightest time.
    pub at_ref_ns: i64,
    /// How it follows the segment before: `step`, `slew`, or null for the first.
    #[serde(default)]
    pub kind: Option<String>,
    /// How far the clock was set forward before this segment, nanoseconds; negative where it was set back. Not below
    /// this; null for the first segment.
    #[serde(default)]
    pub step_low_ns: Option<i64>,
    /// Not above this.
    #[serde(default)]
    pub step_high_ns: Option<i64>,
    /// Where the clock was set: a packet of the segment before and one of this that contradict each other. Else empty.
    #[serde(default)]
    pub proof: Vec<Contradiction>,
}

/// Something wrong with a capture.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Quality {
    /// Which: `truncated-tail`, …
    pub id: String,
    /// In words.
    pub detail: String,
}

impl Quality {
    /// From its parts.
    #[must_use]
    pub fn new(id: &str, detail: String) -> Self {
        Self { id: id.into(), detail }
    }

    /// Whether packets are missing or were not understood, so that the report says less than it should.
    #[must_use]
    pub fn loses_packets(&self) -> bool {
        LOSING.contains(&self.id.as_str())
    }
}

/// Ids of what makes a capture say less than it should.
const LOSING: [&str; 12] = [
    "truncated-tail",
    "damaged-record",
    "unpacking-limit",
    "salvaged-gap",
    "bad-block",
    "capture-drops",
    "unknown-link-type",
    "cut-headers",
    "one-direction",
    "handshakes-only",
    "merged",
    "no-packets",
];

/// A connection from end to end.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Connection {
    /// Its name; the same for the same captures, whatever the order of the points.
    pub id: String,
    /// Where it was seen, from client to server, stray legs last.
    pub legs: Vec<Leg>,
    /// The same at points that are the same place as that of a leg: they show nothing that the legs do not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub copies: Vec<Leg>,
    /// Whether packets prove which of the legs is nearest the client and which nearest the server.
    pub order_proven: bool,
    /// Places in `legs`, from 0, of those of which packets do not prove whether they or the next one are nearer the
    /// client.
    pub order_ties: Vec<usize>,
    /// Why the legs are one connection.
    #[serde(rename = "match")]
    pub matched: Match,
    /// What never arrived.
    pub loss: Loss,
    /// What the network did between neighbouring points, as far as it did anything.
    #[serde(default)]
    pub between: Vec<Between>,
    /// Ids of the findings about it.
    pub findings: Vec<String>,
}

/// A connection as one point saw it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Leg {
    /// Name of the point.
    pub point: String,
    /// The originator.
    pub orig: String,
    /// The responder.
    pub resp: String,
    /// The originator's initial sequence number; null where its SYN was not captured.
    pub orig_isn: Option<u32>,
    /// The responder's initial sequence number; null where its SYN-ACK was not captured.
    pub resp_isn: Option<u32>,
    /// Time of its first packet.
    pub first_ns: i64,
    /// Time of its last packet.
    pub last_ns: i64,
    /// Zeek's `conn_state`.
    pub conn_state: String,
    /// Zeek's `history`.
    pub history: String,
    /// Packets of the originator.
    pub orig_packets: u64,
    /// Packets of the responder.
    pub resp_packets: u64,
    /// Distinct stream bytes of the originator.
    pub orig_bytes: u64,
    /// Distinct stream bytes of the responder.
    pub resp_bytes: u64,
    /// Segments the originator sent again.
    pub orig_retransmits: u64,
    /// Segments the responder sent again.
    pub resp_retransmits: u64,
    /// Whether it continues the connection from an address that NAT should have hidden.
    pub stray: bool,
    /// How many devices that give the connection sequence numbers of their own (proxies, SYN proxies, firewalls) lie
    /// between the client and this leg.
    pub stage: u8,
    /// A Wireshark display filter for its packets in the point's file; in a rotated set, for those of every use of its
    /// four-tuple.
    pub wireshark_filter: String,
}

/// Why legs are one connection.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Match {
    /// `isn-pair`, `orig-isn`, `resp-isn`, `seq-range`, `offset`, `proxy-header`, `payload` or `none`.
    pub tier: String,
    /// How many pairs of legs of these captures would agree so by chance.
    pub expected_false: f64,
    /// Other connections that may be the same one, where packets do not decide; at most 16.
    pub candidates: Vec<MatchCandidate>,
}

/// A connection that may be the same as another.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct MatchCandidate {
    /// Its id.
    pub connection: String,
    /// What the two have in common, as [`Match::tier`]; `none` where it is only when they began and how much was sent.
    pub tier: String,
    /// How probable it is that they are one, from 0 to 1.
    pub probability: f64,
}

/// Packet loss between the outermost points of a connection: payload of segments that passed the one and did not come to
/// the other, each copy counted. Capture loss is not counted. Where the packets were not compared
/// ([`Report::not_compared`], or the order of the points is not known), stream bytes that were neither seen at the other
/// end nor acknowledged by it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Loss {
    /// From the originator.
    pub orig_to_resp_bytes: u64,
    /// From the responder.
    pub resp_to_orig_bytes: u64,
}

/// What is wrong, with some connections.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// Which failure mode.
    pub id: String,
    /// `broken`, `degraded` or `info`.
    pub severity: String,
    /// `confirmed`, `likely`, `possible` or `insufficient`.
    pub verdict: String,
    /// One sentence.
    pub title: String,
    /// Ids of the connections concerned.
    pub connections: Vec<String>,
    /// `orig`, `resp`, `both` or `none`.
    pub hung_side: String,
    /// The time that tells how bad it was for each of `connections`, nanoseconds in the clock of one point: the silence
    /// that an idle connection did not outlive, the wait for an answer. Empty where there is no such time.
    pub span_ns: Vec<i64>,
    /// The evidence.
    pub facts: Vec<Fact>,
    /// Other explanations.
    pub rivals: Vec<Rival>,
    /// What would settle what is open.
    pub would_decide: Vec<String>,
    /// What to do.
    pub advice: Vec<Advice>,
}

/// A sentence and its proof.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Fact {
    /// The sentence.
    pub text: String,
    /// Id of the connection it is about.
    pub connection: String,
    /// Name of the point.
    pub point: String,
    /// The file the frames are in.
    pub file: String,
    /// Frame numbers in that file, from 1. A fact about frames of several files is written once for each.
    pub frames: Vec<u64>,
    /// When, in the clock of the point.
    pub time_ns: i64,
    /// When, in the reference clock; null where the point's clock is not bounded.
    pub time_ref_ns: Option<i64>,
    /// Not before.
    pub time_low_ref_ns: Option<i64>,
    /// Not after.
    pub time_high_ref_ns: Option<i64>,
}

/// Another explanation.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Rival {
    /// Which failure mode.
    pub id: String,
    /// `refuted` or `open`.
    pub status: String,
    /// Why.
    pub because: String,
}

/// What to do.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Advice {
    /// The measure.
    pub text: String,
    /// What else it does.
    pub side_effect: String,
    /// Where to read on.
    pub reference: String,
}

/// The session timer of one service.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct IdleTimeout {
    /// The service, as clients address it.
    pub scope: String,
    /// `established` or `half-closed`.
    pub state: String,
    /// Longest silence that a session outlived for certain, nanoseconds: the timer is longer. Null where none.
    pub survived_max_ns: Option<i64>,
    /// Longest silence that a client ended and that was answered: by itself no bound, since the client's packet may have
    /// opened a new session.
    pub survived_client_first_ns: Option<i64>,
    /// Shortest silence that broke a connection, nanoseconds: the timer is at most this. Null where none.
    pub broke_min_ns: Option<i64>,
    /// Known devices.
    pub candidates: Vec<Candidate>,
}

/// A known device.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Candidate {
    /// Its name and timer.
    pub name: String,
    /// The default, seconds.
    pub seconds: u64,
    /// Whether it fits what was seen.
    pub consistent: bool,
}

/// The packets of one connection, abridged.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Timeline {
    /// Its id.
    pub connection: String,
    /// The rows, in order of time.
    pub rows: Vec<TimelineRow>,
}

/// A packet, or what was left out.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct TimelineRow {
    /// Reference time of the first sighting; estimated.
    pub time_ref_ns: i64,
    /// `orig` or `resp`; null in a row that stands for what was left out.
    pub from: Option<String>,
    /// What the packet is.
    pub text: String,
    /// Where it was seen, from its sender on.
    pub seen: Vec<TimelineSighting>,
    /// Points that saw the connection and not this packet.
    pub not_seen: Vec<String>,
}

/// A packet as one point saw it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct TimelineSighting {
    /// The point.
    pub point: String,
    /// Frame number in the point's file, from 1.
    pub frame: u64,
    /// The file.
    pub file: String,
    /// Time in the point's clock.
    pub time_ns: i64,
    /// Who sent it, as addressed here.
    pub src: String,
    /// Whom it is for, as addressed here.
    pub dst: String,
    /// Whether it was seen on a stray leg: with an address that NAT should have hidden.
    pub stray: bool,
}
