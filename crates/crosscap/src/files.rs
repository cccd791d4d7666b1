//! The files of a point: directories and patterns opened out, pipes copied, everything in order of time.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::hash::Hash;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use crosscap_packet::Timestamp;
use crosscap_parser::{CaptureFile, Error as ReadError, PacketRecord, ReadOptions};
use crosscap_report::Quality;
use glob::{MatchOptions, glob_with};

use crate::Error;

/// A point as the user names it.
#[derive(Clone, Debug)]
pub(crate) struct PointFiles {
    pub(crate) name: String,
    pub(crate) files: Vec<PathBuf>,
}

/// A capture that can be opened as often as it takes.
#[derive(Clone, Debug)]
pub(crate) struct InputFile {
    path: PathBuf,
    /// Of a pipe.
    copy: Option<Arc<File>>,
    /// Given by its own name, not found in a directory or by a pattern.
    named: bool,
    /// The one interface whose packets count; all where `None`.
    interface: Option<u32>,
}

impl InputFile {
    fn new(path: PathBuf, named: bool) -> Self {
        Self { path, copy: None, named, interface: None }
    }

    /// The same file as if it held the packets of one interface only.
    pub(crate) fn only(self, interface: Option<u32>) -> Self {
        Self { interface, ..self }
    }

    pub(crate) const fn interface(&self) -> Option<u32> {
        self.interface
    }

    /// Whether a packet of the file counts.
    pub(crate) fn takes(&self, record: &PacketRecord<'_>) -> bool {
        self.interface.is_none_or(|interface| interface == record.interface)
    }

    pub(crate) fn open(&self, options: &ReadOptions, index: u16) -> Result<CaptureFile, ReadError> {
        let Some(copy) = &self.copy else {
            return options.open(&self.path, index);
        };
        let file = self.path.display().to_string();
        let copy = copy.try_clone();
        let io = |source| ReadError::Io { file: file.clone(), offset: 0, frame: 0, source };
        options.from_file(copy.map_err(io)?, file.clone(), index)
    }

    /// Whether `path` is a name of this file, or of what the standard input came from.
    pub(crate) fn is(&self, path: &Path) -> bool {
        let is = |own: &Path| identity(own) == identity(path);
        is(&self.path) || (self.copy.is_some() && is(Path::new("/dev/stdin")))
    }

    fn is_stdin(&self) -> bool {
        self.named && self.path == Path::new(STDIN)
    }

    fn real_path(&self) -> &Path {
        if self.is_stdin() { Path::new("/dev/stdin") } else { &self.path }
    }

    fn is_pipe(&self) -> bool {
        self.is_stdin() || fs::metadata(&self.path).is_ok_and(|m| !m.is_file() && !m.is_dir())
    }

    /// Copies a pipe to a temporary file without a name: suspicious packets are looked at twice.
    fn spool(&mut self) -> Result<(), Error> {
        let copied = tempfile::tempfile().and_then(|mut copy| {
            if self.is_stdin() {
                io::copy(&mut io::stdin().lock(), &mut copy)?;
            } else {
                io::copy(&mut File::open(&self.path)?, &mut copy)?;
            }
            Ok(copy)
        });
        if self.is_stdin() {
            self.path = "stdin".into();
        }
        let file = self.path.display().to_string();
        self.copy = Some(Arc::new(copied.map_err(|source| Error::Pipe { file, source })?));
        Ok(())
    }
}

/// The files of one point, and what was odd about them.
#[derive(Debug)]
pub(crate) struct FileSet {
    pub(crate) name: String,
    pub(crate) files: Vec<InputFile>,
    pub(crate) notes: Vec<Quality>,
}

/// Finds the files of all points and copies the pipes among them. Their order is not yet that of time.
pub(crate) fn find(points: &[PointFiles]) -> Result<Vec<FileSet>, Error> {
    let mut sets = points.iter().map(FileSet::find).collect::<Result<Vec<_>, _>>()?;
    let mut pipes: Vec<&mut InputFile> =
        sets.iter_mut().flat_map(|s| &mut s.files).filter(|f| f.is_pipe()).collect();
    let mut seen = HashSet::new();
    if let Some(twice) = pipes.iter().find(|p| !seen.insert(identity(p.real_path()))) {
        return Err(Error::PipeTwice(twice.path.display().to_string()));
    }
    // All at once: whoever fills them may be one program that fills them in turn.
    thread::scope(|scope| {
        let copies: Vec<_> = pipes
            .iter_mut()
            .map(|pipe| thread::Builder::new().spawn_scoped(scope, || pipe.spool()))
            .collect();
        copies.into_iter().try_for_each(|copy| match copy.map(thread::ScopedJoinHandle::join) {
            Ok(Ok(done)) => done,
            Ok(Err(panic)) => std::panic::resume_unwind(panic),
            Err(e) => Err(Error::Threads { threads: 1, reason: e.to_string() }),
        })
    })?;
    Ok(sets)
}

