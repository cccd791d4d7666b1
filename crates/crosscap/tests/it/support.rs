//! What all modules need.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex};

use crosscap::Analysis;
use crosscap::report::{Connection, Leg, Report, TextStyle, write_text};
use crosscap_testkit::{Capture, PcapWriter, Truth};

/// The scenarios of testdata/.
pub(crate) const SCENARIOS: [&str; 8] = [
    "incident",
    "healthy",
    "client-speaks-first",
    "half-closed",
    "silent-drop",
    "invalid",
    "client-gave-up",
    "slow-server",
];

/// Those that show what lies between the points rather than what goes wrong there. See `lab.rs`.
pub(crate) const LAYOUTS: [&str; 22] = [
    "masquerade",
    "three-pods",
    "loss",
    "port-reuse",
    "mid-stream",
    "mid-stream-masquerade",
    "partly",
    "one-way",
    "ipv6",
    "node-any",
    "vxlan",
    "clock-step",
    "clock-drift",
    "offload",
    "capture-loss",
    "synproxy",
    "isn-rewrite",
    "delay",
    "tcp-proxy",
    "http-proxy",
    "nat64",
    "meddling",
];

/// A scenario with a single point, on which nothing is to be found between points.
pub(crate) const ONE_POINT: &str = "retransmissions";

/// Those small enough to be analysed again and again, each with a finding of its own.
pub(crate) const SMALL: [&str; 6] = [
    "client-speaks-first",
    "half-closed",
    "silent-drop",
    "invalid",
    "client-gave-up",
    "slow-server",
];

pub(crate) const SECOND: i64 = 1_000_000_000;

/// One scenario as some of its points see it, analysed.
pub(crate) struct View {
    pub(crate) scenario: &'static str,
    pub(crate) points: &'static [&'static str],
    pub(crate) truth: Truth,
    pub(crate) report: Report,
}

impl View {
    /// To begin messages with.
    pub(crate) fn name(&self) -> String {
        format!("{} ({})", self.scenario, self.points.join("+"))
    }
}

/// All scenarios from client and pod, and from client, node and pod where there is a node.
pub(crate) fn views() -> &'static [View] {
    static VIEWS: LazyLock<Vec<View>> = LazyLock::new(|| {
        let mut views = Vec::new();
        for scenario in SCENARIOS {
            let sets: [&'static [&'static str]; 2] =
                [&["client", "pod"], &["client", "node", "pod"]];
            for points in sets {
                if points.iter().all(|p| capture(scenario, p).exists()) {
                    let truth = Truth::load(folder(scenario).join("truth.json"));
                    let report = analyse_scenario(scenario, points);
                    views.push(View { scenario, points, truth, report });
                }
            }
        }
        views
    });
    &VIEWS
}

/// A scenario as client and pod see it.
pub(crate) fn view(scenario: &str) -> &'static View {
    views().iter().find(|v| v.scenario == scenario && v.points.len() == 2).unwrap()
}

pub(crate) fn testdata() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata")
}

pub(crate) fn folder(scenario: &str) -> PathBuf {
    testdata().join(scenario)
}

pub(crate) fn capture(scenario: &str, point: &str) -> PathBuf {
    folder(scenario).join(format!("{point}.pcap.gz"))
}

pub(crate) fn analyse_scenario(scenario: &str, points: &[&str]) -> Report {
    analyse(&points.iter().map(|p| (*p, vec![capture(scenario, p)])).collect::<Vec<_>>())
}

pub(crate) fn analyse(points: &[(&str, Vec<PathBuf>)]) -> Report {
    let mut analysis = Analysis::builder();
    for (name, files) in points {
        analysis = analysis.point(*name, files);
    }
    analysis.run().unwrap().report
}

/// The report for people, without colours.
pub(crate) fn text(report: &Report) -> String {
    let mut text = Vec::new();
    write_text(report, TextStyle::default(), &mut text).unwrap();
    String::from_utf8(text).unwrap()
}

/// A folder that is gone after the test.
pub(crate) struct Scratch(tempfile::TempDir);

impl Scratch {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn folder(&self) -> PathBuf {
        self.0.path().to_owned()
    }

    pub(crate) fn put(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    /// Writes a capture as the lab does, unpacked.
    pub(crate) fn capture(&self, name: &str, capture: &Capture) -> PathBuf {
        self.put(name, &capture.pcap(PcapWriter::new().nanos()))
    }
}

/// A scenario's client and pod captures, to be changed. Unpacked once.
pub(crate) fn captures(scenario: &'static str) -> [Capture; 2] {
    type Unpacked = BTreeMap<&'static str, [Capture; 2]>;
    static UNPACKED: Mutex<Unpacked> = Mutex::new(BTreeMap::new());
    let mut unpacked = UNPACKED.lock().unwrap();
    let load = || ["client", "pod"].map(|p| Capture::load(capture(scenario, p)));
    unpacked.entry(scenario).or_insert_with(load).clone()
}

/// Analyses changed captures of client and pod.
pub(crate) fn analyse_changed(client: &Capture, pod: &Capture) -> Report {
    let scratch = Scratch::new();
    let files = [("client", client), ("pod", pod)]
        .map(|(name, c)| (name, vec![scratch.capture(&format!("{name}.pcap"), c)]));
    analyse(&files)
}

/// What a report claims, in its order.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Claim<'a> {
    id: &'a str,
    severity: &'a str,
    verdict: &'a str,
    hung_side: &'a str,
    connections: &'a [String],
}

pub(crate) fn claims(report: &Report) -> Vec<Claim<'_>> {
    report
        .findings
        .iter()
        .map(|f| Claim {
            id: &f.id,
            severity: &f.severity,
            verdict: &f.verdict,
            hung_side: &f.hung_side,
            connections: &f.connections,
        })
        .collect()
}

/// The legs that are no strays, from client to server.
pub(crate) fn regular(connection: &Connection) -> Vec<&Leg> {
    connection.legs.iter().filter(|l| !l.stray).collect()
}

/// Fails with all `problems`, or the first of very many.
pub(crate) fn assert_none(problems: &[String]) {
    let shown: Vec<&str> = problems.iter().take(25).map(String::as_str).collect();
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), shown.join("\n"));
}
