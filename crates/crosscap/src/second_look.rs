//! The second look: the packets of the suspicious connections only.

use std::collections::{BTreeMap, VecDeque};

use crosscap_correlation::{Correlation, Ladder, LegSighting};
use crosscap_packet::{Decoded, Decoder, Endpoint, FrameRef};
use crosscap_parser::{CHUNK, CaptureFile, ReadOptions};
use crosscap_reassembly::{Direction, Sighting};
use foldhash::quality::RandomState;
use hashbrown::HashMap;
use rayon::prelude::*;

use crate::Error;
use crate::batch::{Batch, Item};
use crate::files::InputFile;

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
    wanted: &mut Wanted,
    files: &[InputFile],
    options: &ReadOptions,
    threads: usize,
) -> Result<Vec<(usize, LegSighting)>, Error> {
    let Some((first, last)) = wanted.range() else { return Ok(Vec::new()) };
    let mut decoder = Decoder::new();
    for (index, file) in files.iter().enumerate() {
        let index = u16::try_from(index).unwrap_or(u16::MAX);
        if index < first.file() || index > last.file() {
            continue;
        }
        let file = file.open(options, index)?;
        if threads > 1 {
            take_on_all_cores(wanted, file, &mut decoder, last)?;
        } else {
            take_on_one_core(wanted, file, &mut decoder, last)?;
        }
    }
    Ok(wanted.legs.drain(..).flat_map(WantedLeg::into_sightings).collect())
}

fn take_on_one_core(
    wanted: &mut Wanted,
    mut file: CaptureFile,
    decoder: &mut Decoder,
    last: FrameRef,
) -> Result<(), Error> {
    while let Some(r) = file.next_record()? {
        if r.frame > last {
            break;
        }
        // Fragments of the first packet may lie before it.
        if let Decoded::Tcp(p) = decoder.decode(r.link_type, r.data, r.original_len, r.timestamp) {
            let at = Sighting { time: r.timestamp, frame: r.frame, segment: p.segment };
            wanted.take(p.src, p.dst, at);
        }
    }
    Ok(())
}

fn take_on_all_cores(
    wanted: &mut Wanted,
    file: CaptureFile,
    decoder: &mut Decoder,
    last: FrameRef,
) -> Result<(), Error> {
    let known = wanted.by_ends.clone();
    let list = |src, dst| known.contains_key(&ends(src, dst)).then_some(0);
    let mut parts = file.into_parts(CHUNK, |part| {
        let mut batch = Batch::default();
        while let Some(record) = part.next_record()? {
            batch.take(&record, list);
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
                    Item::Segment(src, dst, at) => wanted.take(src, dst, at),
                    Item::Icmp(..) => {}
                }
            }
        }
    }
}

/// The legs of one point whose packets are wanted.
#[derive(Default)]
struct Wanted {
    legs: Vec<WantedLeg>,
    /// Legs by their ends, lower end first; in order of their first frames.
    by_ends: HashMap<(Endpoint, Endpoint), Vec<usize>, RandomState>,
}

struct WantedLeg {
    path: usize,
    place: usize,
    orig: Endpoint,
    first: FrameRef,
    last: FrameRef,
    /// The first packets and the last ones: what lies between in a long transfer tells nothing of how it ended.
    head: Vec<LegSighting>,
    tail: VecDeque<LegSighting>,
}

impl Wanted {
    fn of(correlation: &Correlation, suspects: &[usize], point: usize) -> Self {
        let mut wanted = Self::default();
        for &path in suspects {
            for (place, leg) in
                correlation.paths[path].legs.iter().enumerate().filter(|(_, l)| l.point == point)
            {
                let c = leg.of(&correlation.points);
                wanted.by_ends.entry(ends(c.orig, c.resp)).or_default().push(wanted.legs.len());
                wanted.legs.push(WantedLeg {
                    path,
                    place,
                    orig: c.orig,
                    first: c.first().frame,
                    last: c.last().frame,
                    head: Vec::new(),
                    tail: VecDeque::new(),
                });
            }
        }
        for legs in wanted.by_ends.values_mut() {
            legs.sort_by_key(|&l| wanted.legs[l].first);
        }
        wanted
    }

    /// From the first wanted frame to the last.
    fn range(&self) -> Option<(FrameRef, FrameRef)> {
        Some((self.legs.iter().map(|l| l.first).min()?, self.legs.iter().map(|l| l.last).max()?))
    }

    fn take(&mut self, src: Endpoint, dst: Endpoint, at: Sighting) {
        let Some(legs) = self.by_ends.get(&ends(src, dst)) else { return };
        // Several uses of one four-tuple follow each other.
        let latest = legs.partition_point(|&l| self.legs[l].first <= at.frame).checked_sub(1);
        let mine = latest.map(|i| legs[i]).filter(|&l| at.frame <= self.legs[l].last);
        if let Some(leg) = mine.map(|l| &mut self.legs[l]) {
            let direction = if src == leg.orig { Direction::Orig } else { Direction::Resp };
            let sighting = LegSighting { leg: leg.place, direction, at };
            if leg.head.len() < HEAD {
                leg.head.push(sighting);
            } else {
                if leg.tail.len() == TAIL {
                    leg.tail.pop_front();
                }
                leg.tail.push_back(sighting);
            }
        }
    }
}

impl WantedLeg {
    fn into_sightings(self) -> impl Iterator<Item = (usize, LegSighting)> {
        let path = self.path;
        self.head.into_iter().chain(self.tail).map(move |sighting| (path, sighting))
    }
}

fn ends(a: Endpoint, b: Endpoint) -> (Endpoint, Endpoint) {
    if a <= b { (a, b) } else { (b, a) }
}

/// First packets kept of each leg.
const HEAD: usize = 1_000;

/// Last packets kept of each leg: a few seconds of a fast transfer.
const TAIL: usize = 20_000;
