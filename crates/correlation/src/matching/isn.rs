//! Legs that share initial sequence numbers.

use crosscap_reassembly::Direction;
use rayon::prelude::*;

use super::{
    ADDRESS_BITS, COUNTER_BITS, Joined, MAX_CANDIDATES, Map, Matcher, PORT_BITS, STAMP_BITS, Set,
    grouped,
};
use crate::Tier;
use crate::keys::LegKey;

impl Matcher<'_> {
    /// Joins legs that share both.
    pub(super) fn join_isn_pairs(&mut self) {
        let how = Joined { tier: Tier::IsnPair, bits: MOST_BITS };
        let pair = |leg: usize| self.keys[leg].isn_pair().map(|pair| pair.map(|isn| isn.0));
        let keyed = (0..self.keys.len()).into_par_iter();
        let mut keyed: Vec<_> = keyed.filter_map(|leg| Some((pair(leg)?, leg))).collect();
        keyed.par_sort_unstable();
        let same: Vec<_> = keyed.chunk_by(|a, b| a.0 == b.0).filter(|s| s.len() > 1).collect();
        let used_again = self.used_again();
        let told = |same: &&[([u32; 2], usize)]| {
            let isns = same[0].0;
            let bits = |i: usize| match is_guessable(isns[i]) || used_again[i].contains(&isns[i]) {
                true => GUESSABLE_BITS,
                false => 32.0,
            };
            let bits = bits(0) + bits(1);
            (bits, bits == how.bits && self.one_connection(same))
        };
        let told: Vec<(f64, bool)> = same.par_iter().map(told).collect();
        let mut scored = Vec::new();
        for (same, (bits, is_one)) in same.into_iter().zip(told) {
            if is_one {
                same.windows(2).for_each(|pair| self.join(pair[0].1, pair[1].1, how));
            } else {
                self.corroborate(same, bits, &mut scored);
            }
        }
        self.join_best(scored, Tier::IsnPair);
    }

    /// Of each end, the initial numbers that one point saw with several of the other end: those of a stack that always begins
    /// alike. A few of them are so by chance, or a SYN was sent again to another backend.
    fn used_again(&self) -> [Set<u32>; 2] {
        [0, 1].map(|i| {
            let told = |leg: usize| {
                let isns = self.keys[leg].isn_pair()?.map(|isn| isn.0);
                Some((isns[i], self.point(leg), isns[1 - i]))
            };
            let mut told: Vec<_> = (0..self.keys.len()).into_par_iter().filter_map(told).collect();
            told.par_sort_unstable();
            told.dedup();
            let again = told.windows(2).filter(|two| (two[0].0, two[0].1) == (two[1].0, two[1].1));
            again.map(|two| two[0].0).collect()
        })
    }

    /// Legs whose initial numbers are no secret (a test tool, a broken stack), of one client or with one SYN: what else
    /// each has in common with the others. The numbers count `isn_bits`.
    fn corroborate<K>(
        &self,
        legs: &[(K, usize)],
        isn_bits: f64,
        scored: &mut Vec<(usize, Vec<(usize, f64)>)>,
    ) {
        let client = legs.iter().map(|&(_, leg)| (self.keys[leg].orig, leg)).collect();
        let syns = legs.iter().filter_map(|&(_, leg)| {
            let syn = self.keys[leg].flow(Direction::Orig).first?.segment();
            let known = (syn.timestamps.map(|t| t.value), syn.ip_id);
            (known != (None, 0)).then_some((known, leg))
        });
        for same in grouped(client).into_iter().chain(grouped(syns.collect())) {
            if same.len() > MAX_CANDIDATES {
                continue;
            }
            for &leg in &same {
                let fits = same.iter().filter_map(|&other| {
                    let (a, b) = (&self.keys[leg], &self.keys[other]);
                    let here = self.point(leg) == self.point(other);
                    if leg == other || a.contradicts(b) || (here && !a.shares_packets(b)) {
                        return None;
                    }
                    let bits = isn_bits + shared_bits(a, b, Direction::Orig);
                    Some((other, bits.min(MOST_BITS)))
                });
                scored.push((leg, fits.collect()));
            }
        }
    }

    /// Whether the legs can be one connection: nothing contradicts, and those seen at one point show the same packets, as
    /// both sides of a NAT do.
    fn one_connection<K>(&self, legs: &[(K, usize)]) -> bool {
        let few = legs.len() <= self.sizes.len() * MAX_CANDIDATES;
        let first = &self.keys[legs[0].1];
        few && legs.iter().all(|&(_, a)| {
            if self.keys[a].contradicts(first) {
                return false;
            }
            let others = legs.iter().map(|&(_, b)| b);
            let mut others =
                others.filter(|&b| b != a && self.point(b) == self.point(a)).peekable();
            others.peek().is_none() || others.any(|b| self.keys[a].shares_packets(&self.keys[b]))
        })
    }

    /// Joins legs of which one lacks an end's initial sequence number.
    pub(super) fn join_single_isns(&mut self) {
        for direction in Direction::BOTH {
            self.join_single(direction);
        }
    }

    fn join_single(&mut self, direction: Direction) {
        let tier = if direction == Direction::Orig { Tier::OrigIsn } else { Tier::RespIsn };
        let isn = |leg: usize| self.keys[leg].flow(direction).isn.map(|isn| isn.0);
        let half: Vec<usize> = (0..self.keys.len())
            .filter(|&leg| isn(leg).is_some() && self.keys[leg].isn_pair().is_none())
            .collect();
        if half.is_empty() {
            return;
        }
        // By number, and where many share it, by number and port.
        let number = |leg: usize| Some((isn(leg)?, None));
        let port = |leg: usize| Some((isn(leg)?, Some(self.keys[leg].orig.port)));
        let mut by_isn: Map<(u32, Option<u16>), Vec<usize>> = Map::default();
        for key in half.iter().flat_map(|&leg| [number(leg), port(leg)]).flatten() {
            by_isn.entry(key).or_default();
        }
        let all = (0..self.keys.len()).into_par_iter();
        let wanted: Vec<_> = all
            .flat_map_iter(|leg| {
                let keys = [number(leg), port(leg)].into_iter().flatten();
                keys.filter(|key| by_isn.contains_key(key)).map(move |key| (key, leg))
            })
            .collect();
        for (key, leg) in wanted {
            by_isn.entry(key).or_default().push(leg);
        }
        let scored: Vec<_> = half
            .par_iter()
            .filter_map(|&leg| {
                let keys = [number(leg)?, port(leg)?];
                let few = |same: &&Vec<usize>| same.len() <= MAX_CANDIDATES;
                let same = keys.iter().find_map(|key| by_isn.get(key).filter(few))?;
                let fits = same
                    .iter()
                    .filter_map(|&other| Some((other, self.corroborated(leg, other, direction)?)));
                Some((leg, fits.collect()))
            })
            .collect();
        self.join_best(scored, tier);
    }

    /// In how many bits two legs agree that share one initial sequence number; `None` where that is all, or something
    /// contradicts.
    fn corroborated(&self, leg: usize, other: usize, direction: Direction) -> Option<f64> {
        let (a, b) = (&self.keys[leg], &self.keys[other]);
        let here = self.point(leg) == self.point(other);
        if leg == other || !self.may_be_one(leg, other) || (here && !a.shares_packets(b)) {
            return None;
        }
        let more = shared_bits(a, b, direction);
        // A scanner asks many hosts with one number from one port.
        let only_asked = |key: &LegKey| {
            let orig = key.flow(Direction::Orig);
            orig.bytes == 0 && orig.acked.is_none()
        };
        let scan = a.orig == b.orig && a.resp != b.resp && only_asked(a) && only_asked(b);
        let least = if scan { PORT_BITS + ADDRESS_BITS } else { 0.0 };
        let isn = a.flow(direction).isn?.0;
        let isn_bits = if is_guessable(isn) { GUESSABLE_BITS } else { 32.0 };
        (more > least).then_some(isn_bits + more)
    }
}

