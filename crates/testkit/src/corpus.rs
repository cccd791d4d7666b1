//! Other people's captures. No part of the repository: they lie beside it, or nowhere.

#![allow(clippy::print_stdout, reason = "a note in the output of tests")]

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use serde_json::Value;

/// A third-party capture.
#[derive(Clone, Debug)]
pub struct CorpusFile {
    /// Its repository and its path there, such as `simsong+tcpflow/tests/bug2.pcap`.
    pub name: String,
    /// Where it lies.
    pub path: PathBuf,
}

impl CorpusFile {
    /// What capinfos, tcpdump, tshark 4.0.17 and tcpflow say of it.
    #[must_use]
    pub fn oracle(&self) -> Value {
        let file = folder().join("oracle").join(format!("{}.json", self.name.replace('/', "_")));
        let json = fs::read(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        serde_json::from_slice(&json).unwrap_or_else(|e| panic!("{}: {e}", file.display()))
    }
}

/// All captures; none, and a note, where there are none.
#[must_use]
pub fn corpus() -> Vec<CorpusFile> {
    let Ok(manifest) = fs::read_to_string(folder().join("MANIFEST.tsv")) else {
        println!("skipped: no shared/corpus beside the checkout");
        return Vec::new();
    };
    let files = manifest.lines().skip(1).filter_map(|line| line.split('\t').next());
    let file = |path: &str| CorpusFile {
        name: path.trim_start_matches("files/").to_owned(),
        path: folder().join(path),
    };
    files.map(file).collect()
}

/// What `of` makes of each capture. On several threads: unpacking is slow in debug builds.
pub fn map_corpus<T: Send>(of: impl Fn(&CorpusFile) -> T + Sync) -> Vec<T> {
    let (files, of) = (&corpus(), &of);
    thread::scope(|scope| {
        let mine = |thread| files.iter().skip(thread).step_by(THREADS);
        let workers: Vec<_> = (0..THREADS)
            .map(|thread| scope.spawn(move || mine(thread).map(of).collect::<Vec<_>>()))
            .collect();
        workers.into_iter().flat_map(|w| w.join().expect("no failed assertion")).collect()
    })
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus")
}

const THREADS: usize = 4;
