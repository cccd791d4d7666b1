//! The second look: the packets of the suspicious connections only.

use std::collections::{BTreeMap, VecDeque};

use crosscap_correlation::{Correlation, Ladder, LegSighting};
use crosscap_diagnosis::Screening;
use crosscap_packet::{Decoded, Decoder, Endpoint, FrameRef};
use crosscap_parser::{CHUNK, CaptureFile, ReadOptions};
use crosscap_reassembly::{Connection, Direction, Sighting};
use rayon::prelude::*;

use crate::Error;
use crate::batch::{Batch, Item};
use crate::files::InputFile;
use crate::wanted::{Wanted, WantedLeg};

/// The suspects that there is room for, as indices of paths, and how many others there are.
pub(crate) fn choose(screening: &Screening<'_>, correlation: &Correlation) -> (Vec<usize>, u64) {
    let takes = |path: usize| {
        let legs = correlation.paths[path].legs.iter().map(|leg| leg.of(&correlation.points));
        let kept = |c: Connection| {
            let packets: u64 = Direction::BOTH.iter().map(|d| c.flow(*d).packets).sum();
            packets.min((HEAD + TAIL) as u64)
        };
        legs.map(kept).sum()
    };
    let chosen = screening.within(MAX_PACKETS, takes);
    let left_out = (screening.suspects().len() - chosen.len()) as u64;
    (chosen, left_out)
}

/// The packets of each of `suspects` (indices of paths), side by side. `files` are those of each point.
pub(crate) fn fetch(
    correlation: &Correlation,
    files: &[Vec<InputFile>],
    options: &ReadOptions,
    threads: usize,
    suspects: &[usize],
) -> Result<BTreeMap<usize, Ladder>, Error> {
    let found: Vec<Vec<(usize, LegSighting)>> = (0..files.len())
        .into_par_iter()
        .map(|point| {
            fetch_point(
                &mut Wanted::of(correlation, suspects, point),
                &files[point],
                options,
                threads,
            )
        })
        .collect::<Result<_, Error>>()?;
    let mut by_path: BTreeMap<usize, Vec<LegSighting>> =
        suspects.iter().map(|&s| (s, Vec::new())).collect();
    for (path, sighting) in found.into_iter().flatten() {
        by_path.entry(path).or_default().push(sighting);
    }
    Ok(by_path
        .into_par_iter()
        .map(|(path, sightings)| {
            (path, Ladder::new(correlation, &correlation.paths[path], &sightings))
        })
        .collect())
}

fn fetch_point(
    wanted: &mut Wanted<Ends>,
    files: &[InputFile],
    options: &ReadOptions,
    threads: usize,
) -> Result<Vec<(usize, LegSighting)>, Error> {
    let Some((first, last)) = wanted.index.range() else { return Ok(Vec::new()) };
    let mut decoder = Decoder::new();
    for (index, input) in files.iter().enumerate() {
        let index = u16::try_from(index).unwrap_or(u16::MAX);
        if index < first.file() || index > last.file() {
            continue;
        }
        let file = input.open(options, index)?;
        if threads > 1 {
            take_on_all_cores(wanted, input, file, &mut decoder, last)?;
        } else {
            take_on_one_core(wanted, input, file, &mut decoder, last)?;
        }
    }
    Ok(wanted.legs.drain(..).flat_map(into_sightings).collect())
}

fn take_on_one_core(
    wanted: &mut Wanted<Ends>,
    input: &InputFile,
    mut file: CaptureFile,
    decoder: &mut Decoder,
    last: FrameRef,
) -> Result<(), Error> {
    while let Some(r) = file.next_record()? {
        if r.frame > last {
            break;
        }
        if !input.takes(&r) {
            continue;
        }
        // Fragments of the first packet may lie before it.
        if let Decoded::Tcp(p) = decoder.decode(r.link_type, r.data, r.original_len, r.timestamp) {
            let at = Sighting { time: r.timestamp, frame: r.frame, segment: p.segment };
            take(wanted, p.src, p.dst, at);
        }
    }
    Ok(())
}

fn take_on_all_cores(
    wanted: &mut Wanted<Ends>,
    input: &InputFile,
    file: CaptureFile,
    decoder: &mut Decoder,
    last: FrameRef,
) -> Result<(), Error> {
    let index = wanted.index.clone();
    let list = |src, dst| index.has_ends(src, dst).then_some(0);
    let mut parts = file.into_parts(CHUNK, |part| {
        let mut batch = Batch::default();
        while let Some(record) = part.next_record()? {
            if input.takes(&record) {
                batch.take(&record, list);
            }
        }
        Ok(batch)
    });
    loop {
        let several = parts.next_parts()?;
        if several.is_empty() {
            return Ok(());
        }
        for mut part in several {
            part.value.defragment(decoder, list, |_| ());
            for item in part.value.items(0, part.frames_before) {
                match item {
                    Item::Segment(_, _, at) if at.frame > last => return Ok(()),
                    Item::Segment(src, dst, at) => take(wanted, src, dst, at),
                    Item::Icmp(..) => {}
                }
            }
        }
    }
}

/// The first packets of a leg and the last ones: what lies between in a long transfer tells nothing of how it ended.
#[derive(Default)]
struct Ends {
    head: Vec<LegSighting>,
    tail: VecDeque<LegSighting>,
}

impl Ends {
    fn keep(&mut self, sighting: LegSighting) {
        if self.head.len() < HEAD {
            self.head.push(sighting);
            return;
        }
        if self.tail.len() == TAIL {
            self.tail.pop_front();
        }
        self.tail.push_back(sighting);
    }
}

fn take(wanted: &mut Wanted<Ends>, src: Endpoint, dst: Endpoint, at: Sighting) {
    if let Some((leg, direction)) = wanted.find(src, dst, at.frame) {
        leg.kept.keep(LegSighting { leg: leg.place, direction, at });
    }
}

fn into_sightings(leg: WantedLeg<Ends>) -> impl Iterator<Item = (usize, LegSighting)> {
    let (path, kept) = (leg.path, leg.kept);
    kept.head.into_iter().chain(kept.tail).map(move |sighting| (path, sighting))
}

/// Packets kept of all legs together, some 350 bytes for each.
const MAX_PACKETS: u64 = 4_000_000;

/// First packets kept of each leg.
const HEAD: usize = 1_000;

/// Last packets kept of each leg: a few seconds of a fast transfer.
const TAIL: usize = 20_000;
