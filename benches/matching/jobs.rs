//! What is done in a process of its own.

use std::fs;
use std::path::Path;
use std::time::Instant;

use crosscap::Analysis;
use crosscap_benches::{process_cpu_seconds, thread_cpu_seconds};
use crosscap_correlation::{Correlation, Matching, Point, Tier, correlate};
use crosscap_diagnosis::Screening;
use crosscap_packet::{Decoded, Decoder};
use crosscap_parser::CaptureFile;
use crosscap_reassembly::Tracker;
use crosscap_testkit::{PcapWriter, Simulation};

use crate::judge::{By, Verdict};
use crate::seen::{Seen, name, point};
use crate::{duckdb, simulated};

/// Set for a process that is timed: what it is to do.
pub(crate) const JOB: &str = "CROSSCAP_BENCH_MATCHING";

/// Does it, and tells figures, one a line.
pub(crate) fn work(job: &str) {
    let mut words = job.split_whitespace();
    let what = words.next().unwrap_or_default();
    let connections = words.next().and_then(|n| n.parse().ok()).expect("how many connections");
    let sim = simulated::simulation(connections);
    match what {
        "match" => match_all(&sim),
        "share" => share(&sim),
        "export" => export(&sim, Path::new(words.next().expect("a folder"))),
        _ => panic!("no such job: {job}"),
    }
}

fn match_all(sim: &Simulation) {
    let Seen { points, owners } = Seen::new(sim);
    println!("legs {}", owners.iter().map(Vec::len).sum::<usize>());
    println!("before {}", peak_mib());
    let found = timed(points);
    println!("peak {}", peak_mib());
    judge(sim, &owners, &found);
}

fn timed(points: Vec<Point>) -> Correlation {
    // Started before, as in an analysis: what is timed is matching.
    rayon_warm_up();
    let (begin, cpu) = (Instant::now(), thread_cpu_seconds());
    let matching = Matching::new(points);
    println!("join {}", begin.elapsed().as_secs_f64());
    let found = matching.finish(&[]);
    let cpu_after = thread_cpu_seconds();
    println!("wall {}", begin.elapsed().as_secs_f64());
    println!("cpu {}", cpu_after.unwrap_or_default() - cpu.unwrap_or_default());
    found
}

fn rayon_warm_up() {
    drop(correlate(vec![Point::new("none", Default::default())]));
}

/// No wrong pair by initial sequence numbers; how many were joined.
fn judge(sim: &Simulation, owners: &[Vec<Option<u32>>], found: &Correlation) {
    let verdict = Verdict::of(sim, owners, found);
    let is_sure = |tier| matches!(tier, Tier::IsnPair | Tier::OrigIsn | Tier::RespIsn);
    let wrong: Vec<_> = verdict.wrong.iter().filter(|w| is_sure(w.0)).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    println!("wrong-weak {}", verdict.wrong.len());
    for way in [By::IsnPair, By::OneIsn, By::Range, By::Stray, By::Less] {
        let [joined, all] = verdict.recall(way);
        println!("found-{way:?} {joined}\nall-{way:?} {all}");
    }
}

/// The steps of an analysis of files, on one thread, each by itself, and then the analysis as a whole.
fn share(sim: &Simulation) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut writers = vec![PcapWriter::new().nanos().snap_len(SNAP_LEN as u32); sim.points.len()];
    let mut packets = 0u64;
    for packet in sim.packets() {
        let frame = packet.frame().ethernet();
        let captured = &frame[..frame.len().min(SNAP_LEN)];
        let time = u64::try_from(packet.time).expect("after 1970");
        writers[packet.point].cut_packet(time, captured, frame.len() as u32);
        packets += 1;
    }
    let files: Vec<_> = (0..sim.points.len()).map(|p| folder.path().join(name(p))).collect();
    for (file, writer) in files.iter().zip(writers) {
        fs::write(file, writer.into_bytes()).expect("a place for it");
    }
    println!("packets {packets}");
    rayon_warm_up();
    let mut before = process_cpu_seconds().unwrap_or_default();
    let mut tell = |step: &str| {
        let now = process_cpu_seconds().unwrap_or_default();
        println!("{step} {}", now - before);
        before = now;
    };
    let read = files.iter().enumerate().map(|(p, file)| point(&name(p), track(file)));
    let points: Vec<Point> = read.collect();
    tell("read");
    let matching = Matching::new(points);
    tell("join");
    let found = matching.finish(&[]);
    tell("rest");
    println!("suspects {}", Screening::new(&found).suspects().len());
    tell("screen");
    let mut analysis = Analysis::builder().threads(1);
    for (p, file) in files.iter().enumerate() {
        analysis = analysis.point(name(p), [file]);
    }
    let outcome = analysis.run().expect("an analysis");
    tell("whole");
    assert_eq!(outcome.correlation.paths.len(), found.paths.len());
}

fn track(file: &Path) -> Tracker {
    let mut capture = CaptureFile::open(file, 0).expect("a capture");
    let (mut decoder, mut tracker) = (Decoder::new(), Tracker::new());
    while let Some(r) = capture.next_record().expect("a readable capture") {
        if let Decoded::Tcp(packet) =
            decoder.decode(r.link_type, r.data, r.original_len, r.timestamp)
        {
            tracker.push(r.frame, r.timestamp, &packet);
        }
    }
    tracker
}

fn export(sim: &Simulation, folder: &Path) {
    let points = Seen::new(sim).points;
    let found = timed(points);
    duckdb::write_tables(&found, folder).expect("a place for it");
}

/// The most memory that was resident so far; 0 where the system is not Linux.
fn peak_mib() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|l| l.trim().strip_suffix("kB")?.trim().parse::<f64>().ok());
    kib.unwrap_or_default() / 1_024.0
}

const SNAP_LEN: usize = 128;
