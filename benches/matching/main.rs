//! Matching the connections of two points, simulated with everything that makes it hard: time, memory, how both grow,
//! and what the same join costs in DuckDB. The truth is known: no pair may be wrong, and hardly one be missed.
//!
//! `CROSSCAP_BENCH_BYTES` sets how many connections there are, one for every 1,000; a million where it is not set. Each
//! figure comes from a process of its own.

#![allow(clippy::print_stdout, reason = "the tables")]

mod duckdb;
mod jobs;
// Shared with the tests of matching.
#[path = "../../crates/correlation/tests/it/judge.rs"]
mod judge;
#[path = "../../crates/correlation/tests/it/seen.rs"]
mod seen;
mod simulated;

use std::collections::BTreeMap;
use std::env;
use std::process::Command;

fn main() {
    if let Ok(job) = env::var(jobs::JOB) {
        return jobs::work(&job);
    }
    let is_bench = env::args().any(|a| a == "--bench");
    let default: u32 = if is_bench { 1_000_000_000 } else { 1_000_000 };
    let bytes = env::var("CROSSCAP_BENCH_BYTES")
        .map_or(default, |size| size.parse().expect("CROSSCAP_BENCH_BYTES: a number of bytes"));
    let connections = (bytes / 1_000).max(100);
    let (small, large) = (connections / 10, connections);
    let recall = growth(small, large);
    share(small);
    duckdb::compare(small);
    if is_bench {
        duckdb::compare(large);
    }
    for (way, [found, all]) in recall {
        assert!(found * 1_000.0 >= all * 999.0, "{way}: {found} of {all}");
    }
}

/// Time and memory of matching, of a tenth and of all; joined and all pairs of legs that share an initial sequence number.
fn growth(small: u32, large: u32) -> Vec<(&'static str, [f64; 2])> {
    println!(
        "\n| connections | threads | legs | keys and join, wall s | all, wall s | CPU s | CPU ns/leg | MiB before | peak |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    let mut walls = BTreeMap::new();
    for connections in [small, large] {
        for threads in [1, 2] {
            let f = run(&format!("match {connections}"), threads);
            let (cpu, legs) = (f["cpu"], f["legs"]);
            println!(
                "| {connections} | {threads} | {legs} | {:.3} | {:.3} | {cpu:.3} | {:.0} | {:.0} | {:.0} |",
                f["join"],
                f["wall"],
                cpu * 1e9 / legs,
                f["before"],
                f["peak"],
            );
            walls.insert((connections, threads), f);
        }
    }
    for threads in [1, 2] {
        let [a, b] = [small, large].map(|connections| &walls[&(connections, threads)]);
        println!(
            "{threads} threads: {:.1} times the legs take {:.1} times the time, {:.1} times the CPU time",
            b["legs"] / a["legs"],
            b["wall"] / a["wall"],
            b["cpu"] / a["cpu"]
        );
    }
    let f = &walls[&(large, 1)];
    let pairs =
        |way| ["found", "all"].map(|of| f.get(&format!("{of}-{way}")).copied().unwrap_or_default());
    for way in ["IsnPair", "OneIsn", "Range", "Stray", "Less"] {
        let [found, all] = pairs(way);
        println!("{way}: {found} of {all} pairs of legs joined");
    }
    println!("wrong, by weaker keys than those: {}", f["wrong-weak"]);
    ["IsnPair", "OneIsn"].map(|way| (way, pairs(way))).to_vec()
}

/// Matching as a share of the whole analysis.
fn share(connections: u32) {
    let f = run(&format!("share {connections}"), 1);
    let [read, join, rest, screen, whole] =
        ["read", "join", "rest", "screen", "whole"].map(|step| f[step]);
    println!(
        "\n{connections} connections, {} packets in files, 1 thread, CPU s: reading and tracking {read:.2}, keys and join \
         {join:.2}, the rest of correlate {rest:.2}, screening {screen:.2} ({} suspects); the whole analysis {whole:.2}",
        f["packets"], f["suspects"]
    );
    let all = join + rest;
    println!(
        "correlate is {:.1} % of the whole, {:.1} % of reading, correlate and screening; its keys and join {:.1} % of the whole",
        100.0 * all / whole,
        100.0 * all / (read + all + screen),
        100.0 * join / whole
    );
}

/// Does a job in a process of its own; the figures it tells.
fn run(job: &str, threads: usize) -> BTreeMap<String, f64> {
    let mut command = Command::new(env::current_exe().expect("its own name"));
    command.env(jobs::JOB, job).env("RAYON_NUM_THREADS", threads.to_string());
    let output = command.output().expect("a process");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{job}: {}\n{text}", String::from_utf8_lossy(&output.stderr));
    let figures = text.lines().filter_map(|line| line.split_once(' '));
    figures.filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?))).collect()
}
