//! Times the whole analysis of the incident in `testdata/`, and asserts the answer it timed.
//!
//! The captures are decompressed first, so that what is timed is reading, tracking, matching, the second look and the
//! report, but neither gzip nor writing.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::hint::black_box;
use std::io;
use std::path::{Path, PathBuf};

use criterion::{Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use crosscap::report::Report;
use crosscap::{Analysis, Error};
use crosscap_testkit::Truth;
use flate2::read::GzDecoder;

const POINTS: [&str; 2] = ["client", "pod"];
const FINDING: &str = "nat-expired-server-spoke";

fn diagnose(c: &mut Criterion) {
    let incident = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/incident");
    let plain = tempfile::tempdir().expect("a temporary folder");
    let files = POINTS.map(|name| {
        let file = plain.path().join(format!("{name}.pcap"));
        decompress(&incident.join(format!("{name}.pcap.gz")), &file).expect("a readable capture");
        file
    });
    let bytes = files.iter().map(|f| fs::metadata(f).expect("just written").len()).sum();
    let hung = hung_connections(&incident);
    assert_eq!(hung.len(), 4, "the incident is about 4 connections");

    let mut group = c.benchmark_group("diagnose/incident");
    group.sample_size(20).sampling_mode(SamplingMode::Flat).throughput(Throughput::Bytes(bytes));
    for threads in [1, 2] {
        group.bench_function(format!("threads={threads}"), |b| {
            b.iter(|| {
                let report = analyse(&files, threads).expect("an analysis");
                assert_eq!(broken(&report), hung);
                black_box(report)
            });
        });
    }
    group.finish();
}

fn analyse(files: &[PathBuf; 2], threads: usize) -> Result<Report, Error> {
    let [client, pod] = files;
    let analysis = Analysis::builder().point(POINTS[0], [client]).point(POINTS[1], [pod]);
    Ok(analysis.threads(threads).run()?.report)
}

/// Connections that the report calls broken; all of them must be confirmed to have hung in this way.
fn broken(report: &Report) -> BTreeSet<String> {
    let broken = report.findings.iter().filter(|f| f.severity == "broken");
    broken
        .inspect(|f| assert_eq!((f.id.as_str(), f.verdict.as_str()), (FINDING, "confirmed")))
        .flat_map(|f| f.connections.iter().cloned())
        .collect()
}

/// Connections that hung in this way, according to the lab.
fn hung_connections(scenario: &Path) -> BTreeSet<String> {
    let truth = Truth::load(scenario.join("truth.json"));
    let hung = truth.connections.iter().filter(|c| c.finding.as_deref() == Some(FINDING));
    hung.filter_map(|c| Some(format!("{}>{}", c.orig_client.as_ref()?, c.resp_client.as_ref()?)))
        .collect()
}

fn decompress(from: &Path, to: &Path) -> io::Result<()> {
    io::copy(&mut GzDecoder::new(File::open(from)?), &mut File::create(to)?)?;
    Ok(())
}

criterion_group!(benches, diagnose);
criterion_main!(benches);
