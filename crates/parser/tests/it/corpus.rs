//! Against tshark 4.0.17, over third-party captures that are not part of the repository: skipped where they are absent.

use std::path::{Path, PathBuf};

use crosscap_parser::{CaptureFile, Error, WarningKind};
use crosscap_testkit::{CorpusFile, corpus, map_corpus};

/// What a reader makes of a file; times of the first and last packet that has one.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Seen {
    frames: u64,
    first_ns: Option<i64>,
    last_ns: Option<i64>,
}

#[test]
fn packets_and_times_are_those_of_tshark() {
    let all = map_corpus(difference);
    println!("{} files, {} of them excepted", all.len(), EXCEPTIONS.len());
    let differences: Vec<String> = all.into_iter().flatten().collect();
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

fn difference(file: &CorpusFile) -> Option<String> {
    let name = &file.name;
    let tshark = &file.oracle()["tshark"];
    let theirs = Seen {
        frames: tshark["packets"].as_u64().unwrap_or_default(),
        first_ns: tshark["first_ns"].as_i64(),
        last_ns: tshark["last_ns"].as_i64(),
    };
    let ours = read(&file.path).unwrap_or(Seen { frames: 0, first_ns: None, last_ns: None });
    let exception = EXCEPTIONS.iter().find(|(n, ..)| name.ends_with(n));
    match exception {
        None if ours == theirs => None,
        None => Some(format!("{name}: {ours:?}, tshark {theirs:?}")),
        Some(_) if ours == theirs => Some(format!("{name}: needs no exception")),
        Some((_, frames, _)) if ours.frames == *frames => None,
        Some((_, frames, why)) => Some(format!("{name}: {ours:?}, not {frames} ({why})")),
    }
}

fn read(file: &Path) -> Result<Seen, Error> {
    let mut capture = CaptureFile::open(file, 0)?;
    let mut times = Vec::new();
    while let Some(record) = capture.next_record()? {
        times.push(record.timestamp.as_nanos());
    }
    // Zero stands for no time only where a warning says so.
    if capture.warnings().iter().any(|w| w.kind == WarningKind::UnknownTimestamp) {
        times.retain(|nanos| *nanos != 0);
    }
    let (first_ns, last_ns) = (times.first().copied(), times.last().copied());
    Ok(Seen { frames: capture.frames(), first_ns, last_ns })
}

/// The captures; none where there is no corpus.
pub(crate) fn files() -> Vec<PathBuf> {
    corpus().into_iter().map(|file| file.path).collect()
}

const FRACTION: &str = "a fraction of 1 s or more: added up here, printed as it is by tshark";
const RESERVED: &str = "tshark refuses bits in the reserved half of the link type";
const LINK_TYPE: &str = "tshark 4.0 does not know the link type; frames as tcpdump";

/// Files where the two differ, the frames we read, and why.
const EXCEPTIONS: &[(&str, u64, &str)] = &[
    ("bug-6875-01/fuzz.pcap", 1, "tshark guesses another variant of pcap; 1 packet in tcpdump"),
    ("pcap/fuzz-2021-10-13.pcap", 1, FRACTION),
    ("FuzzTarget-5188876846235648", 1, FRACTION),
    ("FuzzTarget-4829420752470016", 1, FRACTION),
    ("FuzzTarget-5165927376355328", 1, FRACTION),
    ("FuzzTarget-5196221831708672", 1, FRACTION),
    ("FuzzTarget-5468403752632320", 1, FRACTION),
    ("FuzzTarget-5487001111429120", 1, FRACTION),
    ("FuzzTarget-5696447256461312", 2, FRACTION),
    ("FuzzTarget-5700358767902720", 1, FRACTION),
    ("FuzzTarget-6223613626941440", 1, FRACTION),
    ("FuzzTarget-6303070823907328", 1, FRACTION),
    ("regression_samples/igmplayer", 2, "tshark guesses another variant of pcap"),
    ("tests/timestamp_invalid_nano.pcap", 3, FRACTION),
    ("FuzzTarget-5631583764873216", 1, RESERVED),
    ("FuzzTarget-5685520970809344", 1, RESERVED),
    ("FuzzTarget-5752969003008000", 1, RESERVED),
    ("filter/brcm-tag-stp.pcap", 4, LINK_TYPE),
    ("filter/brcm-tag.pcap", 15, LINK_TYPE),
    ("tests/dsa.pcap", 8, LINK_TYPE),
    ("tests/edsa-high-vid.pcap", 4, LINK_TYPE),
    ("tests/edsa.pcap", 10, LINK_TYPE),
    ("tests/hoobr_juniper3.pcap", 1, LINK_TYPE),
    ("tests/juniper_monitor_invalid_cookie_length.pcap", 1, LINK_TYPE),
    ("tests/vtp_asan-2.pcap", 1, LINK_TYPE),
    ("tests/vtp_asan.pcap", 5, LINK_TYPE),
    ("FuzzTarget-5766899836387328", 1, "version 2.3: the smaller length is the captured one"),
    ("PcapExamples/pcapng-example.pcapng", 159, "the year 586,524: saturates at 2262"),
    ("tests/pcapng-invalid-vers-2.pcapng", 1, "version 1.1: read with a warning, tshark refuses"),
];
