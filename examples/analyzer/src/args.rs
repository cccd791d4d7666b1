//! What the user typed.

use std::path::{Path, PathBuf};

use clap::{Parser, Subcommand, ValueEnum};
use crosscap::parser::ReadOptions;
use crosscap::reassembly::{Direction, OnGap, OverlapPolicy};
use crosscap::report::{ConnectionFilter, ConnectionOrder, connection_fields};
use crosscap::{Analysis, AnalysisBuilder};

/// Why TCP connections hang, from packet captures taken at several points.
#[derive(Debug, Parser)]
#[command(name = "crosscap", version, arg_required_else_help = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Diagnose(Diagnose),
    Connections(Connections),
    Stream(Stream),
    Info(Info),
}

/// Match the connections of all captures across NAT and say which broke, where and why
///
/// The first point gives the reference clock; otherwise the order of the points does not matter.
///
/// Exit status: 0 nothing above info, 1 findings, 2 usage or input error.
#[derive(Debug, clap::Args)]
pub(crate) struct Diagnose {
    #[command(flatten)]
    pub(crate) points: Points,

    /// Name the addresses: what kubectl get pods,services,endpointslices,nodes -A -o json wrote
    ///
    /// It should be of the time of the captures: addresses change their owners. Connections to a Service that were led
    /// somewhere else than to one of its endpoints are told.
    #[arg(long, value_name = "FILE")]
    pub(crate) k8s: Option<PathBuf>,

    /// How to write the report
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

/// List the TCP connections of captures: when, who, how they ended, packets, bytes, retransmissions, silences
///
/// A row for each connection, as each point saw it; points are not compared.
///
/// Exit status: 0 done, also where a capture is cut or damaged; 2 usage or input error.
#[derive(Debug, clap::Args)]
#[command(after_long_help = fields())]
pub(crate) struct Connections {
    #[command(flatten)]
    pub(crate) points: Points,

    /// How to write them
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: TableFormat,

    /// Only those for which this is true; all of them where it is given more than once
    ///
    /// A field or column, one of = != < <= > >= ~ and a value: state=S1, 'silence>=60s', 'bytes>1.5M', orig=10.1.0.0/16,
    /// host=10.1.0.2:443, port!=443, history~T (has a T in it), 'start>=2024-05-14 12:10' (UTC). The value - is none. Of a
    /// field of both ends either end will do; != is always the contrary of =.
    #[arg(long = "where", value_name = "FIELD OP VALUE", visible_alias = "filter")]
    pub(crate) filters: Vec<ConnectionFilter>,

    /// Sort by a field or column; behind a minus, the largest first; given more than once, by the first one first
    ///
    /// Of a field of both ends the larger value counts. Connections without a value go last.
    #[arg(long, value_name = "FIELD", allow_hyphen_values = true)]
    pub(crate) sort: Vec<ConnectionOrder>,

    /// Write at most this many
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,
}

/// What there is to filter and sort by.
fn fields() -> String {
    let lines = connection_fields().iter().map(|field| {
        let columns: Vec<_> = field.columns().filter(|name| *name != field.name()).collect();
        let columns =
            if columns.is_empty() { String::new() } else { format!(" ({})", columns.join(", ")) };
        format!("  {}{columns}: {}", field.name(), field.doc())
    });
    let lines: Vec<_> = lines.collect();
    format!("Fields, with their columns in JSON lines and CSV:\n{}", lines.join("\n"))
}

/// Which captures to read, and how.
#[derive(Debug, clap::Args)]
pub(crate) struct Points {
    /// One argument for each observation point: its captures, with a name in front if you like
    ///
    /// Files joined by commas are one rotated capture; so are the captures in a directory and those that a quoted pattern
    /// such as 'eth0.pcap*' matches. A pipe or - for the standard input is copied to a temporary file first. The name
    /// defaults to the file's stem.
    #[arg(value_name = "[NAME=]FILE[,FILE…]", required = true, value_parser = point)]
    points: Vec<PointArg>,

    /// Threads to use [default: one for each core]; changes the speed only
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    threads: Option<u16>,

    #[command(flatten)]
    reading: Reading,
}

impl Points {
    pub(crate) fn analysis(&self) -> AnalysisBuilder {
        let mut analysis = Analysis::builder().reading(self.reading.options());
        for point in distinct(&self.points) {
            analysis = analysis.point(point.name, point.files);
        }
        match self.threads {
            Some(threads) => analysis.threads(threads.into()),
            None => analysis,
        }
    }
}

/// Write the bytes that one end of a connection sent, in order, each once
///
/// Bytes that were not captured and segments that contradict each other are told on the standard error.
///
/// Exit status: 0 all there, 1 bytes are missing or contradict each other, 2 usage or input error.
#[derive(Debug, clap::Args)]
pub(crate) struct Stream {
    /// The captures of one observation point, as for `crosscap connections`
    #[arg(value_name = "[NAME=]FILE[,FILE…]", value_parser = point)]
    point: PointArg,

