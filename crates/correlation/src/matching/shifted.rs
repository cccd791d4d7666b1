//! Legs whose sequence numbers a device between the points moved by a constant: SYN proxies, firewalls that draw initial
//! sequence numbers of their own.
//!
//! What such a device leaves alone must single out one leg at each point, and both streams must be as long at the one as
//! at the other.

use crosscap_packet::Endpoint;
use crosscap_reassembly::Direction;
use rayon::prelude::*;

use super::isn::is_guessable;
use super::{
    ADDRESS_BITS, COUNTER_BITS, Joined, MAX_CANDIDATES, MAX_TOLD, Map, Matcher, PORT_BITS,
    STAMP_BITS,
};
use crate::Tier;
use crate::keys::{FlowKey, LegKey};

/// What a device that moves numbers may leave alone.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Kept {
    /// One of the two initial sequence numbers: a SYN proxy answers for the server only.
    Isn(Side, u32),
    /// The clock in the SYN.
    Stamp(u32),
    /// Both ends: nothing is translated.
    Ends(Endpoint, Endpoint),
}

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Side {
    Orig,
    Resp,
}

impl Matcher<'_> {
    pub(super) fn join_shifted(&mut self) {
        let pairs = self.shifted_pairs();
        self.join_alone(pairs);
    }

    /// Pairs of legs that may be one connection. Of a leg with many partners at a point, a few: enough to tell that it is
    /// not alone.
    fn shifted_pairs(&self) -> Vec<(usize, usize, Joined)> {
        let points_of = |leg: usize| {
            let mut points: Vec<usize> =
                self.set(leg).take(MAX_CANDIDATES).map(|leg| self.point(leg)).collect();
            points.sort_unstable();
            points.dedup();
            points
        };
        // Not seen at every point, seen from the beginning, with something said.
        let missed: Vec<usize> = (0..self.keys.len())
            .into_par_iter()
            .filter(|&leg| {
                self.keys[leg].isn_pair().is_some()
                    && self.keys[leg].flows.iter().any(|f| f.bytes > 0)
                    && points_of(leg).len() < self.sizes.len()
            })
            .collect();
        let mut keyed: Vec<(Kept, usize)> =
            missed.iter().flat_map(|&leg| kept(&self.keys[leg]).map(move |k| (k, leg))).collect();
        keyed.par_sort_unstable();
        let mut pairs = Vec::new();
        for same in keyed.chunk_by(|a, b| a.0 == b.0) {
            // Of more at one point, none is alone.
            if same.len() > (MAX_TOLD * self.sizes.len()).min(MOST_ALIKE) {
                continue;
            }
            let points: Vec<Vec<usize>> = same.iter().map(|&(_, leg)| points_of(leg)).collect();
            let mut partners: Map<(usize, usize), usize> = Map::default();
            for (i, &(kept, a)) in same.iter().enumerate() {
                for (j, &(_, b)) in same.iter().enumerate().skip(i + 1) {
                    let apart = self.point(a) != self.point(b)
                        && points[i].iter().all(|point| points[j].binary_search(point).is_err());
                    let Some(bits) =
                        apart.then(|| alike(kept, &self.keys[a], &self.keys[b])).flatten()
                    else {
                        continue;
                    };
                    let both = [(a, self.point(b)), (b, self.point(a))];
                    if both.iter().any(|one| partners.get(one).is_none_or(|n| *n < MOST_PARTNERS)) {
                        both.into_iter().for_each(|one| *partners.entry(one).or_default() += 1);
                        pairs.push((a, b, Joined { tier: Tier::Offset, bits }));
                    }
                }
            }
        }
        pairs
    }

    /// Joins those pairs of which neither has another partner at the other's point.
    fn join_alone(&mut self, pairs: Vec<(usize, usize, Joined)>) {
        let root = |leg: usize| self.sets.find(leg);
        let mut partners: Map<(usize, usize), Vec<usize>> = Map::default();
        for &(a, b, _) in &pairs {
            for (one, other) in [(a, b), (b, a)] {
                let known = partners.entry((root(one), self.point(other))).or_default();
                if !known.contains(&root(other)) {
                    known.push(root(other));
                }
            }
        }
        let alone = |one, other| partners[&(root(one), self.point(other))].len() == 1;
        let (sure, unsure): (Vec<_>, Vec<_>) = pairs
            .into_iter()
            .partition(|&(a, b, how)| alone(a, b) && alone(b, a) && self.is_sure(a, b, how.bits));
        for (a, b, how) in sure {
            if self.sets.equiv(a, b) {
                continue;
            }
            if self.fit_together(a, b) {
                self.join(a, b, how);
            } else {
                self.ambiguous(a, &[(b, how)]);
            }
        }
        for (a, b, how) in unsure {
            self.ambiguous(a, &[(b, how)]);
        }
    }
}

