//! The `crosscap` command as its users meet it.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "helpers of tests")]

// What goes in: points, files, options.
mod arguments;
// The connection table.
mod connections;
// Where captures come from: the standard input, pipes, directories, patterns.
mod inputs;
// What capture files are.
mod info;
// What comes out: status, report, warnings.
mod status;
// The bytes of a connection.
mod stream;
// What reaches a terminal, and what must not.
mod terminal;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The command in `folder`, with no say about colours from outside.
fn crosscap(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_crosscap"));
    for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "CI"] {
        command.env_remove(name);
    }
    command.current_dir(folder);
    command
}

fn testdata(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata").join(path)
}

fn arg(path: &str) -> String {
    testdata(path).to_str().unwrap().to_owned()
}

/// Runs `crosscap diagnose` somewhere.
fn diagnose(args: &[&str]) -> Output {
    diagnose_in(&std::env::temp_dir(), args)
}

fn diagnose_in(folder: &Path, args: &[&str]) -> Output {
    crosscap(folder).arg("diagnose").args(args).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// Both points of a scenario.
fn both(scenario: &str) -> [String; 2] {
    ["client", "pod"].map(|p| arg(&format!("{scenario}/{p}.pcap.gz")))
}

/// Runs with a fault in the arguments or files: status 2, nothing on stdout, one line that names the culprit on stderr.
fn refused(folder: &Path, args: &[&str], culprit: &str) {
    let output = diagnose_in(folder, args);
    assert_eq!(output.status.code(), Some(2), "{args:?}");
    assert!(output.stdout.is_empty(), "{args:?}");
    let said = text(&output.stderr);
    assert_eq!(said.lines().count(), 1, "{args:?}: {said}");
    assert!(said.starts_with("crosscap: ") && said.contains(culprit), "{args:?}: {said}");
}

fn scratch() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}
