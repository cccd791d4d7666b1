//! What the user typed.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

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
}

/// Match the connections of all captures across NAT and say which broke, where and why
///
/// Exit status: 0 nothing above info, 1 findings, 2 usage or input error.
#[derive(Debug, clap::Args)]
pub(crate) struct Diagnose {
    /// One argument for each observation point: its captures, with a name in front if you like
    ///
    /// Files joined by commas are one rotated capture. The name defaults to the file's stem. The first point gives the
    /// reference clock; otherwise the order does not matter.
    #[arg(value_name = "[NAME=]FILE[,FILE…]", required = true, value_parser = point)]
    pub(crate) points: Vec<PointArg>,

    /// How to write the report
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,

    /// Threads to use [default: one for each core]; changes the speed only
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) threads: Option<u16>,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum Format {
    /// For people; in colour on a terminal
    #[default]
    Text,
    /// For programs: crosscap-report/1
    Json,
}

/// One observation point.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct PointArg {
    pub(crate) name: String,
    pub(crate) files: Vec<PathBuf>,
}

fn point(arg: &str) -> Result<PointArg, String> {
    // An existing file is a file, whatever its name looks like.
    if PathBuf::from(arg).exists() {
        return Ok(PointArg { name: stem(arg), files: vec![arg.into()] });
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
    let name = name.map_or_else(|| stem(files[0]), Into::into);
    Ok(PointArg { name, files: files.into_iter().map(PathBuf::from).collect() })
}

/// `captures/pod.pcap.gz` is `pod`.
fn stem(file: &str) -> String {
    let name = PathBuf::from(file)
        .file_name()
        .map_or_else(|| file.into(), |n| n.to_string_lossy().into_owned());
    let (stem, _) =
        name.split_once('.').filter(|(stem, _)| !stem.is_empty()).unwrap_or((&name, ""));
    stem.into()
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
        assert!(parsed("=a.pcap").is_err());
        assert!(parsed("a.pcap,,b.pcap").is_err());
    }

    #[test]
    fn clap_is_content() {
        use clap::CommandFactory;
        Args::command().debug_assert();
    }
}
