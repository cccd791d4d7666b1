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
    /// Every connection.
    pub connections: Vec<TruthConnection>,
}

/// One observation point.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct Point {
    /// The capture, relative to the truth's folder.
    pub file: String,
    /// This point's clock minus the true time, in ns.
    pub clock_offset_ns: i64,
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
    }
}
