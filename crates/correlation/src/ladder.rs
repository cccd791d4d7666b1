//! The packets of one path, side by side.

use std::collections::VecDeque;

use crosscap_reassembly::{Direction, Sighting};
use foldhash::quality::RandomState;
use hashbrown::HashMap;

use crate::{Correlation, Path};

/// A packet as one leg of a path saw it.
#[derive(Clone, Copy, Debug)]
pub struct LegSighting {
    /// Index into [`Path::legs`].
    pub leg: usize,
    /// Who sent it.
    pub direction: Direction,
    /// When, where, what.
    pub at: Sighting,
}

/// One packet, and every leg that saw it.
#[derive(Clone, Debug)]
pub struct Row {
    /// Who sent it.
    pub direction: Direction,
    /// Where it was seen, from its sender to its receiver. Never empty.
    pub seen: Vec<LegSighting>,
}

impl Row {
    /// Where it was seen first.
    #[must_use]
    pub fn first(&self) -> &LegSighting {
        &self.seen[0]
    }

    /// Where the leg saw it, if it did.
    #[must_use]
    pub fn at_leg(&self, leg: usize) -> Option<&LegSighting> {
        self.seen.iter().find(|s| s.leg == leg)
    }
}

/// All packets of one path in order of time, copies of one packet in one row.
#[derive(Clone, Debug, Default)]
pub struct Ladder {
    /// The rows.
    pub rows: Vec<Row>,
}

impl Ladder {
    /// Lays out `sightings`, which are in capture order for every leg.
    #[must_use]
    pub fn new(correlation: &Correlation, path: &Path, sightings: &[LegSighting]) -> Self {
        let mut rows: Vec<Row> = Vec::new();
        for &direction in &Direction::BOTH {
            // Rows of this direction by what copies of a packet have in common, oldest first.
            let mut by_copy: HashMap<_, VecDeque<usize>, RandomState> = HashMap::default();
            for leg in legs_from_sender(path, direction) {
                let mut added = Vec::new();
                for sighting in
                    sightings.iter().filter(|s| s.leg == leg && s.direction == direction)
                {
                    let key = sighting.at.segment.copy_key();
                    if let Some(row) = by_copy.get_mut(&key).and_then(VecDeque::pop_front) {
                        rows[row].seen.push(*sighting);
                        added.push((key, row));
                    } else {
                        rows.push(Row { direction, seen: vec![*sighting] });
                        added.push((key, rows.len() - 1));
                    }
                }
                // The next leg may see the same packets again.
                for (key, row) in added {
                    by_copy.entry(key).or_default().push_back(row);
                }
            }
        }
        let time = |row: &Row| {
            let first = row.first();
            let point = path.legs[first.leg].point;
            (correlation.reference_estimate(point, first.at.time), first.at.frame)
        };
        rows.sort_by_cached_key(time);
        Self { rows }
    }
}

/// Indices of the legs in the order in which a packet passes them. A stray leg lies at a point's own side of the
/// translation: packets from the responder reach it last, packets from the originator leave through it first.
fn legs_from_sender(path: &Path, direction: Direction) -> Vec<usize> {
    let regular = path.regular().count();
    let (mut regular, strays): (Vec<usize>, Vec<usize>) =
        ((0..regular).collect(), (regular..path.legs.len()).collect());
    match direction {
        Direction::Orig => strays.into_iter().chain(regular).collect(),
        Direction::Resp => {
            regular.reverse();
            regular.into_iter().chain(strays).collect()
        }
    }
}
