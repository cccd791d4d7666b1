//! Legs that share initial sequence numbers.

use crosscap_reassembly::Direction;

use super::{COUNTER_BITS, Joined, MAX_CANDIDATES, Map, Matcher, PORT_BITS, STAMP_BITS, grouped};
use crate::Tier;

impl Matcher<'_> {
    /// Joins legs that share both.
    pub(super) fn join_isn_pairs(&mut self) {
        let how = Joined { tier: Tier::IsnPair, bits: 64.0 };
        let pair = |leg: usize| self.keys[leg].isn_pair().map(|pair| pair.map(|isn| isn.0));
        let keyed = (0..self.keys.len()).filter_map(|leg| Some((pair(leg)?, leg))).collect();
        for legs in grouped(keyed) {
            if self.one_connection(&legs) {
                self.join_all(&legs, how);
                continue;
            }
            // Numbers that are no secret (a test tool, a broken stack): demand more to be the same.
            let client = |leg: usize| self.keys[leg].orig;
            let syn = |leg: usize| {
                let syn = self.keys[leg].flow(Direction::Orig).first;
                syn.map(|s| (s.segment.timestamps.map(|t| t.value), s.segment.ip_id))
            };
            let by_client = grouped(legs.iter().map(|&leg| (client(leg), leg)).collect());
            let by_syn = || grouped(legs.iter().map(|&leg| (syn(leg), leg)).collect());
            let mut left = Vec::new();
            for same in by_client.into_iter().chain(by_syn()) {
                if self.one_connection(&same) {
                    self.join_all(&same, how);
                } else {
                    left.push(same);
                }
            }
            for same in left {
                let apart: Vec<_> = same[1..].iter().map(|&other| (other, how)).collect();
                self.ambiguous(same[0], &apart);
            }
        }
    }

    /// Whether the legs can be one connection: nothing contradicts, and those seen at one point show the same packets, as
    /// both sides of a NAT do.
    fn one_connection(&self, legs: &[usize]) -> bool {
        let few = legs.len() <= self.sizes.len() * MAX_CANDIDATES;
        let first = &self.keys[legs[0]];
        few && legs.iter().all(|&a| {
            if self.keys[a].contradicts(first) {
                return false;
            }
            let mut others =
                legs.iter().filter(|&&b| b != a && self.point(b) == self.point(a)).peekable();
            others.peek().is_none() || others.any(|&b| self.keys[a].shares_packets(&self.keys[b]))
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
        for leg in 0..self.keys.len() {
            for key in [number(leg), port(leg)].into_iter().flatten() {
                if let Some(legs) = by_isn.get_mut(&key) {
                    legs.push(leg);
                }
            }
        }
        let scored: Vec<_> = half
            .iter()
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
        let (x, y) = (a.flow(direction).first?.segment, b.flow(direction).first?.segment);
        let port = if a.orig.port == b.orig.port { PORT_BITS } else { 0.0 };
        let stamp = match (x.timestamps, y.timestamps) {
            (Some(x), Some(y)) if x.value == y.value => STAMP_BITS,
            // The number is the same and the time is not: another copy of the SYN, unless the number was no secret.
            _ => 0.0,
        };
        let counter = if x.ip_id != 0 && x.ip_id == y.ip_id { COUNTER_BITS } else { 0.0 };
        let more = port + stamp + counter;
        (more > 0.0).then_some(32.0 + more)
    }
}
