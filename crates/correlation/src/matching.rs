//! Which legs are one connection.
//!
//! NAT changes addresses and ports and leaves sequence numbers alone, so the initial sequence numbers are the key.

use std::collections::HashSet;

use crosscap_packet::{Endpoint, SeqNumber};
use crosscap_reassembly::{Connection, Direction, Sighting};
use hashbrown::HashMap;
use petgraph::unionfind::UnionFind;

use crate::{Leg, Point, Tier, stray};

type Map<K, V> = HashMap<K, V, foldhash::quality::RandomState>;

/// Legs that belong together, and the weakest key that joined them.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub(crate) legs: Vec<Leg>,
    pub(crate) tier: Tier,
}

/// All legs of all points, grouped; groups and legs in order of points and connections.
pub(crate) fn group_legs(points: &[Point]) -> Vec<Group> {
    let mut matcher = Matcher::new(points);
    matcher.join_isn_pairs();
    matcher.join_single_isns(Direction::Orig);
    matcher.join_single_isns(Direction::Resp);
    matcher.attach_strays();
    matcher.join_ranges();
    matcher.into_groups()
}

struct Matcher<'a> {
    points: &'a [Point],
    legs: Vec<Leg>,
    sets: UnionFind<usize>,
    tiers: Vec<Tier>,
    strays: Vec<(usize, usize)>,
}

impl<'a> Matcher<'a> {
    fn new(points: &'a [Point]) -> Self {
        let legs: Vec<Leg> = points
            .iter()
            .enumerate()
            .flat_map(|(point, p)| {
                (0..p.connections.len()).map(move |connection| Leg {
                    point,
                    connection,
                    stray: false,
                })
            })
            .collect();
        Self {
            points,
            sets: UnionFind::new(legs.len()),
            tiers: vec![Tier::None; legs.len()],
            strays: Vec::new(),
            legs,
        }
    }

    fn connection(&self, leg: usize) -> &'a Connection {
        self.legs[leg].of(self.points)
    }

    fn join(&mut self, a: usize, b: usize, tier: Tier) {
        let weakest = |old: Tier| if old == Tier::None { tier } else { old.max(tier) };
        self.tiers[a] = weakest(self.tiers[a]);
        self.tiers[b] = weakest(self.tiers[b]);
        self.sets.union(a, b);
    }

    fn join_all(&mut self, legs: &[usize], tier: Tier) {
        for pair in legs.windows(2) {
            self.join(pair[0], pair[1], tier);
        }
    }

    fn join_isn_pairs(&mut self) {
        let pairs =
            (0..self.legs.len()).filter_map(|leg| Some((self.connection(leg).isn_pair()?, leg)));
        for legs in grouped(pairs) {
            if self.one_connection_per_point(&legs) {
                self.join_all(&legs, Tier::IsnPair);
                continue;
            }
            // Numbers that are no secret (a test tool, a broken stack): demand the client's endpoint as well.
            for same in grouped(legs.into_iter().map(|leg| (self.connection(leg).orig, leg))) {
                if self.one_connection_per_point(&same) {
                    self.join_all(&same, Tier::IsnPair);
                }
            }
        }
    }

    /// Whether the legs seen at each single point can be one connection before and after NAT: they show the same packets.
    fn one_connection_per_point(&self, legs: &[usize]) -> bool {
        let few = legs.len() <= self.points.len() * MAX_CANDIDATES;
        few && legs.iter().all(|&a| {
            let mut others = legs
                .iter()
                .filter(|&&b| b != a && self.legs[b].point == self.legs[a].point)
                .peekable();
            others.peek().is_none()
                || others.any(|&b| same_packets(self.connection(a), self.connection(b)))
        })
    }

    /// Joins legs of which one lacks the other end's initial sequence number.
    fn join_single_isns(&mut self, direction: Direction) {
        let tier = if direction == Direction::Orig { Tier::OrigIsn } else { Tier::RespIsn };
        let isn = |leg: usize| self.connection(leg).flow(direction).isn;
        let half: Vec<usize> = (0..self.legs.len())
            .filter(|&leg| isn(leg).is_some() && self.connection(leg).isn_pair().is_none())
            .collect();
        let wanted: HashSet<u32> =
            half.iter().filter_map(|&leg| isn(leg)).map(|isn| isn.0).collect();
        let mut by_isn: Map<u32, Vec<usize>> = Map::default();
        for leg in (0..self.legs.len()).filter(|_| !wanted.is_empty()) {
            if let Some(isn) = isn(leg).filter(|isn| wanted.contains(&isn.0)) {
                by_isn.entry(isn.0).or_default().push(leg);
            }
        }
        let mut joins = Vec::new();
        for leg in half {
            let Some(isn) = isn(leg) else { continue };
            if by_isn[&isn.0].len() > MAX_CANDIDATES {
                continue;
            }
            for point in (0..self.points.len()).filter(|&p| p != self.legs[leg].point) {
                let candidates: Vec<usize> = by_isn[&isn.0]
                    .iter()
                    .copied()
                    .filter(|&other| {
                        self.legs[other].point == point && self.corroborates(leg, other, direction)
                    })
                    .collect();
                // Two or more: ambiguous, unless they are one connection before and after NAT.
                let one = candidates.windows(2).all(|w| self.sets.equiv(w[0], w[1]));
                if let (Some(&other), true) = (candidates.first(), one) {
                    joins.push((leg, other));
                }
            }
        }
        for (a, b) in joins {
            self.join(a, b, tier);
        }
    }

    /// Whether two legs that share one initial sequence number agree on more than that, and contradict in nothing.
    fn corroborates(&self, a: usize, b: usize, direction: Direction) -> bool {
        let (a, b) = (self.connection(a), self.connection(b));
        let other_isns = (a.flow(direction.reverse()).isn, b.flow(direction.reverse()).isn);
        if let (Some(x), Some(y)) = other_isns
            && x != y
        {
            return false;
        }
        let stamp = |c: &Connection| {
            c.flow(direction).first.and_then(|s| s.segment.timestamps).map(|t| t.value)
        };
        a.orig.port == b.orig.port || (stamp(a).is_some() && stamp(a) == stamp(b))
    }

    fn attach_strays(&mut self) {
        if !(0..self.legs.len()).any(|leg| self.connection(leg).is_midstream()) {
            return;
        }
        let first_leg: Vec<usize> = self
            .points
            .iter()
            .scan(0, |start, p| {
                let first = *start;
                *start += p.connections.len();
                Some(first)
            })
            .collect();
        let mut members: Map<usize, Vec<usize>> = Map::default();
        for leg in 0..self.legs.len() {
            members.entry(self.sets.find(leg)).or_default().push(leg);
        }
        for (point, &base) in first_leg.iter().enumerate() {
            let known = |connection: usize, remote: Endpoint| {
                let path = members.get(&self.sets.find(base + connection));
                path.into_iter().flatten().any(|&leg| self.connection(leg).resp == remote)
            };
            let found = stray::find(&self.points[point].connections, known);
            for stray::Found { stray, parent } in found {
                self.legs[base + stray].stray = true;
                self.strays.push((base + stray, base + parent));
            }
        }
        for &(stray, parent) in &self.strays {
            self.sets.union(stray, parent);
        }
    }

    /// Joins legs whose capture began in midstream.
    fn join_ranges(&mut self) {
        let midstream: Vec<usize> = (0..self.legs.len())
            .filter(|&l| !self.legs[l].stray && self.connection(l).is_midstream())
            .collect();
        let mut by_port: Map<u16, Vec<usize>> = Map::default();
        for leg in (0..self.legs.len()).filter(|_| !midstream.is_empty()) {
            if !self.legs[leg].stray {
                by_port.entry(self.connection(leg).orig.port).or_default().push(leg);
            }
        }
        let mut joins = Vec::new();
        for leg in midstream {
            let same_port = &by_port[&self.connection(leg).orig.port];
            if same_port.len() > MAX_CANDIDATES {
                continue;
            }
            for point in (0..self.points.len()).filter(|&p| p != self.legs[leg].point) {
                let mut fits = same_port.iter().copied().filter(|&other| {
                    self.legs[other].point == point
                        && ranges_meet(self.connection(leg), self.connection(other))
                });
                if let (Some(other), None) = (fits.next(), fits.next()) {
                    joins.push((leg, other));
                }
            }
        }
        for (a, b) in joins {
            self.join(a, b, Tier::SeqRange);
        }
    }

    fn into_groups(self) -> Vec<Group> {
        let mut index: Map<usize, usize> = Map::default();
        let mut groups: Vec<Group> = Vec::new();
        for (i, leg) in self.legs.iter().enumerate() {
            let slot = *index.entry(self.sets.find(i)).or_insert_with(|| {
                groups.push(Group { legs: Vec::new(), tier: Tier::None });
                groups.len() - 1
            });
            let group = &mut groups[slot];
            group.legs.push(*leg);
            if self.tiers[i] != Tier::None {
                group.tier = if group.tier == Tier::None {
                    self.tiers[i]
                } else {
                    group.tier.max(self.tiers[i])
                };
            }
        }
        groups
    }
}

