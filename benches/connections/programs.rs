//! What is compared: each reads a whole file and keeps a table of its connections.

use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

use crosscap_benches::Capture;
use crosscap_packet::{Decoded, Decoder};
use crosscap_parser::CaptureFile;
use crosscap_reassembly::{Direction, Tracker};

use crate::usage::{self, Usage};

pub(crate) struct Program {
    pub(crate) name: &'static str,
    /// Whether it has only a slice to read.
    pub(crate) is_slow: bool,
    /// How to run it on a capture, in an empty folder.
    command: fn(&Path, &Path) -> Command,
    /// Packets and connections it found, from its output and that folder, where it tells.
    found: fn(&str, &Path) -> [Option<u64>; 2],
}

impl Program {
    /// `None` where it is not installed.
    pub(crate) fn run(&self, capture: &Capture) -> Option<Usage> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut command = (self.command)(&capture.path, folder.path());
        let (usage, output) = match usage::run(&mut command) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return None,
            other => other.expect("a process"),
        };
        let expected = [capture.packets, capture.connections];
        for (found, expected) in (self.found)(&output, folder.path()).into_iter().zip(expected) {
            assert_eq!(found.unwrap_or(expected), expected, "{}: {output}", self.name);
        }
        Some(usage)
    }
}

pub(crate) const PROGRAMS: &[Program] = &[
    Program { name: "crosscap", is_slow: false, command: crosscap, found: two_numbers },
    Program {
        name: "cat",
        is_slow: false,
        command: |file, _| command("cat", &[], file),
        found: |_, _| [None; 2],
    },
    Program {
        name: "nfpcapd",
        is_slow: false,
        command: |file, folder| with_folder(command("nfpcapd", &["-r"], file).arg("-w"), folder),
        // A flow is one direction there, and begins anew after five minutes.
        found: |output, _| [sum_behind(output, "Packets: "), None],
    },
    Program {
        name: "argus",
        is_slow: false,
        // -X: no configuration of this machine.
        command: |file, folder| {
            with_folder(command("argus", &["-X", "-r"], file).arg("-w"), &folder.join("records"))
        },
        found: |_, folder| {
            let len = fs::metadata(folder.join("records")).map_or(0, |file| file.len());
            assert!(len > 1000, "argus has written nothing");
            [None; 2]
        },
    },
    Program {
        name: "tcptrace -n",
        is_slow: false,
        command: |file, _| command("tcptrace", &["-n"], file),
        found: tcptrace,
    },
    Program {
        name: "tcptrace -n -l",
        is_slow: false,
        command: |file, _| command("tcptrace", &["-n", "-l"], file),
        found: tcptrace,
    },
    Program {
        name: "tcpflow",
        is_slow: true,
        // -FX: no file for each flow.
        command: |file, folder| {
            let mut command = command("tcpflow", &["-q", "-FX", "-r"], file);
            command.arg("-X").arg(folder.join("report")).arg("-o");
            with_folder(&mut command, folder)
        },
        found: |_, folder| {
            let report = fs::read_to_string(folder.join("report")).unwrap_or_default();
            assert!(report.contains("<tcpflow "), "tcpflow has reported nothing");
            [None; 2]
        },
    },
    Program {
        name: "tshark -z conv,tcp",
        is_slow: true,
        command: |file, _| command("tshark", &["-n", "-q", "-z", "conv,tcp", "-r"], file),
        found: tshark,
    },
];

/// Set for the process that is timed: the file to read.
pub(crate) const READ: &str = "CROSSCAP_BENCH_READ";

fn crosscap(file: &Path, _: &Path) -> Command {
    let mut command = Command::new(env::current_exe().expect("its own name"));
    command.env(READ, file);
    command
}

/// What is timed of crosscap: on one thread, as the analysis reads a point.
pub(crate) fn read(file: &Path) {
    let mut capture = CaptureFile::open(file, 0).expect("a capture");
    let (mut decoder, mut tracker) = (Decoder::new(), Tracker::new());
    while let Some(r) = capture.next_record().expect("a readable capture") {
        match decoder.decode(r.link_type, r.data, r.original_len, r.timestamp) {
            Decoded::Tcp(packet) => _ = tracker.push(r.frame, r.timestamp, &packet),
            Decoded::IcmpError(error) => tracker.push_icmp(r.frame, r.timestamp, &error),
            _ => {}
        }
    }
    let connections = tracker.finish();
    let flows = connections.iter().flat_map(|c| Direction::BOTH.map(|d| c.flow(d).clone()));
    println!("{} {}", flows.map(|f| f.packets).sum::<u64>(), connections.len());
}

fn command(program: &str, arguments: &[&str], file: &Path) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).arg(file);
    command
}

fn with_folder(command: &mut Command, folder: &Path) -> Command {
    command.arg(folder);
    std::mem::replace(command, Command::new(""))
}

fn two_numbers(output: &str, _: &Path) -> [Option<u64>; 2] {
    let mut numbers = output.split_whitespace().map(|n| n.parse().ok());
    [0, 1].map(|_| numbers.next().flatten())
}

/// The sum of the numbers that follow `what`.
fn sum_behind(output: &str, what: &str) -> Option<u64> {
    let digits = |text: &str| text.chars().take_while(char::is_ascii_digit).collect::<String>();
    output.split(what).skip(1).map(|rest| digits(rest).parse::<u64>().ok()).sum()
}

/// One line for each connection, or a block that begins with its number.
fn tcptrace(output: &str, _: &Path) -> [Option<u64>; 2] {
    let mut seen = output.lines().filter_map(|line| line.split_once(" packets seen"));
    let packets = seen.next().and_then(|(number, _)| number.parse().ok());
    let connections = output.lines().filter(|line| is_connection(line)).count();
    [packets, Some(connections as u64)]
}

fn is_connection(line: &str) -> bool {
    line.starts_with("TCP connection ") && line.ends_with(':') && !line.contains("info")
        || line
            .split_once(": ")
            .is_some_and(|(n, rest)| n.trim().parse::<u64>().is_ok() && rest.contains(" - "))
}

/// A row for each connection.
fn tshark(output: &str, _: &Path) -> [Option<u64>; 2] {
    let rows = output.lines().filter(|line| line.contains("<->"));
    [None, Some(rows.count() as u64)]
}
