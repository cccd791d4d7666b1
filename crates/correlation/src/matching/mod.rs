//! Which legs are one connection.
//!
//! NAT changes addresses and ports and leaves sequence numbers alone, so the initial sequence numbers are the key. Each
//! module knows one key; the strongest goes first, and a weaker one joins only what the stronger ones left apart.

mod isn;
mod ranges;
mod shifted;

pub(crate) use isn::is_guessable;

use crosscap_packet::{Endpoint, SeqNumber};
use hashbrown::{HashMap, HashSet};
use petgraph::unionfind::UnionFind;

use crate::keys::{LegKey, Legs};
use crate::order::Members;
use crate::{Leg, Tier, stray};

type Map<K, V> = HashMap<K, V, foldhash::quality::RandomState>;

type Set<T> = HashSet<T, foldhash::quality::RandomState>;

/// Legs that belong together, and the weakest key that joined them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Group {
    pub(crate) legs: Vec<Leg>,
    /// Whose sequence numbers can be compared: the same number for legs that share them.
    pub(crate) numberings: Vec<usize>,
    pub(crate) joined: Joined,
    /// Groups that may be the same connection.
    pub(crate) candidates: Vec<Likely>,
}

/// A group that may be the same connection as another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Likely {
    pub(crate) group: usize,
    pub(crate) tier: Tier,
    /// How much more probable it is than not, the other candidates aside.
    pub(crate) odds: f64,
}

impl Group {
    /// Its legs as they are to be sorted.
    pub(crate) fn members(&self) -> (Members, bool) {
        ((self.legs.clone(), self.numberings.clone()), self.is_proxied())
    }

    /// Whether its stages are the sides of proxies.
    pub(crate) fn is_proxied(&self) -> bool {
        self.joined.tier.is_proxied()
    }

    /// Notes a candidate, unless it is known or there are many.
    pub(crate) fn may_be(&mut self, other: Likely) {
        let known = self.candidates.iter().any(|c| c.group == other.group);
        if !known && self.candidates.len() < MAX_TOLD {
            self.candidates.push(other);
        }
    }

    /// Notes a candidate that goes before all others.
    pub(crate) fn is_likely(&mut self, other: Likely) {
        self.candidates.retain(|c| c.group != other.group);
        self.candidates.insert(0, other);
        self.candidates.truncate(MAX_TOLD);
    }
}

/// A key, and how many bits of it chance would have to hit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Joined {
    pub(crate) tier: Tier,
    pub(crate) bits: f64,
}

impl Default for Joined {
    fn default() -> Self {
        Self::NOT
    }
}

impl Joined {
    pub(crate) const NOT: Self = Self { tier: Tier::None, bits: f64::INFINITY };

    pub(crate) fn weaker(self, other: Self) -> Self {
        match (self.tier, other.tier) {
            (Tier::None, _) => other,
            (_, Tier::None) => self,
            (a, b) if (a, other.bits) < (b, self.bits) => other,
            _ => self,
        }
    }
}

/// All legs of all points, grouped; groups and legs in order of points and connections. Marks the stray ones.
pub(crate) fn group_legs(legs: &mut Legs, points: usize) -> Vec<Group> {
    let mut matcher = Matcher::new(&mut legs.keys, points);
    matcher.join_isn_pairs();
    matcher.join_single_isns();
    matcher.attach_strays();
    matcher.join_ranges();
    let numberings: Vec<usize> =
        (0..matcher.keys.len()).map(|leg| matcher.sets.find(leg)).collect();
    matcher.join_shifted();
    matcher.into_groups(&numberings)
}

struct Matcher<'a> {
    keys: &'a mut [LegKey],
    /// The place of each point among the points in the order of `keys`, which is not the user's.
    ranks: Vec<usize>,
    /// Connections of each point, by rank.
    sizes: Vec<usize>,
    sets: UnionFind<usize>,
    /// The next leg of the same set, in a ring.
    next: Vec<usize>,
    /// What the legs of each set know of its initial sequence numbers; at the leg that stands for the set.
    known: Vec<[Option<SeqNumber>; 2]>,
    joined: Vec<Joined>,
    candidates: Vec<(usize, usize, Joined)>,
}

impl<'a> Matcher<'a> {
    fn new(keys: &'a mut [LegKey], points: usize) -> Self {
        let (mut ranks, mut sizes) = (vec![0; points], Vec::new());
        for of_point in keys.chunk_by(|a, b| a.leg.point == b.leg.point) {
            ranks[of_point[0].leg.point] = sizes.len();
            sizes.push(of_point.len());
        }
        Self {
            ranks,
            sizes,
            sets: UnionFind::new(keys.len()),
            next: (0..keys.len()).collect(),
            known: keys.iter().map(|key| [0, 1].map(|i| key.flows[i].isn)).collect(),
            joined: vec![Joined::NOT; keys.len()],
            candidates: Vec::new(),
            keys,
        }
    }