/// Whether two legs of one point begin with the same packets, as both sides of a NAT do.
fn same_packets(a: &Connection, b: &Connection) -> bool {
    let pairs = Direction::BOTH.map(|direction| (a.flow(direction).first, b.flow(direction).first));
    let same = |x: Sighting, y: Sighting| {
        x.segment.is_copy_of(&y.segment) && x.time.since(y.time).abs() < TRANSLATING
    };
    let mut both = pairs.into_iter().filter_map(|(x, y)| Some((x?, y?))).peekable();
    both.peek().is_some() && both.all(|(x, y)| same(x, y))
}

/// The legs of each key, in order of keys; legs of one key stay in order.
fn grouped<K: Ord>(keyed: impl Iterator<Item = (K, usize)>) -> Vec<Vec<usize>> {
    let mut keyed: Vec<(K, usize)> = keyed.collect();
    keyed.sort_unstable();
    keyed
        .chunk_by(|a, b| a.0 == b.0)
        .filter(|same| same.len() > 1)
        .map(|same| same.iter().map(|k| k.1).collect())
        .collect()
}

/// Whether both directions of two legs cover sequence numbers close to each other.
fn ranges_meet(a: &Connection, b: &Connection) -> bool {
    Direction::BOTH.iter().all(|&direction| {
        let range = |c: &Connection| -> Option<(SeqNumber, SeqNumber)> {
            let flow = c.flow(direction);
            Some((flow.first?.segment.seq, flow.next_seq()?))
        };
        let (Some((a_first, a_next)), Some((b_first, b_next))) = (range(a), range(b)) else {
            return false;
        };
        a_first.ahead_of(b_next) <= RANGE_SLACK && b_first.ahead_of(a_next) <= RANGE_SLACK
    })
}

/// How far apart two ranges may lie, in bytes: what one of the captures missed.
const RANGE_SLACK: i32 = 1 << 20;

/// Legs of one point that may share a key before it counts as no key at all. Keeps hostile captures linear.
const MAX_CANDIDATES: usize = 64;

/// How long a host takes at most to translate a packet, nanoseconds.
const TRANSLATING: i64 = 100_000_000;