    /// Which one: its number in `crosscap connections`
    #[arg(long, value_name = "N")]
    pub(crate) connection: usize,

    /// What the originator sent, or what the responder sent
    #[arg(long, value_enum)]
    pub(crate) direction: Sender,

    /// Where to write the bytes [default: the standard output]; never one of the captures
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,

    /// What to do where bytes are missing
    #[arg(long, value_enum, default_value_t)]
    pub(crate) gaps: Gaps,

    /// Whose bytes count where segments overlap
    #[arg(long, value_enum, default_value_t)]
    pub(crate) overlap: Overlap,

    #[command(flatten)]
    reading: Reading,
}

impl Stream {
    pub(crate) fn analysis(&self) -> AnalysisBuilder {
        let PointArg { name, files, .. } = self.point.clone();
        Analysis::builder().reading(self.reading.options()).point(name, files)
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Sender {
    /// The originator
    Orig,
    /// The responder
    Resp,
}

impl From<Sender> for Direction {
    fn from(sender: Sender) -> Self {
        match sender {
            Sender::Orig => Self::Orig,
            Sender::Resp => Self::Resp,
        }
    }
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub(crate) enum Gaps {
    /// Go on behind them
    #[default]
    Skip,
    /// Write zeros, which can be many GiB
    Zeros,
    /// End there
    Stop,
    /// Write nothing at all
    Error,
}

impl From<Gaps> for OnGap {
    fn from(gaps: Gaps) -> Self {
        match gaps {
            Gaps::Skip => Self::Skip,
            Gaps::Zeros => Self::Zeros,
            Gaps::Stop => Self::Stop,
            Gaps::Error => Self::Error,
        }
    }
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum Overlap {
    /// Those that came first: Windows, and tshark
    #[default]
    First,
    /// Those that came last: tcpflow
    Last,
    /// As BSD and macOS do
    Bsd,
    /// As Linux does
    Linux,
    /// As Linux before 2.4 did
    OldLinux,
    /// As Solaris does
    Solaris,
}

impl From<Overlap> for OverlapPolicy {
    fn from(overlap: Overlap) -> Self {
        match overlap {
            Overlap::First => Self::First,
            Overlap::Last => Self::Last,
            Overlap::Bsd => Self::Bsd,
            Overlap::Linux => Self::Linux,
            Overlap::OldLinux => Self::OldLinux,
            Overlap::Solaris => Self::Solaris,
        }
    }
}

/// Say of each capture file what it is: packets, times, order, gaps, drops, cuts, duplicates, damage
///
/// Exit status: 0 all whole, 1 a file is cut or damaged, 2 usage or input error.
#[derive(Debug, clap::Args)]
pub(crate) struct Info {
    /// Capture files; `-` is the standard input
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,

    /// How to write it
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,

    /// Tell the SHA-256 of each file as well
    #[arg(long)]
    pub(crate) hash: bool,

    #[command(flatten)]
    pub(crate) reading: Reading,
}

/// How to read.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Reading {
    /// Read on behind damage, at the next record that a chain longer than any packet proves
    #[arg(long, help_heading = "Reading")]
    salvage: bool,

    /// The most bytes that a compressed file may unpack to [default: no limit]
    #[arg(long, value_name = "BYTES", help_heading = "Reading")]
    max_unpacked: Option<u64>,

    /// How many times its size a compressed file may unpack to; the first 64 MiB are not judged
    #[arg(long, value_name = "N", default_value_t = 1000, help_heading = "Reading")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    max_expansion: u32,
}

impl Reading {
    pub(crate) fn options(self) -> ReadOptions {
        let options = ReadOptions::new().salvage(self.salvage).max_expansion(self.max_expansion);
        self.max_unpacked.map_or(options, |bytes| options.max_unpacked_bytes(bytes))
    }
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum Format {
    /// For people; in colour on a terminal
    #[default]
    Text,
    /// For programs: crosscap-report/1
    Json,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum TableFormat {
    /// For people: the columns that say most; in colour on a terminal
    #[default]
    Table,
    /// For programs: a JSON object on each line, all columns
    Jsonl,
    /// For spreadsheets: all columns
    Csv,
    /// Zeek's conn.log
    Zeek,
}

/// One observation point.
#[derive(Clone, Debug, Eq, PartialEq)]
struct PointArg {
    name: String,
    /// Whether the user chose the name.
    named: bool,
    files: Vec<PathBuf>,
}

fn point(arg: &str) -> Result<PointArg, String> {
    // An existing file is a file, whatever its name looks like.
    if PathBuf::from(arg).exists() {
        return Ok(PointArg { name: stem(arg), named: false, files: vec![arg.into()] });
    }
    let (name, files) = match arg.split_once('=') {
        // An equals sign behind a slash belongs to a path.
        Some((name, files)) if !name.contains('/') => (Some(name), files),
        _ => (None, arg),
    };
    let files: Vec<&str> = files.split(',').collect();
    if name == Some("") || files.contains(&"") {
        return Err("expected [NAME=]FILE[,FILE…]".into());
    }
    let named = name.is_some();
    let name = name.map_or_else(|| stem(files[0]), Into::into);
    Ok(PointArg { name, named, files: files.into_iter().map(PathBuf::from).collect() })
}

/// `captures/pod.pcap.gz` is `pod`, and so is `captures/pod*`.
fn stem(file: &str) -> String {
    if file == "-" {
        return "stdin".into();
    }
    let literal = file.split(['*', '?', '[']).next().unwrap_or(file);
    let path = Path::new(if Path::new(file).exists() { file } else { literal });
    let compressed =
        path.extension().is_some_and(|e| ["gz", "zst", "xz", "lz4"].iter().any(|c| e == *c));
    let inner = path.file_stem().filter(|_| compressed).map_or(path, Path::new);
    inner.file_stem().map_or_else(|| file.into(), |stem| stem.to_string_lossy().into_owned())
}

/// The points with different names: those that only have their file's name are numbered where it is taken.
fn distinct(points: &[PointArg]) -> Vec<PointArg> {
    let mut distinct: Vec<PointArg> = Vec::with_capacity(points.len());
    for point in points {
        let taken = |name: &str| {
            distinct.iter().any(|p| p.name == name)
                || points.iter().any(|p| p.named && p.name == name)
        };
        let mut name = point.name.clone();
        let mut number = 1;
        while !point.named && taken(&name) {
            number += 1;
            name = format!("{}-{number}", point.name);
        }
        distinct.push(PointArg { name, ..point.clone() });
    }
    distinct
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_rotated_sets() {
        let parsed = |arg| point(arg).map(|p| (p.name, p.files.len()));
        assert_eq!(parsed("dir/pod.pcap.gz"), Ok(("pod".into(), 1)));
        assert_eq!(parsed("server=a.pcap,b.pcap"), Ok(("server".into(), 2)));
        assert_eq!(parsed("a.pcap0,a.pcap1"), Ok(("a".into(), 2)));
        assert_eq!(parsed("/tmp/x=y/pod.pcap"), Ok(("pod".into(), 1)));
        assert_eq!(parsed(".hidden"), Ok((".hidden".into(), 1)));
        assert_eq!(parsed("captures/"), Ok(("captures".into(), 1)));
        assert_eq!(parsed("captures/pod*,x/*.gz"), Ok(("pod".into(), 2)));
        assert_eq!(parsed("pod.pcap[0-9]?"), Ok(("pod".into(), 1)));
        assert_eq!(parsed("captures/*"), Ok(("captures".into(), 1)));
        assert_eq!(parsed("*.pcap"), Ok(("*.pcap".into(), 1)));
        assert_eq!(parsed("-"), Ok(("stdin".into(), 1)));
        assert_eq!(parsed("client=-"), Ok(("client".into(), 1)));
        assert_eq!(parsed("10.1.0.2.pcapng"), Ok(("10.1.0.2".into(), 1)));
        assert!(parsed("=a.pcap").is_err());
        assert!(parsed("a.pcap,,b.pcap").is_err());
    }

    #[test]
    fn only_chosen_names_may_clash() {
        let names = |args: &[&str]| -> Vec<String> {
            let points: Vec<_> = args.iter().map(|a| point(a).unwrap()).collect();
            distinct(&points).into_iter().map(|p| p.name).collect()
        };
        assert_eq!(names(&["a/x.pcap", "b/x.pcap", "c/x.pcap"]), ["x", "x-2", "x-3"]);
        assert_eq!(names(&["a/x.pcap", "x=b.pcap"]), ["x-2", "x"]);
        assert_eq!(names(&["x=a.pcap", "x=b.pcap"]), ["x", "x"]);
    }

    #[test]
    fn clap_is_content() {
        use clap::CommandFactory;
        Args::command().debug_assert();
    }
}
