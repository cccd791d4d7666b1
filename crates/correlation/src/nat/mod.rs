//! What NAT did.

mod bins;
mod services;
mod sources;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use crosscap_packet::{Endpoint, Timestamp};
use rayon::prelude::*;

use crate::keys::{LegKey, Legs};
use crate::{Correlation, Leg, Path, Point};

pub use bins::OverTime;
use bins::{Binned, Grid};
pub use services::{NatBackend, NatService, NatStray};
pub use sources::{NatSources, PortsKept};

/// A translation, and how many connections went through it.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct NatMapping {
    /// Ends before translation, as the client sees them: originator, responder. `None` where it varies.
    pub before: [Option<Endpoint>; 2],
    /// Ends after translation, as the server sees them.
    pub after: [Option<Endpoint>; 2],
    /// Which end is translated.
    pub kind: NatKind,
    /// Connections.
    pub connections: u64,
    /// Of these, connections whose packets prove which end of the path is the client's. The others may have been
    /// translated the other way round.
    pub ordered: u64,
    /// When they were seen, in the reference clock; `None` where the clock of none of them is bounded.
    pub seen: Option<NatTimes>,
    /// Connections by the time of their first packet; `None` where [`Self::seen`] is.
    pub over_time: Option<OverTime>,
    /// The originators' addresses and ports after translation; `None` where they are not translated.
    pub sources: Option<NatSources>,
    /// Between which legs the tuple changed, in order of the names of the points.
    pub places: Vec<NatPlace>,
}

/// When the connections of a mapping were seen: estimates in the reference clock.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct NatTimes {
    /// First packet of the first connection.
    pub first: Timestamp,
    /// First packet of the latest connection.
    pub last_new: Timestamp,
    /// Last packet of any connection.
    pub last: Timestamp,
}

impl NatTimes {
    /// From the first of both to the last of both.
    #[must_use]
    pub fn joined(self, other: Self) -> Self {
        Self {
            first: self.first.min(other.first),
            last_new: self.last_new.max(other.last_new),
            last: self.last.max(other.last),
        }
    }
}

/// Where connections were translated: between two legs that follow each other on the path.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct NatPlace {
    /// The point of the leg nearer the client, an index into [`Correlation::points`].
    pub from: usize,
    /// The point of the next leg; the same where one point sees both sides of a NAT.
    pub to: usize,
    /// Which end changed there.
    pub kind: NatKind,
    /// Connections.
    pub connections: u64,
}

/// Which end of a connection is translated.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum NatKind {
    /// The responder's: a Service address, a port forward.
    Dnat,
    /// The originator's: masquerade.
    Snat,
    /// Both.
    DnatSnat,
    /// None.
    None,
}

impl NatKind {
    /// As the report contract writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Dnat => "dnat",
            Self::Snat => "snat",
            Self::DnatSnat => "dnat+snat",
            Self::None => "none",
        }
    }

    /// Whether the responder is translated.
    #[must_use]
    pub const fn changes_resp(self) -> bool {
        matches!(self, Self::Dnat | Self::DnatSnat)
    }

    /// Whether the originator is translated.
    #[must_use]
    pub const fn changes_orig(self) -> bool {
        matches!(self, Self::Snat | Self::DnatSnat)
    }

    /// What makes `after` of `before`: originators and responders.
    fn between(before: [Endpoint; 2], after: [Endpoint; 2]) -> Self {
        match (before[1] != after[1], before[0] != after[0]) {
            (true, true) => Self::DnatSnat,
            (true, false) => Self::Dnat,
            (false, true) => Self::Snat,
            (false, false) => Self::None,
        }
    }
}

/// What one path says.
struct Crossing {
    before: [Endpoint; 2],
    after: [Endpoint; 2],
    ordered: bool,
    /// First and last packet, in the reference clock.
    times: Option<[Timestamp; 2]>,
    places: Vec<(usize, usize, NatKind)>,
}

/// The translations between the ends of all paths that have two legs, by responder.
pub(crate) fn mappings(found: &Correlation, legs: &Legs) -> Vec<NatMapping> {
    let crossings: Vec<Crossing> =
        found.paths.par_iter().flat_map_iter(|path| crossings(found, legs, path)).collect();
    let opened = crossings.iter().filter_map(|c| c.times.map(|[first, _]| first));
    let grid = Grid::over(opened);
    let mut tallies: BTreeMap<_, Tally> = BTreeMap::new();
    for c in &crossings {
        let kind = NatKind::between(c.before, c.after);
        let tally = tallies.entry((c.before[1], c.after[1], kind)).or_insert_with(|| Tally::new(c));
        tally.count(c, grid);
    }
    let finish = |((_, _, kind), tally): (_, Tally)| {
        let mut mapping = tally.into_mapping(kind, grid);
        // By name: the order of the points is the user's.
        let name = |point: usize| found.points[point].name.as_str();
        mapping.places.sort_by_key(|p| (name(p.from), name(p.to), p.kind));
        mapping
    };
    tallies.into_iter().map(finish).collect()
}

