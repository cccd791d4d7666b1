//! Legs whose capture began in midstream, or has one direction only: the ranges of their sequence numbers must meet, in both
//! directions.

use crosscap_packet::SeqNumber;
use crosscap_reassembly::Direction;
use rayon::prelude::*;

use super::isn::GUESSABLE_BITS;
use super::{MAX_CANDIDATES, Map, Matcher, PORT_BITS};
use crate::Tier;
use crate::keys::LegKey;

/// Where the ranges of a leg lie, coarsely; the port where it is part of the key.
type Cell = (Option<u16>, u32, u32);

impl Matcher<'_> {
    pub(super) fn join_ranges(&mut self) {
        let midstream: Vec<usize> = (0..self.keys.len())
            .filter(|&l| !self.keys[l].leg.stray)
            .filter(|&l| self.keys[l].is_midstream() || self.keys[l].is_one_way())
            .collect();
        if midstream.is_empty() {
            return;
        }
        let mut by_cell: Map<Cell, Vec<usize>> = Map::default();
        for leg in midstream.iter().copied() {
            for cell in cells(&self.keys[leg]) {
                by_cell.entry(cell).or_default();
            }
        }
        let legs: Vec<usize> = (0..self.keys.len()).filter(|&l| !self.keys[l].leg.stray).collect();
        for some in legs.chunks(AT_ONCE) {
            let cells = some.par_iter().flat_map_iter(|&leg| {
                let cells = cells(&self.keys[leg]).into_iter();
                cells.filter(|cell| by_cell.contains_key(cell)).map(move |cell| (cell, leg))
            });
            for (cell, leg) in cells.collect::<Vec<_>>() {
                by_cell.entry(cell).or_default().push(leg);
            }
        }
        let scored = midstream.par_iter().map(|&leg| {
            let cells = cells(&self.keys[leg]);
            let crowded = |legs: &&Vec<usize>| legs.len() <= MAX_CANDIDATES * self.sizes.len();
            let near = cells.iter().filter_map(|cell| by_cell.get(cell)).filter(crowded);
            let mut near: Vec<usize> = near.flatten().copied().collect();
            near.sort_unstable();
            near.dedup();
            let fits = near.into_iter().filter_map(|other| Some((other, self.meet(leg, other)?)));
            (leg, fits.collect())
        });
        let scored = scored.collect();
        self.join_best(scored, Tier::SeqRange);
    }

    /// In how many bits two legs agree whose ranges meet; `None` where they do not.
    fn meet(&self, leg: usize, other: usize) -> Option<f64> {
        let (a, b) = (&self.keys[leg], &self.keys[other]);
        let here = a.leg.point == b.leg.point;
        if leg == other || !self.may_be_one(leg, other) || (here && !a.shares_packets(b)) {
            return None;
        }
        // Which end is which is a guess in midstream.
        let same = Direction::BOTH.map(|d| (a.range(d), b.range(d)));
        let turned = Direction::BOTH.map(|d| (a.range(d), b.range(d.reverse())));
        let (bits, ports) = match (bits(same), bits(turned)) {
            (Some(bits), other) if other.is_none_or(|other| other <= bits) => {
                (bits, a.orig.port == b.orig.port)
            }
            (_, Some(bits)) if b.is_midstream() || a.is_midstream() => {
                (bits, a.orig.port == b.resp.port)
            }
            _ => return None,
        };
        Some(bits + if ports { PORT_BITS } else { 0.0 })
    }
}

type Range = Option<[SeqNumber; 2]>;

/// How improbable it is that ranges of both directions lie so near to each other, in bits.
fn bits(both: [(Range, Range); 2]) -> Option<f64> {
    both.into_iter().try_fold(0.0, |sum, (a, b)| {
        let ([a_first, a_next], [b_first, b_next]) = (a?, b?);
        let lengths = [a_next.ahead_of(a_first), b_next.ahead_of(b_first)];
        if lengths.iter().any(|length| *length < 0) {
            // More than 2 GiB: it lies everywhere.
            return Some(sum);
        }
        let apart = a_first.ahead_of(b_next).max(b_first.ahead_of(a_next)).max(0);
        let places = f64::from(lengths[0]) + f64::from(lengths[1]) + 2.0 * f64::from(apart) + 1.0;
        // Low numbers are those that people choose.
        let most = if a_first.0.max(b_first.0) < LOW { 2.0 * GUESSABLE_BITS } else { 32.0 };
        (apart <= RANGE_SLACK).then_some(sum + (32.0 - places.log2()).min(most))
    })
}

/// The cells that both ranges of a leg lie in or near. Short ranges have small cells; long ones have coarse cells, which
/// the client's port must tell apart.
fn cells(key: &LegKey) -> Vec<Cell> {
    let ranges = Direction::BOTH.map(|d| key.range(d));
    let [Some(one), Some(other)] = ranges else { return Vec::new() };
    let rows = |[first, next]: [SeqNumber; 2], shift: u32| {
        let begin = first.0.wrapping_sub(RANGE_SLACK.unsigned_abs() / 2) >> shift;
        let cells = u32::MAX >> shift;
        let end = next.0.wrapping_add(RANGE_SLACK.unsigned_abs() / 2) >> shift;
        let count = end.wrapping_sub(begin) & cells;
        (0..=count).map(move |i| begin.wrapping_add(i) & cells)
    };
    let mut found = Vec::new();
    let mut add = |port: Option<u16>, shift: u32| {
        let count = |range| rows(range, shift).count();
        if count(one) * count(other) > MAX_CELLS {
            return;
        }
        for a in rows(one, shift) {
            // Which end is which is a guess: in an order that does not depend on it.
            found.extend(rows(other, shift).map(|b| (port, a.min(b), a.max(b))));
        }
    };
    add(None, FINE);
    for port in [key.orig.port, key.resp.port] {
        add(Some(port), COARSE);
    }
    found
}

/// How far apart two ranges may lie, in bytes: what one of the captures missed.
const RANGE_SLACK: i32 = 1 << 20;

/// Numbers below this are no random ones.
const LOW: u32 = 1 << 22;

/// Bits of a sequence number within a small cell, within a coarse one.
const FINE: u32 = 21;
const COARSE: u32 = 28;

/// Cells that a leg is looked for in.
const MAX_CELLS: usize = 256;

/// Legs whose cells are in memory at a time.
const AT_ONCE: usize = 1 << 14;
