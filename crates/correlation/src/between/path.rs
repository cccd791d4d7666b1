//! All hops of one path.

use crosscap_packet::Timestamp;
use crosscap_reassembly::{Direction, Flow};

use super::judge::passages;
use super::window::Seen;
use super::{Passage, Trace};
use crate::selection::Kinds;
use crate::{Correlation, Path};

/// What happened between the legs of one path.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Between {
    /// From each regular leg to the next, from the client to the server; without those that cannot be compared.
    pub hops: Vec<Hop>,
    /// From the first regular leg to the last, and back: the same as the only hop where there is one. `None` where they
    /// cannot be compared.
    pub ends: Option<[Passage; 2]>,
}

/// What happened between two neighbouring legs.
#[derive(Clone, Debug, PartialEq)]
pub struct Hop {
    /// The leg nearer the client, an index into [`Path::legs`].
    pub from: usize,
    /// The next.
    pub to: usize,
    /// From the originator, and from the responder.
    pub ways: [Passage; 2],
}

impl Between {
    /// Compares the legs of a path. `traces` are those of its legs, whole; `lossy` tells for each point whether its capture
    /// is known to have missed packets.
    ///
    /// Nothing is compared where the order of the legs is not proven. Stray legs go with the regular leg of their point:
    /// what arrived untranslated did arrive.
    #[must_use]
    pub fn of(
        correlation: &Correlation,
        path: &Path,
        mut traces: Vec<Trace>,
        lossy: &[bool],
    ) -> Self {
        traces.resize_with(path.legs.len(), Trace::default);
        if !path.ordered {
            return Self::default();
        }
        let regular: Vec<usize> = (0..path.legs.len()).filter(|&l| !path.legs[l].stray).collect();
        for stray in (0..path.legs.len()).filter(|&l| path.legs[l].stray) {
            let point = path.legs[stray].point;
            if let Some(&home) = regular.iter().find(|&&l| path.legs[l].point == point) {
                let trace = std::mem::take(&mut traces[stray]);
                traces[home].merge(&trace);
            }
        }
        let point = |leg: usize| path.legs[leg].point;
        // Of captures that leave some kinds of packets out, only the others can be compared.
        let kinds = regular.iter().map(|&l| correlation.selections[point(l)].kinds());
        let kinds = kinds.reduce(Kinds::and).unwrap_or_default();
        if !kinds.is_all() {
            traces.iter_mut().for_each(|trace| trace.keep(kinds));
        }
        // Of packets that one capture has cut, the others know more than can be compared.
        for syn in [true, false] {
            if traces.iter().any(|trace| trace.may_lack_timestamps(syn)) {
                traces.iter_mut().for_each(|trace| trace.forget_timestamps(syn));
            }
        }
        let seen = |leg: usize| {
            let index = point(leg);
            let seen = &correlation.points[index];
            Seen {
                trace: &traces[leg],
                point: index,
                span: seen.first.zip(seen.last).map(<[Timestamp; 2]>::from),
                clock: correlation.clocks[index].as_ref(),
                lossy: lossy.get(index).copied().unwrap_or(false),
                one_direction: correlation.selections[index].one_direction,
            }
        };
        let all: Vec<Seen<'_>> = regular.iter().map(|&l| seen(l)).collect();
        let mut hops = Vec::new();
        for (k, pair) in regular.windows(2).enumerate() {
            let (from, to) = (pair[0], pair[1]);
            let ways = passages([all[k], all[k + 1]], [&all[..k], &all[k + 2..]]);
            // Legs that the time to live puts the other way round are not in order.
            let forward =
                |ways: &[Passage; 2]| ways.iter().all(|w| w.hops.is_none_or(|h| h.1 >= 0));
            hops.extend(ways.filter(forward).map(|ways| Hop { from, to, ways }));
        }
        let ends = match (&hops[..], &regular[..]) {
            ([only], [_, _]) => Some(only.ways.clone()),
            (_, [_, _, .., _]) => passages([all[0], all[all.len() - 1]], [&[], &[]]),
            _ => None,
        };
        Self { hops, ends }
    }
}

/// Whether the first look leaves open that packets of a path were lost or altered between its legs, so that their packets
/// have to be compared. False also where they cannot be.
///
/// It leaves nothing open where both legs counted the same of everything: a packet lost and another duplicated in one
/// flow would have to be of one kind and size to escape.
#[must_use]
pub fn needs_traces(correlation: &Correlation, path: &Path) -> bool {
    let regular: Vec<_> = path.regular().collect();
    // Where several places are mixed, it is not known who saw what.
    let mixed = regular.iter().any(|leg| correlation.merged[leg.point].is_some());
    path.ordered
        && !mixed
        && regular.windows(2).any(|pair| {
            let [a, b] = [pair[0], pair[1]].map(|leg| leg.of(&correlation.points));
            Direction::BOTH.into_iter().any(|d| !same(a.flow(d), b.flow(d)))
        })
}

/// Whether two legs counted the same of one direction.
fn same(a: &Flow, b: &Flow) -> bool {
    let counts = |f: &Flow| {
        let packets = f.packets.saturating_sub(u64::from(f.copies));
        let kinds = [f.syns, f.fins, f.rsts, f.retransmits, f.out_of_order, f.overlaps];
        (packets, f.bytes, f.missing_bytes(), kinds, f.next_seq(), f.acked)
    };
    // Unknown where they were cut.
    let offers = a.syn_options.zip(b.syn_options);
    counts(a) == counts(b) && offers.is_none_or(|(a, b)| a == b)
}
