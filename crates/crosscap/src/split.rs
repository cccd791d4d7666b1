//! Points whose files hold what several places captured, taken apart.
//!
//! `mergecap` keeps the interfaces of what it merges apart in pcapng, and whoever names a folder has files of their own for
//! each place. Where the same packets are in two files of a point, or at two interfaces and far apart in time, these are
//! two places; only then are they taken apart: rotated files and the interfaces of one host stay one point.

use std::collections::{BTreeMap, BTreeSet};

use crosscap_correlation::Merged;
use crosscap_diagnosis::duration;
use crosscap_packet::{Decoded, Decoder, Timestamp};
use crosscap_parser::ReadOptions;
use crosscap_report::Quality;
use hashbrown::HashMap;

use crate::Error;
use crate::files::{FileSet, InputFile};

/// A file of a point, and an interface in it.
type Source = (usize, u32);

/// The packets of a part: a set of files, and one interface or all of them.
type Part = (usize, Option<u32>);

/// The points that a merged point is made of; `None` where its files do not tell them apart.
pub(crate) fn split(
    name: &str,
    files: &[InputFile],
    options: &ReadOptions,
    merged: &Merged,
) -> Result<Option<Vec<FileSet>>, Error> {
    let meetings = Meetings::of(files, options)?;
    let whole = FileSet { name: name.to_owned(), files: files.to_vec(), notes: Vec::new() };
    let names = whole.display_names();
    let sets = meetings.sets_of_files(&names);
    let by_interface = meetings.interfaces_differ();
    let mut parts: BTreeMap<Part, BTreeSet<usize>> = BTreeMap::new();
    for &(file, interface) in &meetings.sources {
        parts.entry((sets[file], by_interface.then_some(interface))).or_default().insert(file);
    }
    if !(2..=MAX_PARTS).contains(&parts.len()) || meetings.sources.len() > MAX_SOURCES {
        return Ok(None);
    }
    let label = |brief: bool| {
        let one = |(&(set, interface), members): (&Part, &BTreeSet<usize>)| {
            let file = members.first().map(|&file| match brief {
                true => series(&names[file], members.len() > 1),
                false => names[file].clone(),
            });
            let file = file.filter(|_| parts.keys().any(|part| part.0 != set));
            let interface = interface.map(|interface| format!("interface {interface}"));
            file.into_iter().chain(interface).collect::<Vec<_>>().join(" ")
        };
        parts.iter().map(one).collect::<Vec<String>>()
    };
    let brief = label(true);
    let labels = if brief.iter().collect::<BTreeSet<_>>().len() == brief.len() {
        brief
    } else {
        label(false)
    };
    let [least, _] = merged.apart;
    let detail = format!(
        "{name} holds the same packets more than once, {} apart or more: captures of {} places, taken apart here",
        duration(least),
        parts.len()
    );
    let set = |((&(_, interface), members), label): ((&Part, &BTreeSet<usize>), &String)| FileSet {
        name: format!("{name}/{label}"),
        files: members.iter().map(|&file| files[file].clone().only(interface)).collect(),
        notes: vec![Quality::new("split", detail.clone())],
    };
    Ok(Some(parts.iter().zip(&labels).map(set).collect()))
}

/// The same packets in two sources.
#[derive(Clone, Copy, Debug, Default)]
struct Met {
    packets: u64,
    /// Of them, those that no two interfaces of one host show: too far apart in time.
    apart: u64,
}

/// Which sources a point has, and which of them hold the same packets.
#[derive(Default)]
struct Meetings {
    sources: BTreeSet<Source>,
    met: BTreeMap<[Source; 2], Met>,
}

impl Meetings {
    fn of(files: &[InputFile], options: &ReadOptions) -> Result<Self, Error> {
        let mut found = Self::default();
        let mut decoder = Decoder::new();
        let mut known =
            HashMap::<_, (Source, Timestamp), foldhash::quality::RandomState>::default();
        let mut kept: BTreeMap<Source, usize> = BTreeMap::new();
        let mut latest = None;
        for (number, file) in files.iter().enumerate() {
            let index = u16::try_from(number).unwrap_or(u16::MAX);
            let mut capture = file.open(options, index)?;
            while let Some(r) = capture.next_record()? {
                let source = (number, r.interface);
                if latest != Some(source) {
                    found.sources.insert(source);
                    latest = Some(source);
                    if found.sources.len() > MAX_SOURCES {
                        return Ok(found);
                    }
                }
                let Decoded::Tcp(p) =
                    decoder.decode(r.link_type, r.data, r.original_len, r.timestamp)
                else {
                    continue;
                };
                if !p.segment.is_identified() {
                    continue;
                }
                let key = p.segment.copy_key();
                if let Some(&(first, time)) = known.get(&key) {
                    found.meet(first, source, r.timestamp.since(time));
                    continue;
                }
                let kept = kept.entry(source).or_default();
                if *kept < MAX_KEPT && known.len() < MAX_KNOWN {
                    *kept += 1;
                    known.insert(key, (source, r.timestamp));
                }
            }
        }
        Ok(found)
    }

