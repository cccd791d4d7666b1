//! testdata/README.md names what is there.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crosscap_testkit::{Capture, Truth};

use crate::support::{LAYOUTS, ONE_POINT, SCENARIOS, folder, testdata};

/// All files below, and their sizes.
fn files(below: &Path) -> Vec<(PathBuf, u64)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(below).unwrap().map(Result::unwrap) {
        // What Python leaves behind is not committed.
        if entry.file_name() == "__pycache__" {
            continue;
        }
        if entry.file_type().unwrap().is_dir() {
            found.extend(files(&entry.path()));
        } else {
            found.push((entry.path(), entry.metadata().unwrap().len()));
        }
    }
    found
}

fn is_capture(name: &str) -> bool {
    let plain = name.trim_end_matches(".gz");
    [".pcap", ".pcapng", ".cap"].iter().any(|end| plain.ends_with(end) && plain.len() > end.len())
}

fn on_disk() -> BTreeSet<String> {
    let all = files(&testdata()).into_iter();
    let names = all.map(|(path, _)| path.strip_prefix(testdata()).unwrap().display().to_string());
    names.filter(|name| is_capture(name)).collect()
}

fn readme() -> String {
    fs::read_to_string(testdata().join("README.md")).unwrap()
}

#[test]
fn the_readme_names_every_capture_and_no_other() {
    let readme = readme();
    let quoted = readme.lines().flat_map(|line| line.split('`').skip(1).step_by(2));
    let named: BTreeSet<String> = quoted.filter(|q| is_capture(q)).map(Into::into).collect();
    assert_eq!(named, on_disk());
    assert!(!named.is_empty());
}

#[test]
fn the_readme_says_what_each_capture_shows_how_many_packets_it_has_and_what_made_it() {
    let readme = readme();
    let rows: BTreeMap<&str, Vec<&str>> = readme
        .lines()
        .filter_map(|line| {
            let cells: Vec<&str> = line.strip_prefix("| `")?.split('|').map(str::trim).collect();
            Some((cells[0].trim_end_matches('`'), cells))
        })
        .collect();
    for name in on_disk() {
        let row = rows.get(name.as_str()).unwrap_or_else(|| panic!("no row of {name}"));
        assert!(row[1].len() > 20, "what {name} shows: {}", row[1]);
        let packets = Capture::load(testdata().join(&name)).records.len();
        assert_eq!(row[2].replace(',', ""), packets.to_string(), "packets of {name}");
        let truth = Truth::load(testdata().join(&name).with_file_name("truth.json"));
        assert!(row[3].contains(&truth.command), "{name}: {} or {}", row[3], truth.command);
    }
}

#[test]
fn every_folder_with_captures_has_its_truth_and_the_truth_names_every_capture() {
    let mut scenarios = BTreeMap::new();
    for name in on_disk() {
        let (scenario, file) = name.split_once('/').unwrap();
        scenarios.entry(scenario.to_owned()).or_insert_with(BTreeSet::new).insert(file.to_owned());
    }
    let known: BTreeSet<&str> = SCENARIOS.into_iter().chain(LAYOUTS).chain([ONE_POINT]).collect();
    assert_eq!(scenarios.keys().map(String::as_str).collect::<BTreeSet<_>>(), known);
    for (scenario, captures) in scenarios {
        let truth = Truth::load(folder(&scenario).join("truth.json"));
        assert_eq!(truth.scenario, scenario);
        let named: BTreeSet<String> = truth.points.values().map(|p| p.file.clone()).collect();
        assert_eq!(named, captures, "{scenario}");
        assert!(!truth.connections.is_empty(), "{scenario}");
    }
}

#[test]
fn all_test_data_is_smaller_than_25_mb() {
    let total: u64 = files(&testdata()).iter().map(|(_, len)| len).sum();
    assert!(total < 25_000_000, "{total} bytes");
}