fn kept(key: &LegKey) -> impl Iterator<Item = Kept> + use<> {
    let isn = |i: usize| key.flows[i].isn.map(|isn| isn.0).filter(|isn| !is_guessable(*isn));
    let [orig, resp] = [0, 1].map(isn);
    let syn = key.flow(Direction::Orig).first.and_then(|s| s.segment().timestamps);
    [
        orig.map(|isn| Kept::Isn(Side::Orig, isn)),
        resp.map(|isn| Kept::Isn(Side::Resp, isn)),
        syn.map(|stamps| Kept::Stamp(stamps.value)),
        Some(Kept::Ends(key.orig, key.resp)),
    ]
    .into_iter()
    .flatten()
}

/// In how many bits two legs agree; `None` where too little does, or a stream that both saw end differs in length.
fn alike(kept: Kept, a: &LegKey, b: &LegKey) -> Option<f64> {
    let [x, y] = [a, b].map(|key| key.flow(Direction::Orig).first);
    let (x, y) = (x?.segment(), y?.segment());
    let stamp = x.timestamps.is_some_and(|x| y.timestamps.is_some_and(|y| x.value == y.value));
    let counter = x.ip_id != 0 && x.ip_id == y.ip_id;
    let isn = matches!(kept, Kept::Isn(..));
    // Other uses of the same four-tuple have the same ends, and a client opens several connections at once.
    let port = a.orig.port == b.orig.port;
    let untranslated = a.orig.addr == b.orig.addr && a.resp == b.resp;
    if !(isn || counter || stamp) || (untranslated && !port) {
        return None;
    }
    // What singles the two out is no evidence on top.
    let ends = matches!(kept, Kept::Ends(..));
    let mut bits = 0.0;
    let agreed = [
        (isn, 32.0),
        (stamp, STAMP_BITS),
        (counter, COUNTER_BITS),
        (port, if ends { ADDRESS_BITS } else { PORT_BITS }),
        (a.orig.addr == b.orig.addr, ADDRESS_BITS),
        (a.resp == b.resp, ADDRESS_BITS),
    ];
    bits += agreed.iter().filter(|(agrees, _)| *agrees).map(|(_, bits)| bits).sum::<f64>();
    for direction in Direction::BOTH {
        let (a, b) = (a.flow(direction), b.flow(direction));
        let length = |f: &FlowKey| Some(f.next?.ahead_of(f.isn?));
        let equal = length(a)? == length(b)?;
        let over = a.closed && b.closed;
        if over && !equal {
            return None;
        }
        bits += if over && a.bytes > 0 { LENGTH_BITS } else { 0.0 };
    }
    Some(bits)
}

/// Legs with one thing kept beyond which it singles out none.
const MOST_ALIKE: usize = 256;

/// Partners of one leg at one point that are noted.
const MOST_PARTNERS: usize = 4;

/// What an equal length is worth in bits: many requests are alike.
const LENGTH_BITS: f64 = 3.0;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::correlate;
    use crate::keys::Legs;
    use crate::tests::{CLIENT, POD, Seen, joined, point};

    /// As many connections at each of two points, all as long and at one time; `alike` at a time have one clock.
    fn crowd(count: u32, alike: u32) -> [Vec<Seen>; 2] {
        let seen = |like: Seen, shift: u32| {
            (0..count).map(move |i| Seen {
                isns: [1, 2]
                    .map(|n: u32| (i + 1).wrapping_mul(n * 1_000_003 + 7).wrapping_add(shift)),
                orig: Box::leak(
                    format!("10.{}.{}.{}:40000", shift % 200, i / 250, i % 250).into_boxed_str(),
                ),
                stamp: Some(i / alike * 1_000_000),
                ip_id: 7,
                ..like
            })
        };
        [seen(CLIENT, 3).collect(), seen(POD, 1_444_444_444).collect()]
    }

    #[test]
    fn ten_thousand_that_are_all_alike_make_few_pairs_and_no_match() {
        for alike in [5_000, 16, 7] {
            let [client, pod] = crowd(5_000, alike);
            let points = vec![point("client", &client), point("pod", &pod)];
            let mut legs = Legs::of(&points);
            let matcher = Matcher::new(&mut legs.keys, 2);
            let pairs = matcher.shifted_pairs().len();
            assert!(pairs <= 10_000 * MOST_PARTNERS, "{pairs}");
            assert_eq!(pairs > 0, alike <= 16);
            let found = correlate(points);
            assert_eq!(joined(&found), []);
            assert!(found.paths.iter().all(|path| path.matched.candidates.len() <= MAX_TOLD));
        }
    }
}