    /// The rank of a leg's point.
    fn point(&self, leg: usize) -> usize {
        self.ranks[self.keys[leg].leg.point]
    }

    fn join(&mut self, a: usize, b: usize, how: Joined) {
        for leg in [a, b] {
            self.joined[leg] = self.joined[leg].weaker(how);
        }
        let known = [a, b].map(|leg| self.known[self.sets.find(leg)]);
        self.unite(a, b);
        self.known[self.sets.find(a)] = [0, 1].map(|i| known[0][i].or(known[1][i]));
    }

    fn unite(&mut self, a: usize, b: usize) {
        if self.sets.union(a, b) {
            self.next.swap(a, b);
        }
    }

    /// The legs of a leg's set.
    fn set(&self, leg: usize) -> impl Iterator<Item = usize> + '_ {
        let after = std::iter::successors(Some(self.next[leg]), |&at| Some(self.next[at]));
        std::iter::once(leg).chain(after.take_while(move |&at| at != leg))
    }

    /// Whether chance would hardly make any two legs of these two points agree in so many bits.
    fn is_sure(&self, a: usize, b: usize, bits: f64) -> bool {
        is_sure(self.sizes[self.point(a)] as f64 * self.sizes[self.point(b)] as f64, bits)
    }

    /// Notes that one of several legs may belong to `leg`.
    fn ambiguous(&mut self, leg: usize, several: &[(usize, Joined)]) {
        self.candidates
            .extend(several.iter().take(MAX_TOLD).map(|&(other, how)| (leg, other, how)));
    }

    /// For each leg of `legs`, the best of the legs at every other point that `score` allows; joins those that are sure and
    /// stand out, and notes the others as candidates.
    fn join_best(&mut self, scored: Vec<(usize, Vec<(usize, f64)>)>, tier: Tier) {
        let (mut joins, mut unsure) = (Vec::new(), Vec::new());
        for (leg, mut fits) in scored {
            fits.sort_by(|a, b| {
                (self.point(a.0).cmp(&self.point(b.0)))
                    .then(b.1.total_cmp(&a.1))
                    .then(a.0.cmp(&b.0))
            });
            for same_point in fits.chunk_by(|a, b| self.point(a.0) == self.point(b.0)) {
                let (best, bits) = same_point[0];
                let rival = same_point.iter().find(|(other, _)| !self.sets.equiv(*other, best));
                let stands_out = rival.is_none_or(|(_, second)| bits - second >= MARGIN);
                if stands_out && self.is_sure(leg, best, bits) {
                    joins.push((leg, best, Joined { tier, bits }));
                } else {
                    let how = |&(other, bits): &(usize, f64)| (other, Joined { tier, bits });
                    unsure.push((leg, same_point.iter().map(how).collect::<Vec<_>>()));
                }
            }
        }
        // The other way round as well: of several legs of a point that found the same one, the best.
        joins.sort_by_cached_key(|&(leg, best, _)| (self.sets.find(best), self.point(leg), leg));
        let mut sure = Vec::new();
        for rivals in
            joins.chunk_by(|a, b| self.sets.equiv(a.1, b.1) && self.point(a.0) == self.point(b.0))
        {
            let most = |a: &&(_, _, Joined), b: &&(_, _, Joined)| a.2.bits.total_cmp(&b.2.bits);
            let Some(best) = rivals.iter().max_by(most) else { continue };
            let is_one = |leg: usize| {
                self.sets.equiv(leg, best.0) || self.keys[leg].shares_packets(&self.keys[best.0])
            };
            let stands_out =
                rivals.iter().all(|rival| is_one(rival.0) || best.2.bits - rival.2.bits >= MARGIN);
            sure.extend(rivals.iter().map(|&join| (join, stands_out && is_one(join.0))));
        }
        for (leg, several) in unsure {
            self.ambiguous(leg, &several);
        }
        for ((a, b, how), sure) in sure {
            if self.sets.equiv(a, b) {
                continue;
            }
            if sure && self.may_be_one(a, b) && self.fit_together(a, b) {
                self.join(a, b, how);
            } else {
                self.ambiguous(a, &[(b, how)]);
            }
        }
    }

    /// Whether nothing that the sets of two legs know of their ends' initial numbers contradicts their being one
    /// connection.
    fn may_be_one(&self, a: usize, b: usize) -> bool {
        let [a, b] = [a, b].map(|leg| self.known[self.sets.find(leg)]);
        a.iter().zip(&b).all(|(a, b)| a.is_none() || b.is_none() || a == b)
    }

    /// Whether the legs of two sets that one point saw, if there are such, are the two sides of a NAT there.
    fn fit_together(&self, a: usize, b: usize) -> bool {
        let few = |leg| self.set(leg).take(MAX_CANDIDATES).count() < MAX_CANDIDATES;
        few(a)
            && few(b)
            && self.set(a).all(|x| {
                self.set(b).all(|y| {
                    self.point(x) != self.point(y) || self.keys[x].shares_packets(&self.keys[y])
                })
            })
    }

    fn attach_strays(&mut self) {
        if !self.keys.iter().any(LegKey::is_midstream) {
            return;
        }
        let known =
            |leg: usize, remote: Endpoint| self.set(leg).any(|leg| self.keys[leg].resp == remote);
        let others = |leg: usize| self.set(leg).map(|leg| self.keys[leg].orig);
        let found = stray::find(self.keys, known, others);
        for (stray, parent) in found {
            self.keys[stray].leg.stray = true;
            self.unite(stray, parent);
        }
    }

    fn into_groups(self, numberings: &[usize]) -> Vec<Group> {
        let roots: Vec<usize> = (0..self.keys.len()).map(|leg| self.sets.find(leg)).collect();
        let mut sizes = vec![0u32; roots.len()];
        roots.iter().for_each(|&root| sizes[root] += 1);
        let mut index = vec![usize::MAX; roots.len()];
        let mut groups: Vec<Group> = Vec::with_capacity(sizes.iter().filter(|n| **n > 0).count());
        for (i, (key, &root)) in self.keys.iter().zip(&roots).enumerate() {
            if index[root] == usize::MAX {
                index[root] = groups.len();
                let size = sizes[root] as usize;
                groups.push(Group {
                    legs: Vec::with_capacity(size),
                    numberings: Vec::with_capacity(size),
                    ..Group::default()
                });
            }
            let group = &mut groups[index[root]];
            group.legs.push(key.leg);
            group.numberings.push(numberings[i]);
            group.joined = group.joined.weaker(self.joined[i]);
        }
        for &(a, b, how) in &self.candidates {
            for (one, other) in [(a, b), (b, a)] {
                let odds = how.bits.exp2() / self.sizes[self.point(other)] as f64;
                let odds = odds.min(MOST_ODDS);
                let [one, group] = [one, other].map(|leg| index[roots[leg]]);
                if one != group {
                    groups[one].may_be(Likely { group, tier: how.tier, odds });
                }
            }
        }
        groups
    }
}