fn crossings(found: &Correlation, legs: &Legs, path: &Path) -> Vec<Crossing> {
    let keys: Vec<&LegKey> = path.regular().map(|leg| legs.key(leg)).collect();
    // A proxy does not translate a connection; it makes another.
    let proxied = path.matched.tier.is_proxied();
    let stages: Vec<u8> = path.regular().map(|leg| leg.stage).collect();
    let mut rest = &keys[..];
    let runs = stages.chunk_by(|a, b| !proxied || a == b).map(|run| {
        let (mine, others) = rest.split_at(run.len());
        rest = others;
        mine
    });
    runs.filter_map(|keys| crossing(found, keys, path.ordered)).collect()
}

fn crossing(found: &Correlation, keys: &[&LegKey], ordered: bool) -> Option<Crossing> {
    if keys.len() < 2 {
        return None;
    }
    let (mut before, mut after, mut times) = (None, None, None);
    let mut last: Option<(usize, [Endpoint; 2])> = None;
    let mut places = Vec::new();
    for key in keys {
        let (leg, ends) = (key.leg, key.ends());
        before.get_or_insert(ends);
        if let Some((point, previous)) = last {
            let kind = NatKind::between(previous, ends);
            if kind != NatKind::None {
                places.push((point, leg.point, kind));
            }
        }
        (last, after) = (Some((leg.point, ends)), Some(ends));
        // The leg nearest the client whose clock is known: what it sees is the nearest to the sending of the SYN.
        if times.is_none() {
            let time = |t| found.to_reference(leg.point, t).map(|[_, estimate, _]| estimate);
            times = time(key.begin).zip(time(key.end())).map(|(a, b)| [a, b]);
        }
    }
    places.sort_unstable();
    places.dedup();
    Some(Crossing { before: before?, after: after?, ordered, times, places })
}

/// A mapping being counted.
struct Tally {
    before: [Option<Endpoint>; 2],
    after: [Option<Endpoint>; 2],
    connections: u64,
    ordered: u64,
    seen: Option<NatTimes>,
    binned: Binned,
    sources: sources::Tally,
    places: BTreeMap<(usize, usize, NatKind), u64>,
}

impl Tally {
    fn new(c: &Crossing) -> Self {
        Self {
            before: c.before.map(Some),
            after: c.after.map(Some),
            connections: 0,
            ordered: 0,
            seen: None,
            binned: Binned::default(),
            sources: sources::Tally::default(),
            places: BTreeMap::new(),
        }
    }

    fn count(&mut self, c: &Crossing, grid: Grid) {
        self.connections += 1;
        self.ordered += u64::from(c.ordered);
        for (slot, now) in [(&mut self.before[0], c.before[0]), (&mut self.after[0], c.after[0])] {
            *slot = slot.filter(|e| *e == now);
        }
        if let Some([first, last]) = c.times {
            let times = NatTimes { first, last_new: first, last };
            self.seen = Some(self.seen.map_or(times, |seen| seen.joined(times)));
            self.binned.count(first, grid);
        }
        if c.before[0] != c.after[0] {
            self.sources.count(c.before[0], c.after[0]);
        }
        for place in &c.places {
            *self.places.entry(*place).or_default() += 1;
        }
    }

    fn into_mapping(self, kind: NatKind, grid: Grid) -> NatMapping {
        let place = |((from, to, kind), connections)| NatPlace { from, to, kind, connections };
        NatMapping {
            before: self.before,
            after: self.after,
            kind,
            connections: self.connections,
            ordered: self.ordered,
            seen: self.seen,
            over_time: self.binned.finish(grid),
            sources: kind.changes_orig().then(|| self.sources.finish()),
            places: self.places.into_iter().map(place).collect(),
        }
    }
}

/// The ends of a stray leg that is part of `path`: the end that the other legs know as the client, and the other one.
fn stray_remote(points: &[Point], path: &Path, stray: Leg) -> Option<Endpoint> {
    let c = stray.of(points);
    let (orig, resp) = (c.orig, c.resp);
    let mut clients = path.regular().map(|l| l.of(points).orig);
    clients.find_map(|client| match client {
        client if client == orig => Some(resp),
        client if client == resp => Some(orig),
        _ => None,
    })
}
