//! Reading large captures: records alone, then decoded down to TCP; beside other readers and beside reading no more than
//! the bytes. Every reader must see every packet.
//!
//! `CROSSCAP_BENCH_BYTES` sets the size of each of the four captures, 1 GiB if it is not set. They are written once, into
//! `target/bench-data`.

#![allow(clippy::print_stdout, reason = "the table of CPU times")]

mod readers;

use std::env;
use std::path::Path;
use std::time::Duration;

use criterion::{Criterion, SamplingMode, Throughput};
use crosscap_benches::{Capture, Format, Traffic, capture, cpu_seconds};
use readers::{CAPINFOS, Reader, readers};

fn main() {
    let size = env::var("CROSSCAP_BENCH_BYTES")
        .map_or(1 << 30, |size| size.parse().expect("CROSSCAP_BENCH_BYTES: a number of bytes"));
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../bench-data");
    let captures = [
        (Traffic::Big, Format::Pcap),
        (Traffic::Big, Format::PcapNg),
        (Traffic::Small, Format::Pcap),
        (Traffic::Small, Format::PcapNg),
    ]
    .map(|(what, format)| capture(&folder, what, format, size).expect("a place for the captures"));

    let mut criterion = Criterion::default().configure_from_args();
    for capture in &captures {
        time(&mut criterion, capture);
    }
    criterion.final_summary();
    // Not in a test run, nor when something is picked out.
    if env::args().skip(1).eq(["--bench"]) {
        captures.iter().for_each(print_cpu);
    }
}

/// Wall times, by Criterion.
fn time(criterion: &mut Criterion, capture: &Capture) {
    let mut group = criterion.benchmark_group(format!("reading/{}", capture.name));
    group
        .sample_size(10)
        .sampling_mode(SamplingMode::Flat)
        .throughput(Throughput::Bytes(capture.len));
    group.warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
    // Another process: its CPU time is compared, below.
    for (name, reader) in readers(capture).into_iter().filter(|(name, _)| *name != CAPINFOS) {
        group.bench_function(name, |b| b.iter(|| run(name, reader, capture)));
    }
    group.finish();
}

/// CPU times as ratios to the floor: medians of rounds in which each reader has its turn.
fn print_cpu(capture: &Capture) {
    let readers = readers(capture);
    let mut ratios = vec![Vec::new(); readers.len()];
    let mut floors = Vec::new();
    for _ in 0..ROUNDS {
        let mut floor = None;
        for ((name, reader), ratios) in readers.iter().zip(&mut ratios) {
            let Some(before) = cpu_seconds() else { return };
            run(name, *reader, capture);
            let Some(after) = cpu_seconds() else { return };
            let floor = floor.get_or_insert(after - before);
            ratios.push((after - before) / *floor);
        }
        floors.extend(floor);
    }
    let nanos = median(&mut floors) * 1e9 / capture.packets as f64;
    println!(
        "\n{}: {} packets, CPU time (floor: {nanos:.1} ns/packet)",
        capture.name, capture.packets
    );
    for ((name, _), ratios) in readers.iter().zip(&mut ratios) {
        println!("| {name} | {:.2} |", median(ratios));
    }
}

fn run(name: &str, reader: Reader, capture: &Capture) {
    let expected = if name == "floor" { capture.len } else { capture.packets };
    assert_eq!(reader(&capture.path), expected, "{name}");
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

const ROUNDS: usize = 5;