impl FileSet {
    fn find(given: &PointFiles) -> Result<Self, Error> {
        let (mut files, mut notes) = (Vec::new(), Vec::new());
        let mut seen = HashSet::new();
        for path in &given.files {
            for file in open_out(path)? {
                if file.is_pipe() || seen.insert(identity(&file.path)) {
                    files.push(file);
                } else {
                    let detail = format!("{}: given twice, read once", file.path.display());
                    notes.push(Quality::new("duplicate-file", detail));
                }
            }
        }
        Ok(Self { name: given.name.clone(), files, notes })
    }

    /// Sorts the files by their first packets; files without packets go last, in the order given. Leaves out what is no
    /// capture where nobody said that it was one, and empty files of a set, which `tcpdump` leaves behind.
    pub(crate) fn in_order_of_time(mut self, options: &ReadOptions) -> Result<Self, Error> {
        if let [only] = &self.files[..]
            && only.named
        {
            return Ok(self);
        }
        let alone = self.files.len() == 1;
        let (mut dated, mut skipped, mut last) = (Vec::with_capacity(self.files.len()), 0, None);
        for file in self.files {
            let first = file.open(options, 0).and_then(|mut capture| {
                Ok(capture.next_record()?.map_or(Timestamp::MAX, |record| record.timestamp))
            });
            match first {
                Ok(first) => dated.push((first, file)),
                Err(e) if !alone && may_be_skipped(&e, file.named) => {
                    skipped += 1;
                    if skipped <= MAX_NOTES {
                        self.notes.push(Quality::new("skipped-file", format!("skipped {e}")));
                    }
                    last = Some(e);
                }
                Err(e) => return Err(e.into()),
            }
        }
        if let (true, Some(e)) = (dated.is_empty(), last) {
            return Err(e.into());
        }
        if skipped > MAX_NOTES {
            let detail = format!("skipped {} more files", skipped - MAX_NOTES);
            self.notes.push(Quality::new("skipped-file", detail));
        }
        dated.sort_by_key(|(first, _)| *first);
        self.files = dated.into_iter().map(|(_, file)| file).collect();
        Ok(self)
    }

    /// The name of each file, or its whole path where another file of the point has the same name.
    pub(crate) fn display_names(&self) -> Vec<String> {
        let mut uses: HashMap<_, u32> = HashMap::new();
        for file in &self.files {
            *uses.entry(file.path.file_name()).or_default() += 1;
        }
        let name = |file: &InputFile| match file.path.file_name() {
            Some(name) if uses[&Some(name)] == 1 => name.to_string_lossy().into_owned(),
            _ => file.path.display().to_string(),
        };
        self.files.iter().map(name).collect()
    }
}

fn may_be_skipped(error: &ReadError, named: bool) -> bool {
    match error {
        ReadError::Empty { .. } | ReadError::TruncatedHeader { .. } => true,
        ReadError::NotACapture { .. }
        | ReadError::UnsupportedFormat { .. }
        | ReadError::UnsupportedVersion { .. }
        | ReadError::CorruptCompression { .. }
        | ReadError::NestedCompression { .. }
        | ReadError::Io { .. } => !named,
        _ => false,
    }
}

/// The files that a path stands for: itself, those directly in a directory, those that a pattern matches.
fn open_out(given: &Path) -> Result<Vec<InputFile>, Error> {
    let found = match given.to_str() {
        _ if given.is_dir() => directory(given)?,
        // What exists is no pattern, whatever its name looks like.
        Some(pattern) if pattern.contains(['*', '?', '[']) && !given.exists() => matches(pattern)?,
        _ => return Ok(vec![InputFile::new(given.to_owned(), true)]),
    };
    if found.is_empty() {
        return Err(Error::NoMatch(given.display().to_string()));
    }
    Ok(found.into_iter().map(|path| InputFile::new(path, false)).collect())
}

fn directory(path: &Path) -> Result<Vec<PathBuf>, Error> {
    let failed = |source| Error::Directory { directory: path.display().to_string(), source };
    let mut found = Vec::new();
    for entry in fs::read_dir(path).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.is_file() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn matches(pattern: &str) -> Result<Vec<PathBuf>, Error> {
    let bad = |e: glob::PatternError| Error::BadPattern {
        pattern: pattern.to_owned(),
        reason: e.msg.to_owned(),
    };
    let paths = glob_with(pattern, AS_IN_A_SHELL).map_err(bad)?;
    // Directories that must not be read have nothing to match.
    Ok(paths.filter_map(Result::ok).filter(|path| path.is_file()).collect())
}

/// The same for all names of one file.
#[cfg(unix)]
fn identity(path: &Path) -> impl Eq + Hash + use<> {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(path).map(|m| (m.dev(), m.ino())).map_err(|_| path.to_owned())
}

/// The same for all names of one file, hard links aside.
#[cfg(not(unix))]
fn identity(path: &Path) -> impl Eq + Hash + use<> {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

const STDIN: &str = "-";
/// Skipped files that are named one by one.
const MAX_NOTES: usize = 10;
const AS_IN_A_SHELL: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: true,
};
