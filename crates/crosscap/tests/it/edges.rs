//! Crates depend downwards only: the edges of docs/architecture.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, MetadataCommand};

/// What each crate may be built on. What is not named here may be built on nothing of the workspace.
const ALLOWED: &[(&str, &[&str])] = &[
    ("crosscap-packet", &[]),
    ("crosscap-parser", &["crosscap-packet"]),
    ("crosscap-reassembly", &["crosscap-packet"]),
    ("crosscap-correlation", &["crosscap-reassembly", "crosscap-packet"]),
    ("crosscap-diagnosis", &["crosscap-correlation", "crosscap-reassembly", "crosscap-packet"]),
    (
        "crosscap-report",
        &["crosscap-diagnosis", "crosscap-correlation", "crosscap-reassembly", "crosscap-packet"],
    ),
    (
        "crosscap",
        &[
            "crosscap-report",
            "crosscap-diagnosis",
            "crosscap-correlation",
            "crosscap-reassembly",
            "crosscap-parser",
            "crosscap-packet",
        ],
    ),
    ("crosscap-cli", &["crosscap"]),
    ("crosscap-testkit", &[]),
    ("crosscap-examples", &[]),
    ("crosscap-benches", &[]),
];

/// Of each crate of the workspace, the crates of the workspace it names, and how.
fn edges() -> BTreeMap<String, Vec<(String, DependencyKind)>> {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let metadata = MetadataCommand::new().manifest_path(manifest).no_deps().exec().unwrap();
    let names: BTreeSet<String> = metadata.packages.iter().map(|p| p.name.to_string()).collect();
    let named = metadata.packages.iter().map(|p| {
        let mine = p.dependencies.iter().filter(|d| names.contains(&d.name));
        (p.name.to_string(), mine.map(|d| (d.name.clone(), d.kind)).collect())
    });
    named.collect()
}

#[test]
fn crates_depend_downwards_only() {
    for (name, dependencies) in edges() {
        let allowed = ALLOWED.iter().find(|(n, _)| *n == name);
        let (_, allowed) = allowed.unwrap_or_else(|| panic!("{name} is not in the table"));
        for (dependency, _) in
            dependencies.iter().filter(|(_, k)| *k != DependencyKind::Development)
        {
            assert!(allowed.contains(&dependency.as_str()), "{name} → {dependency}");
        }
    }
}

#[test]
fn every_crate_of_the_table_exists() {
    let there = edges();
    for (name, _) in ALLOWED {
        assert!(there.contains_key(*name), "{name}");
    }
}

#[test]
fn the_testkit_is_for_tests_and_shares_no_code_with_what_it_tests() {
    let all = edges();
    for (name, dependencies) in &all {
        for (dependency, kind) in dependencies {
            let for_tests =
                dependency != "crosscap-testkit" || *kind == DependencyKind::Development;
            assert!(for_tests, "{name} → {dependency}");
        }
    }
    assert!(all["crosscap-testkit"].is_empty(), "{:?}", all["crosscap-testkit"]);
}