    fn meet(&mut self, a: Source, b: Source, apart: i64) {
        if a != b {
            let met = self.met.entry([a.min(b), a.max(b)]).or_default();
            met.packets += 1;
            met.apart += u64::from(apart.abs() > ONE_HOST);
        }
    }

    /// Whether two interfaces of one file are two places.
    fn interfaces_differ(&self) -> bool {
        let mut met = self.met.iter().filter(|([a, b], _)| a.0 == b.0);
        met.any(|(_, met)| met.apart >= FEWEST && met.apart * 2 > met.packets)
    }

    /// For each file, which set it belongs to: all to one, unless some have the same packets; then those that are named
    /// alike, unless some of those have the same packets.
    fn sets_of_files(&self, names: &[String]) -> Vec<usize> {
        let mut shared: BTreeMap<[usize; 2], u64> = BTreeMap::new();
        for ([a, b], met) in self.met.iter().filter(|([a, b], _)| a.0 != b.0) {
            *shared.entry([a.0, b.0]).or_default() += met.packets;
        }
        let pairs: Vec<[usize; 2]> =
            shared.into_iter().filter(|(_, n)| *n >= FEWEST).map(|(pair, _)| pair).collect();
        if pairs.is_empty() {
            return vec![0; names.len()];
        }
        let stems: Vec<String> = names.iter().map(|name| stem(name)).collect();
        let broken: BTreeSet<&String> =
            pairs.iter().filter(|[a, b]| stems[*a] == stems[*b]).map(|&[a, _]| &stems[a]).collect();
        let set = |file: usize| {
            let alike = stems.iter().position(|stem| *stem == stems[file]).unwrap_or(file);
            if broken.contains(&stems[file]) { file } else { alike }
        };
        (0..names.len()).map(set).collect()
    }
}

/// What the files of a rotated capture have in common: their names without numbers.
fn stem(name: &str) -> String {
    name.chars().filter(|c| !c.is_ascii_digit()).collect()
}

/// What a set of files is called: the name of the only one, or what the names begin with.
fn series(name: &str, several: bool) -> String {
    let end = name.find(|c: char| c.is_ascii_digit()).filter(|_| several);
    let begin = end.or_else(|| name.find(".pcap")).unwrap_or(name.len());
    let begin = name[..begin].trim_end_matches(['-', '_', '.', ' ']);
    if begin.is_empty() { name.to_owned() } else { begin.to_owned() }
}

/// Packets that two sources must share: one may have been duplicated by the network.
const FEWEST: u64 = 3;

/// How far apart the interfaces of one host show a packet at most, nanoseconds.
const ONE_HOST: i64 = 10_000_000;

/// Packets of a source that are looked for in the others.
const MAX_KEPT: usize = 1 << 16;

/// Packets of all sources together.
const MAX_KNOWN: usize = 1 << 19;

/// Sources that are told apart: hostile files have millions of interfaces, rotated captures thousands of files.
const MAX_SOURCES: usize = 1 << 11;

/// Points that one is taken apart into.
const MAX_PARTS: usize = 16;

#[cfg(test)]
mod tests {
    use super::{series, stem};

    #[test]
    fn files_of_one_series_have_one_stem() {
        assert_eq!(stem("client.pcap0"), stem("client.pcap17"));
        assert_eq!(
            stem("eth0_00001_20240514120335.pcapng"),
            stem("eth0_00002_20240514121335.pcapng")
        );
        assert_ne!(stem("client-0.pcap"), stem("pod-0.pcap"));
        assert_eq!(series("client-0.pcap", true), "client");
        assert_eq!(series("node2.pcap.gz", false), "node2");
        assert_eq!(series("7", true), "7");
    }
}
