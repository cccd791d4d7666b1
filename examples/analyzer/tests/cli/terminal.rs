//! What reaches a terminal, and what must not.

use std::fs;

use serde_json::Value;

use crate::{both, crosscap, diagnose_in, scratch, testdata, text};

#[test]
fn colours_are_for_terminals_and_for_those_who_ask() {
    let [client, pod] = both("slow-server");
    let run = |variables: &[(&str, &str)]| {
        let mut command = crosscap(&std::env::temp_dir());
        let output = command.arg("diagnose").args([&client, &pod]).envs(variables.iter().copied());
        text(&output.output().unwrap().stdout).to_owned()
    };
    let plain = run(&[]);
    assert!(!plain.contains('\u{1b}'));
    let forced = run(&[("CLICOLOR_FORCE", "1")]);
    assert!(forced.contains("\u{1b}["));
    // The same words in another dress.
    let mut bare = forced.split("\u{1b}[");
    let first = bare.next().unwrap().to_owned();
    let rest: String = bare.map(|part| part.split_once('m').unwrap().1).collect();
    assert_eq!(first + &rest, plain);
    for variables in [&[("NO_COLOR", "1")][..], &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]] {
        assert_eq!(run(variables), plain, "{variables:?}");
    }
}

#[test]
fn json_is_json_whatever_the_terminal_likes() {
    let [client, pod] = both("invalid");
    let output = crosscap(&std::env::temp_dir())
        .args(["diagnose", "--format", "json", &client, &pod])
        .env("CLICOLOR_FORCE", "1")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(output.stdout.last(), Some(&b'\n'));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["schema"], "crosscap-report/1");
    assert_eq!(report["generator"]["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(report["findings"][0]["id"], "conntrack-invalid-reply");
    assert_eq!(report["connections"].as_array().unwrap().len(), 240);
}

#[cfg(unix)]
#[test]
fn a_file_name_cannot_speak_to_the_terminal() {
    let scratch = scratch();
    // Would clear the screen.
    let name = "pod\u{1b}[2J.pcap.gz";
    let whole = fs::read(testdata("healthy/pod.pcap.gz")).unwrap();
    fs::write(scratch.path().join(name), &whole[..whole.len() / 2]).unwrap();
    let output = diagnose_in(scratch.path(), &[name]);
    assert_eq!(output.status.code(), Some(0));
    assert!(text(&output.stdout).contains("pod\\u{1b}[2J"), "{}", text(&output.stdout));
    assert!(!text(&output.stdout).contains('\u{1b}'));
    assert!(!text(&output.stderr).contains('\u{1b}'), "warning: {:?}", text(&output.stderr));
}

#[cfg(unix)]
#[test]
fn an_error_about_a_file_cannot_speak_to_the_terminal() {
    let scratch = scratch();
    let name = "pod\u{1b}[2J.pcap";
    let missing = diagnose_in(scratch.path(), &[name]);
    assert!(!text(&missing.stderr).contains('\u{1b}'), "missing: {:?}", text(&missing.stderr));
    fs::write(scratch.path().join(name), "").unwrap();
    let empty = diagnose_in(scratch.path(), &[name]);
    assert!(!text(&empty.stderr).contains('\u{1b}'), "empty: {:?}", text(&empty.stderr));
    let twice = diagnose_in(scratch.path(), &[name, name]);
    assert!(!text(&twice.stderr).contains('\u{1b}'), "twice: {:?}", text(&twice.stderr));
}
