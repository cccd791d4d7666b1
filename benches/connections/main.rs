//! The table of all connections of a large capture, made by crosscap and by others: CPU time for each packet, and memory.
//! Each runs as a process of its own and must find every packet and connection, where it tells.
//!
//! `CROSSCAP_BENCH_BYTES` sets the size of each of the three captures, 1 GiB if it is not set. They are written once,
//! into `target/bench-data`. Slow programs read captures of a sixteenth of that.

#![allow(clippy::print_stdout, reason = "the table")]

mod programs;
mod usage;

use std::env;
use std::path::Path;

use crosscap_benches::{Capture, Format, Traffic, capture};

use programs::{PROGRAMS, Program};
use usage::Usage;

fn main() {
    if let Ok(file) = env::var(programs::READ) {
        return programs::read(Path::new(&file));
    }
    let arguments: Vec<String> = env::args().skip(1).collect();
    // Not in a test run: only whether it works.
    let (default, rounds) =
        if arguments.iter().any(|a| a == "--bench") { (1 << 30, ROUNDS) } else { (1 << 20, 1) };
    let size = env::var("CROSSCAP_BENCH_BYTES")
        .map_or(default, |size| size.parse().expect("CROSSCAP_BENCH_BYTES: a number of bytes"));
    let picked = |name: &str| {
        let mut names = arguments.iter().filter(|a| !a.starts_with('-')).peekable();
        names.peek().is_none() || names.any(|n| name.contains(n.as_str()))
    };
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../bench-data");
    for traffic in [Traffic::Big, Traffic::Small, Traffic::Short] {
        let make = |size| capture(&folder, traffic, Format::Pcap, size).expect("a place for it");
        let captures = [make(size), make(size / SLICE)];
        let chosen: Vec<&Program> = PROGRAMS
            .iter()
            .filter(|p| picked(&format!("{}/{}", captures[0].name, p.name)))
            .collect();
        if !chosen.is_empty() {
            print(&captures, &chosen, rounds);
        }
    }
}

fn print(captures: &[Capture; 2], programs: &[&Program], rounds: usize) {
    let [whole, slice] = captures;
    println!(
        "\n{}: {} packets, {} connections; slice: {} packets, {} connections",
        whole.name, whole.packets, whole.connections, slice.packets, slice.connections
    );
    println!("| program | CPU ns/packet | ratio | wall ns/packet | peak MiB |");
    println!("|---|---|---|---|---|");
    let mut usages = vec![Vec::new(); programs.len()];
    // Each in its turn: what disturbs, disturbs all.
    for _ in 0..rounds {
        for (program, usages) in programs.iter().zip(&mut usages) {
            let capture = if program.is_slow { slice } else { whole };
            usages.extend(program.run(capture));
        }
    }
    let mut base = None;
    for (program, usages) in programs.iter().zip(&usages) {
        let name =
            if program.is_slow { format!("{}, slice", program.name) } else { program.name.into() };
        if usages.is_empty() {
            println!("| {name} | not installed | | | |");
            continue;
        }
        let capture = if program.is_slow { slice } else { whole };
        let median = |of: fn(&Usage) -> f64| {
            let mut values: Vec<f64> = usages.iter().map(of).collect();
            values.sort_by(f64::total_cmp);
            values[values.len() / 2]
        };
        let per_packet = |seconds: f64| seconds * 1e9 / capture.packets as f64;
        let cpu = per_packet(median(|u| u.cpu_seconds));
        let wall = per_packet(median(|u| u.wall_seconds));
        let peak = median(|u| u.peak_bytes as f64) / f64::from(1 << 20);
        let ratio = cpu / *base.get_or_insert(cpu);
        println!("| {name} | {cpu:.0} | {ratio:.2} | {wall:.0} | {peak:.0} |");
    }
}

const SLICE: u64 = 16;
const ROUNDS: usize = 3;