/// In how many bits two legs agree besides their numbers: the client, and the first packet of one end.
fn shared_bits(a: &LegKey, b: &LegKey, direction: Direction) -> f64 {
    let first = |key: &LegKey, direction| key.flow(direction).first.map(|at| at.segment());
    let stamp = |direction| {
        let stamps = |key| first(key, direction)?.timestamps.map(|stamps| stamps.value);
        stamps(a).is_some() && stamps(a) == stamps(b)
    };
    let counter = |key| first(key, direction).map(|segment| segment.ip_id).filter(|id| *id != 0);
    let agreed = [
        (a.orig.port == b.orig.port, PORT_BITS),
        (a.orig.addr == b.orig.addr, ADDRESS_BITS),
        (stamp(direction), STAMP_BITS),
        (counter(a).is_some() && counter(a) == counter(b), COUNTER_BITS),
    ];
    agreed.iter().filter(|(agrees, _)| *agrees).map(|(_, bits)| bits).sum()
}

/// Whether a number looks as people choose it, not as a stack draws it (RFC 6528): small, round, or one digit only.
pub(crate) fn is_guessable(isn: u32) -> bool {
    let [a, b, c, d] = isn.to_be_bytes();
    isn < 1 << 20
        || isn.trailing_zeros() >= 16
        || isn.is_multiple_of(100_000)
        || [a, b, c] == [b, c, d]
}

/// What two numbers are worth in bits that nobody can guess; nothing adds to it.
const MOST_BITS: f64 = 64.0;

/// What such a number is worth in bits.
pub(super) const GUESSABLE_BITS: f64 = 4.0;
