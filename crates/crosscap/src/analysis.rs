//! The whole run.

use std::collections::HashSet;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use crosscap_correlation::{Correlation, Matching, Merged, Point};
use crosscap_diagnosis::{Diagnosis, Screening};
use crosscap_parser::ReadOptions;
use crosscap_report::{KubernetesError, KubernetesNames, PointInfo, Quality, Report, UnreadPoint};
use rayon::prelude::*;

use crate::Error;
use crate::compare::compare;
use crate::files::{self, InputFile, PointFiles};
use crate::read::{PointRead, read_point};
use crate::split::split;
use crate::{payload_look, second_look};

/// An analysis of captures from one or more points.
#[derive(Clone, Copy, Debug)]
pub struct Analysis;

impl Analysis {
    /// Starts with nothing; add at least one point.
    #[must_use]
    pub fn builder() -> AnalysisBuilder {
        AnalysisBuilder::default()
    }
}

/// What to analyse, and how.
#[derive(Clone, Debug, Default)]
pub struct AnalysisBuilder {
    points: Vec<PointFiles>,
    threads: Option<usize>,
    reading: ReadOptions,
    kubernetes: Option<PathBuf>,
}

/// What came of it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Outcome {
    /// The report, in the terms of the report contract.
    pub report: Report,
    /// Paths, clocks and NAT mappings, which the report was made from.
    pub correlation: Correlation,
    /// Findings and timeouts, which the report was made from.
    pub diagnosis: Diagnosis,
}

impl AnalysisBuilder {
    /// Adds an observation point with its capture files; several files are one capture, in the order of their first
    /// packets. The first point added gives the reference clock.
    ///
    /// A path may also be
    ///
    /// - a directory: the captures directly in it, told by their content; other files are skipped with a note;
    /// - a pattern with `*`, `?` or `[…]` that is not itself the name of a file: the captures it matches, likewise;
    /// - a pipe, or `-` for the standard input: copied to a temporary file without a name first, because suspicious packets
    ///   are looked at twice. It takes as much room in the directory for temporary files as the pipe gives. Each pipe can
    ///   be given only once.
    ///
    /// A file that comes up twice is read once. Empty files of a set, as a rotating `tcpdump` leaves them, are skipped.
    /// What was skipped stands in [`PointInfo::quality`].
    #[must_use]
    pub fn point(
        mut self,
        name: impl Into<String>,
        files: impl IntoIterator<Item = impl Into<PathBuf>>,
    ) -> Self {
        let files = files.into_iter().map(Into::into).collect();
        self.points.push(PointFiles { name: name.into(), files });
        self
    }

    /// Threads to use; by default as many as there are cores. Changes the speed only.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = Some(threads);
        self
    }

    /// How to read the files.
    #[must_use]
    pub fn reading(mut self, options: ReadOptions) -> Self {
        self.reading = options;
        self
    }

    /// Names for the report: a file that `kubectl get pods,services,endpointslices,nodes -A -o json` wrote. It should be of
    /// the time of the captures: addresses change their owners.
    #[must_use]
    pub fn kubernetes(mut self, file: impl Into<PathBuf>) -> Self {
        self.kubernetes = Some(file.into());
        self
    }

    /// Reads the captures and analyses them.
    ///
    /// # Errors
    ///
    /// If there is no point, a point has no files or shares its name, no point can be read at all, or the file with names
    /// is none. A damaged capture is analysed as far as it goes, and the report says so; it says as well which points
    /// could not be read where others could ([`Report::unread`]).
    pub fn run(self) -> Result<Outcome, Error> {
        // First: who mistyped this file should not wait for the captures.
        let names = self.kubernetes.as_deref().map(read_names).transpose()?;
        let mut outcome = self.in_pool(analyse)?;
        if let Some(names) = &names {
            outcome.report.add_names(names);
        }
        Ok(outcome)
    }

    /// Checks the points, and works on them with their own threads: gets the threads that each point may have.
    pub(crate) fn in_pool<T: Send>(
        &self,
        work: impl FnOnce(&[PointFiles], &ReadOptions, usize) -> Result<T, Error> + Send,
    ) -> Result<T, Error> {
        let mut names = HashSet::new();
        for point in &self.points {
            if point.files.is_empty() {
                return Err(Error::NoFiles(point.name.clone()));
            }
            if !names.insert(&point.name) {
                return Err(Error::DuplicateName(point.name.clone()));
            }
        }
        if self.points.is_empty() {
            return Err(Error::NoPoints);
        }
        let threads = self.threads.unwrap_or(0);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        let pool = pool.map_err(|e| Error::Threads { threads, reason: e.to_string() })?;
        // Points are read side by side; cores that are left over share the work of one.
        let threads = |points: usize| rayon::current_num_threads() / points;
        pool.install(|| work(&self.points, &self.reading, threads(self.points.len())))
    }
}

