//! What keeps an analysis from running.

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
    /// Pipes and devices cannot be read twice.
    #[error("{0}: not a regular file; save the capture to a file first")]
    NotAFile(String),
    /// Two points have the same name.
    #[error("two points are named {0}; give them different names: NAME=FILE")]
    DuplicateName(String),
    /// A point has more files than can be numbered.
    #[error("point {0} has more than 65,535 files")]
    TooManyFiles(String),
    /// The threads could not be started.
    #[error("cannot start {threads} threads: {reason}")]
    Threads {
        /// How many were asked for.
        threads: usize,
        /// Why not.
        reason: String,
    },
}
