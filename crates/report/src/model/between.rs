//! What happened between two points.

use serde::{Deserialize, Serialize};

/// What the network did to the packets of a connection between two neighbouring points.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Between {
    /// Name of the point nearer the originator.
    pub from: String,
    /// Name of the next.
    pub to: String,
    /// What happened to the originator's packets; null where nothing did.
    pub orig_to_resp: Option<Passage>,
    /// What happened to the responder's packets; null where nothing did.
    pub resp_to_orig: Option<Passage>,
}

/// What happened to the packets of one end. Only what did happen is written: each of the fates is null where it met no
/// packet. The near point is the one towards the sender.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Passage {
    /// Packets at the near point, those recorded twice counted once.
    pub sent: u64,
    /// Packets at the far point, likewise.
    pub came: u64,
    /// Packet loss.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lost: Option<Fate>,
    /// Packets without payload, SYN or FIN that the far capture does not have: lost or missed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bare_missing: Option<Fate>,
    /// Of those, the packets that begin or end a connection, where the far capture has none of the kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub never_seen: Option<NeverSeen>,
    /// Segments that the far capture does not have: lost or missed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undecided: Option<Fate>,
    /// Segments that arrived and are not in the far capture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unrecorded_far: Option<Fate>,
    /// Segments that were sent and are not in the near capture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unrecorded_near: Option<Fate>,
    /// Packets of the far capture that the near one does not have: missed there, duplicated, or injected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unexplained: Option<Fate>,
    /// Packets that the sender did not send.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub injected: Option<Fate>,
    /// Packets that the network delivered more than once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duplicated: Option<Fate>,
    /// Packets that were delivered or recorded more than once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repeated: Option<Fate>,
    /// Packets that arrived after one that was sent later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reordered: Option<Fate>,
    /// Packets that arrived with another payload.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changed: Option<Fate>,
    /// What the SYN offered at the near and at the far point, where it differs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offer: Option<[Offer; 2]>,
    /// Segments that were cut or joined: as many at the near point, as many at the far one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recut: Option<[u64; 2]>,
    /// How much the time to live fell: least and most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hops: Option<[i16; 2]>,
    /// One-way delays; null where the clocks are not bounded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delay: Option<Delays>,
    /// Packets that one of the captures was not running for.
    pub not_compared: u64,
}

/// Packets that begin or end a connection and that the far capture has none of. Null for the kinds that this befell not.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct NeverSeen {
    /// SYN or SYN-ACK.
    pub syn: Option<Fate>,
    /// FIN.
    pub fin: Option<Fate>,
    /// RST.
    pub reset: Option<Fate>,
}

/// Packets that had one fate.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Fate {
    /// How many.
    pub packets: u64,
    /// Their payload, each copy counted.
    pub bytes: u64,
    /// Name of the point that the frames are of.
    pub point: String,
    /// Some of them.
    pub examples: Vec<FileFrames>,
}

/// Frames of one file.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct FileFrames {
    /// The file.
    pub file: String,
    /// Frame numbers in it, from 1.
    pub frames: Vec<u64>,
}

/// What a SYN or SYN-ACK offers.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Offer {
    /// Largest segment, bytes.
    pub maximum_segment_size: Option<u16>,
    /// Shift of the window.
    pub window_scale: Option<u8>,
    /// Whether selective acknowledgements are taken.
    pub sack_permitted: bool,
    /// Whether there are timestamps.
    pub timestamps: bool,
}

/// One-way delays in nanoseconds: not below, estimate, not above.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Delays {
    /// The shortest.
    pub min_ns: [i64; 3],
    /// The median.
    pub median_ns: [i64; 3],
    /// The longest.
    pub max_ns: [i64; 3],
}