/// Whether chance would hardly make any of so many pairs agree in so many bits.
pub(crate) fn is_sure(pairs: f64, bits: f64) -> bool {
    bits >= (pairs.log2() + SURE).max(FEWEST_BITS)
}

/// The legs of each key, in order of keys; legs of one key stay in order.
fn grouped<K: Ord + Send>(mut keyed: Vec<(K, usize)>) -> Vec<Vec<usize>> {
    use rayon::prelude::*;

    keyed.par_sort_unstable();
    keyed
        .chunk_by(|a, b| a.0 == b.0)
        .filter(|same| same.len() > 1)
        .map(|same| same.iter().map(|k| k.1).collect())
        .collect()
}

/// How many bits more than it takes to tell all pairs of legs apart: one false match in 64 captures, of those that any two
/// legs agree so little in.
const SURE: f64 = 6.0;

/// Bits below which nothing is sure: that two captures have any connection in common is no matter of course.
const FEWEST_BITS: f64 = 34.0;

/// By how many bits a match must be better than the next one.
const MARGIN: f64 = 10.0;

/// What an equal port is worth in bits: Linux draws from 28,232 of them.
const PORT_BITS: f64 = 14.0;

/// What an equal address is worth in bits: there are few, used often.
const ADDRESS_BITS: f64 = 4.0;

/// What an equal timestamp is worth in bits: hosts draw where it begins, and a second has a thousand.
const STAMP_BITS: f64 = 16.0;

/// What an equal IP identification is worth in bits.
const COUNTER_BITS: f64 = 14.0;

/// Odds beyond which nothing that was not joined is told: what makes bits improbable to agree is known to no more.
const MOST_ODDS: f64 = 1_000.0;

/// Legs of one point that may share a key before it counts as no key at all. Keeps hostile captures linear.
const MAX_CANDIDATES: usize = 64;

/// Candidates that are told of one path.
const MAX_TOLD: usize = 16;
