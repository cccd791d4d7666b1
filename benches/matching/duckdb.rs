//! The same join in DuckDB.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::process::Command;

use crosscap_correlation::Correlation;

use crate::run;

/// A connection of the first point and one of the second.
type Pair = (u32, u32);

/// Joins the connections of both points in DuckDB and here, on one thread and on two, and compares the pairs.
pub(crate) fn compare(connections: u32) {
    let there = Command::new("python3").args(["-c", "import duckdb"]).output();
    if !there.is_ok_and(|output| output.status.success()) {
        println!("\nDuckDB: no python3 with the package duckdb");
        return;
    }
    println!(
        "\n| connections | threads | keys and join, s | correlate, s | DuckDB: load, s | join, s | keys and join/DuckDB's join |"
    );
    println!("|---|---|---|---|---|---|---|");
    let mut same = String::new();
    for threads in [1, 2] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let ours = run(&format!("export {connections} {}", folder.path().display()), threads);
        let theirs = join(folder.path(), threads);
        println!(
            "| {connections} | {threads} | {:.3} | {:.3} | {:.3} | {:.3} | {:.2} |",
            ours["join"],
            ours["wall"],
            theirs["load"],
            theirs["join"],
            ours["join"] / theirs["join"]
        );
        same = compare_pairs(folder.path());
    }
    println!("{same}");
}

/// Runs the script; the figures it tells.
fn join(folder: &Path, threads: usize) -> HashMap<String, f64> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/matching/duckdb_join.py");
    let mut command = Command::new("python3");
    let output =
        command.arg(script).arg(folder).arg(threads.to_string()).output().expect("python3");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let figures = text.lines().filter_map(|line| line.split_once(' '));
    figures.filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?))).collect()
}

/// Writes a table of the connections of each of the first two points, and the pairs that were joined.
pub(crate) fn write_tables(found: &Correlation, folder: &Path) -> io::Result<()> {
    for (index, table) in ["a.csv", "b.csv"].into_iter().enumerate() {
        let mut file = BufWriter::new(File::create(folder.join(table))?);
        writeln!(file, "connection,orig_addr,orig_port,resp_addr,resp_port,orig_isn,resp_isn")?;
        for (number, c) in found.points[index].connections.iter().enumerate() {
            let [orig, resp] = crosscap_reassembly::Direction::BOTH
                .map(|d| c.flow(d).isn.map_or_else(String::new, |isn| isn.0.to_string()));
            let (from, to) = (c.orig, c.resp);
            let ends = format!("{},{},{},{}", from.addr, from.port, to.addr, to.port);
            writeln!(file, "{number},{ends},{orig},{resp}")?;
        }
    }
    let create = |name: &str| File::create(folder.join(name)).map(BufWriter::new);
    let (mut both, mut all) = (create("crosscap_both.csv")?, create("crosscap.csv")?);
    for path in &found.paths {
        let at = |point| path.regular().filter(move |l| l.point == point);
        for (a, b) in at(0).flat_map(|a| at(1).map(move |b| (a, b))) {
            let line = format!("{},{}\n", a.connection, b.connection);
            if [a, b].iter().all(|leg| leg.of(&found.points).isn_pair().is_some()) {
                both.write_all(line.as_bytes())?;
            }
            all.write_all(line.as_bytes())?;
        }
    }
    both.flush()?;
    all.flush()
}

/// What both found. Of pairs by both numbers, crosscap must have found the same, but for the few that it leaves open as
/// other things of them contradict each other.
fn compare_pairs(folder: &Path) -> String {
    let read = |name: &str| -> HashSet<Pair> {
        let text = fs::read_to_string(folder.join(name)).expect("just written");
        let pair = |line: &str| {
            let (a, b) = line.split_once(',')?;
            Some((a.trim().parse().ok()?, b.trim().parse().ok()?))
        };
        text.lines().filter_map(pair).collect()
    };
    let [ours, ours_by_both, by_both, by_one] =
        ["crosscap.csv", "crosscap_both.csv", "both.csv", "one.csv"].map(read);
    assert!(!by_both.is_empty());
    assert!(ours_by_both.is_subset(&by_both), "pairs that do not share both numbers");
    let open = by_both.len() - ours_by_both.len();
    assert!(open * 10_000 < by_both.len(), "{open} of {} pairs were not found", by_both.len());
    let also = by_one.intersection(&ours).count();
    format!(
        "the same {} pairs by both numbers, {open} more left open; by one and the port {also} of DuckDB's {}; crosscap has {} more",
        ours_by_both.len(),
        by_one.len(),
        ours.len() - ours_by_both.len() - also
    )
}
