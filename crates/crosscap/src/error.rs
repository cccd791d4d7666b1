//! What keeps an analysis from running.

use std::io;

/// Why there is no result. Damage inside a file is none of these: what could be read is analysed, with a warning.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be read at all, or the operating system failed while reading it.
    #[error(transparent)]
    Read(#[from] crosscap_parser::Error),
    /// No point was given.
    #[error("no capture was given")]
    NoPoints,
    /// A point was given without files.
    #[error("point {0} has no files")]
    NoFiles(String),
    /// A directory holds no files, or a pattern matches none.
    #[error("{0}: no files there")]
    NoMatch(String),
    /// A pattern for file names is malformed.
    #[error("{pattern}: not a pattern for file names: {reason}")]
    BadPattern {
        /// The pattern.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A directory could not be read.
    #[error("{directory}: {source}")]
    Directory {
        /// The directory.
        directory: String,
        /// What the operating system said.
        source: io::Error,
    },
    /// A pipe or the standard input was given more than once; it gives its bytes to one reader only.
    #[error("{0}: a pipe can be given only once")]
    PipeTwice(String),
    /// A pipe or the standard input could not be copied to a temporary file.
    #[error("{file}: cannot be copied to a temporary file: {source}")]
    Pipe {
        /// The pipe.
        file: String,
        /// What the operating system said.
        source: io::Error,
    },
    /// Two points have the same name.
    #[error("two points are named {0}; give them different names: NAME=FILE")]
    DuplicateName(String),
    /// A point has more files than can be numbered.
    #[error("point {0} has more than 65,535 files")]
    TooManyFiles(String),
    /// Several points were given for what one point has.
    #[error("{0} points were given, and one is wanted")]
    SeveralPoints(usize),
    /// There is no connection with this number.
    #[error("{point} has no connection {number}: there are {count} connections, numbered from 0")]
    NoConnection {
        /// The point.
        point: String,
        /// The number asked for.
        number: usize,
        /// How many there are.
        count: usize,
    },
    /// Payload could not be kept until the capture is read to its end.
    #[error("payload cannot be kept in a temporary file: {0}")]
    Payload(#[source] io::Error),
    /// The names of a cluster could not be read.
    #[error("{file}: {source}")]
    Kubernetes {
        /// The file.
        file: String,
        /// What is wrong with it.
        source: crosscap_report::KubernetesError,
    },
    /// The threads could not be started.
    #[error("cannot start {threads} threads: {reason}")]
    Threads {
        /// How many were asked for.
        threads: usize,
        /// Why not.
        reason: String,
    },
}