fn read_names(file: &Path) -> Result<KubernetesNames, Error> {
    let read = File::open(file).map_err(KubernetesError::from);
    let names = read.and_then(|f| KubernetesNames::read(BufReader::new(f)));
    names.map_err(|source| Error::Kubernetes { file: file.display().to_string(), source })
}

/// Reads each point once.
pub(crate) fn read_points(
    given: &[PointFiles],
    options: &ReadOptions,
    threads: usize,
) -> Result<Vec<PointRead>, Error> {
    let found = files::find(given)?.into_par_iter();
    found.map(|set| read_point(set, options, threads)).collect()
}

/// As [`read_points`], but for those that cannot be read, which are told. An error where none can.
fn read_what_can_be(
    given: &[PointFiles],
    options: &ReadOptions,
    threads: usize,
) -> Result<(Vec<PointRead>, Vec<UnreadPoint>), Error> {
    let found = files::find(given)?.into_par_iter();
    let all: Vec<_> =
        found.map(|set| (set.name.clone(), read_point(set, options, threads))).collect();
    let (mut read, mut unread, mut first) = (Vec::new(), Vec::new(), None);
    for (name, result) in all {
        match result {
            Ok(point) => read.push(point),
            Err(e @ Error::Read(_)) => {
                unread.push(UnreadPoint::new(&name, &e));
                first = first.or(Some(e));
            }
            Err(e) => return Err(e),
        }
    }
    match first {
        Some(e) if read.is_empty() => Err(e),
        _ => Ok((read, unread)),
    }
}

/// What is known of a point besides its connections.
type Other = (PointInfo, Vec<InputFile>);

fn parted(read: PointRead) -> (Point, Other) {
    let point = read.point;
    let span = [point.first, point.last];
    let mut watched = Point::watched(point.name, point.files, span, point.connections);
    watched.interface = read.files.first().and_then(InputFile::interface);
    (watched, (point.info, read.files))
}

/// Reads those points again that hold captures of several places, each place as a point of its own, where that can be done.
fn take_apart(
    points: Vec<Point>,
    others: Vec<Other>,
    merged: &[Option<Merged>],
    options: &ReadOptions,
    threads: usize,
) -> Result<(Vec<Point>, Vec<Other>), Error> {
    let mut all = Vec::new();
    for ((point, other), merged) in points.into_iter().zip(others).zip(merged) {
        let parts = match merged {
            Some(merged) => split(&point.name, &other.1, options, merged)?,
            None => None,
        };
        let Some(mut parts) = parts else {
            all.push((point, other));
            continue;
        };
        // What was odd about the set stays with its first part.
        let of_set = other.0.quality.into_iter().filter(|q| OF_SETS.contains(&q.id.as_str()));
        if let Some(first) = parts.first_mut() {
            first.notes.extend(of_set);
        }
        let read = parts.into_par_iter().map(|set| read_point(set, options, threads));
        all.extend(read.collect::<Result<Vec<_>, Error>>()?.into_iter().map(parted));
    }
    Ok(all.into_iter().unzip())
}

fn analyse(given: &[PointFiles], options: &ReadOptions, threads: usize) -> Result<Outcome, Error> {
    let (mut points, mut others) = (Vec::new(), Vec::new());
    let (read, unread) = read_what_can_be(given, options, threads)?;
    for read in read {
        let (point, other) = parted(read);
        points.push(point);
        others.push(other);
    }
    let mut matching = Matching::new(points);
    if matching.merged().iter().any(Option::is_some) {
        let merged = matching.merged().to_vec();
        let points = matching.into_points();
        let (points, taken_apart) = take_apart(points, others, &merged, options, threads)?;
        others = taken_apart;
        matching = Matching::new(points);
    }
    let (infos, files): (Vec<PointInfo>, Vec<Vec<InputFile>>) = others.into_iter().unzip();
    let wanted = matching.wants_payload();
    let digests = payload_look::digests(matching.points(), &files, options, &wanted)?;
    let correlation = matching.finish(&digests);
    let screening = Screening::new(&correlation);
    let (suspects, not_examined) = second_look::choose(&screening, &correlation);
    let ladders = second_look::fetch(&correlation, &files, options, threads, &suspects)?;
    let diagnosis = screening.diagnose(&ladders);
    // A capture that ends early has missed nothing until then.
    let missed = |q: &Quality| q.loses_packets() && q.id != "truncated-tail";
    let lossy: Vec<bool> = infos.iter().map(|i| i.quality.iter().any(missed)).collect();
    let compared = compare(&correlation, &files, options, &lossy)?;
    let mut report = Report::new(&correlation, &infos, &diagnosis, &ladders);
    report.unread = unread;
    report.not_examined = not_examined;
    report.tell_between(&correlation, &compared.between, compared.left_out);
    Ok(Outcome { report, correlation, diagnosis })
}

/// Ids of what [`files`] notes of the files of a point.
const OF_SETS: [&str; 2] = ["skipped-file", "duplicate-file"];
