//! Which point is nearer the client.

use std::cmp::Ordering;
use std::net::IpAddr;

use crosscap_reassembly::{Direction, Sighting};
use hashbrown::HashMap;
use petgraph::Direction::Incoming;
use petgraph::graph::{DiGraph, NodeIndex};
use rayon::prelude::*;

use crate::copies::Alike;
use crate::keys::{LegKey, Legs};
use crate::{Leg, Path, Point};

type Map<K, V> = HashMap<K, V, foldhash::quality::RandomState>;

/// Where a point lies on the paths that cross several points.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Role {
    /// Nearest the clients.
    OrigSide,
    /// Nearest the servers.
    RespSide,
    /// Neither.
    Between,
    /// Its place differs from path to path, or no path crosses another point.
    Unknown,
}

impl Role {
    /// As the report contract writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OrigSide => "orig-side",
            Self::RespSide => "resp-side",
            Self::Between => "between",
            Self::Unknown => "unknown",
        }
    }
}

/// The legs of one path from client to server, and how much of that packets prove.
#[derive(Clone, Debug)]
pub(crate) struct Ordered {
    pub(crate) legs: Vec<Leg>,
    /// Whether the first and the last of the regular legs are the outermost for certain.
    pub(crate) ends_proven: bool,
    /// Places of regular legs that follow each other and might as well stand the other way round.
    pub(crate) ties: Vec<usize>,
    /// Whether its stages are the sides of proxies, which have no packet in common.
    proxied: bool,
}

impl Ordered {
    /// `Less` where `a` is nearer the client than `b`, `Equal` where their own packets do not prove which; `None` where the two cannot
    /// show the same packets.
    pub(crate) fn order(&self, legs: &Legs, a: Leg, b: Leg) -> Option<Ordering> {
        match a.stage.cmp(&b.stage) {
            Ordering::Equal => Some(nearer_client(legs.key(a), legs.key(b))),
            stages => (!self.proxied && self.ends_proven).then_some(stages),
        }
    }
}

/// Legs that belong together, and whose sequence numbers each has.
pub(crate) type Members = (Vec<Leg>, Vec<usize>);

/// Sorts the legs of every group from client to server, strays last.
///
/// What a path's own packets prove comes first, and what those of all connections between the same two addresses prove
/// without exception. Where they prove nothing, the majority of the other paths that cross the same two points decides how
/// the legs are listed. That is no proof: some connections go the other way. Legs behind a device that gives connections
/// numbers of its own form a stage; of proxies (`proxied`) the stages are known, in the order in which they come.
pub(crate) fn sort_legs(
    legs: &Legs,
    points: &[Point],
    groups: Vec<(Members, bool)>,
) -> Vec<Ordered> {
    let (mut votes, mut routes) = (Votes::new(points.len()), Routes::default());
    let pairs = |(group, numberings): &Members,
                 told: &mut dyn FnMut(&LegKey, &LegKey, Ordering)| {
        for (i, &a) in group.iter().enumerate().take(MOST_LEGS) {
            for (j, &b) in group.iter().enumerate().skip(i + 1).take(MOST_LEGS) {
                let alike = numberings[i] == numberings[j] && a.point != b.point;
                if alike && !a.stray && !b.stray {
                    let (a, b) = (legs.key(a), legs.key(b));
                    told(a, b, nearer_client(a, b));
                }
            }
        }
    };
    for (members, _) in &groups {
        pairs(members, &mut |a, b, order| {
            votes.count(a.leg.point, b.leg.point, order);
            routes.ask(a, b, order);
        });
    }
    if !routes.0.is_empty() {
        groups.iter().for_each(|(members, _)| pairs(members, &mut |a, b, o| routes.count(a, b, o)));
    }
    let sort = |(members, proxied)| {
        let mut stages = stages(members);
        if stages.len() == 1 {
            return sort(legs, points, (&votes, &routes), stages.swap_remove(0));
        }
        let proven = proxied || sort_stages(legs, &votes, &mut stages);
        let sorted = stages.into_iter().map(|stage| sort(legs, points, (&votes, &routes), stage));
        Ordered { proxied, ..one_after_the_other(sorted.collect(), proven) }
    };
    groups.into_par_iter().map(sort).collect()
}

fn stages((group, numberings): Members) -> Vec<Vec<Leg>> {
    let mut stages: Vec<(usize, Vec<Leg>)> = Vec::new();
    for (leg, numbering) in group.into_iter().zip(numberings) {
        match stages.iter_mut().find(|(known, _)| *known == numbering) {
            Some((_, stage)) => stage.push(leg),
            None => stages.push((numbering, vec![leg])),
        }
    }
    stages.into_iter().map(|(_, stage)| stage).collect()
}

/// Sorts stages between which a device moves numbers by a constant; whether their own packets prove the order.
fn sort_stages(legs: &Legs, votes: &Votes, stages: &mut [Vec<Leg>]) -> bool {
    let first = |a: &[Leg], b: &[Leg], order: &dyn Fn(Leg, Leg) -> Ordering| {
        let mut pairs = a.iter().flat_map(|&a| b.iter().map(move |&b| order(a, b)));
        pairs.find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    };
    let proven = |a: &[Leg], b: &[Leg]| first(a, b, &|a, b| by_ttl(legs.key(a), legs.key(b)));
    let voted = |a: &[Leg], b: &[Leg]| first(a, b, &|a, b| votes.verdict(a.point, b.point));
    // Few, and the comparison need not be transitive.
    for i in 1..stages.len() {
        for at in (1..=i).rev() {
            let (later, earlier) = (&stages[at], &stages[at - 1]);
            if proven(later, earlier).then_with(|| voted(later, earlier)).is_lt() {
                stages.swap(at, at - 1);
            }
        }
    }
    stages.windows(2).all(|pair| proven(&pair[0], &pair[1]).is_lt())
}

/// Puts the legs of stages in one order, strays last. `proven` where packets prove that of the stages.
fn one_after_the_other(stages: Vec<Ordered>, proven: bool) -> Ordered {
    let mut all =
        Ordered { legs: Vec::new(), ends_proven: proven, ties: Vec::new(), proxied: false };
    let mut strays = Vec::new();
    for (number, stage) in stages.into_iter().enumerate() {
        // Of more than fit, the last ones share a number; packets of any two have nothing in common.
        let number = u8::try_from(number).unwrap_or(u8::MAX);
        let base = all.legs.len();
        if base > 0 && !proven {
            all.ties.push(base - 1);
        }
        let legs = stage.legs.into_iter().map(|leg| Leg { stage: number, ..leg });
        let (late, regular): (Vec<_>, Vec<_>) = legs.partition(|leg| leg.stray);
        all.ends_proven &= stage.ends_proven || regular.len() == 1;
        all.ties.extend(stage.ties.into_iter().map(|place| base + place));
        all.legs.extend(regular);
        strays.extend(late);
    }
    all.legs.extend(strays);
    all
}

fn sort(
    legs: &Legs,
    points: &[Point],
    (votes, routes): (&Votes, &Routes),
    mut group: Vec<Leg>,
) -> Ordered {
    // From an order that does not depend on that of the points.
    let name = |leg: &Leg| (leg.stray, &points[leg.point].name, leg.connection);
    group.sort_by(|a, b| name(a).cmp(&name(b)));
    let regular = group.iter().filter(|leg| !leg.stray).count();
    if !(2..=MOST_LEGS).contains(&regular) {
        return Ordered { legs: group, ends_proven: false, ties: Vec::new(), proxied: false };
    }
    let order = |a: Leg, b: Leg| {
        let (a, b) = (legs.key(a), legs.key(b));
        nearer_client(a, b).then_with(|| routes.verdict(a, b))
    };
    let proven = Nearer::of(&group[..regular], order, legs);
    let assumed = proven.with(&group[..regular], votes);
    // Contradictions: packets took different ways. The names' order is as good as any.
    let Some(places) = assumed.sorted().or_else(|| proven.sorted()) else {
        return Ordered {
            legs: group,
            ends_proven: false,
            ties: (0..regular - 1).collect(),
            proxied: false,
        };
    };
    let behind = proven.behind();
    let before = |a: usize, b: usize| behind[places[a]] >> places[b] & 1 == 1;
    let last = regular - 1;
    let ends_proven =
        (1..=last).all(|place| before(0, place)) && (0..last).all(|place| before(place, last));
    let ties = (0..last).filter(|&place| !before(place, place + 1)).collect();
    let strays = group[regular..].iter().copied();
    let sorted = places.iter().map(|&place| group[place]).chain(strays).collect();
    Ordered { legs: sorted, ends_proven, ties, proxied: false }
}

/// Which of some legs is nearer the client than which: an edge from the nearer one.
#[derive(Clone)]
struct Nearer(DiGraph<usize, ()>);

impl Nearer {
    /// By `order`, and what follows from it for legs on either side of a translation.
    fn of(group: &[Leg], order: impl Fn(Leg, Leg) -> Ordering, legs: &Legs) -> Self {
        let mut graph = DiGraph::new();
        (0..group.len()).for_each(|place| _ = graph.add_node(place));
        let mut nearer = Self(graph);
        // Legs of equal ends lie on one side of a translation.
        let side = |leg: Leg| legs.key(leg).ends();
        let mut sides: Vec<(_, _, Ordering)> = Vec::new();
        let mut untold = Vec::new();
        for (i, &a) in group.iter().enumerate() {
            for (j, &b) in group.iter().enumerate().skip(i + 1) {
                let order = order(a, b);
                nearer.note(i, j, order);
                if order.is_eq() {
                    untold.push((i, j));
                } else if side(a) != side(b) {
                    sides.push((side(a), side(b), order));
                }
            }
        }
        for (i, j) in untold {
            let (a, b) = (side(group[i]), side(group[j]));
            let told = sides.iter().filter_map(|&(x, y, order)| {
                let turned = (x == b && y == a).then(|| order.reverse());
                if x == a && y == b { Some(order) } else { turned }
            });
            let told: Vec<_> = told.collect();
            match told.first() {
                Some(&first) if told.iter().all(|&order| order == first) => {
                    nearer.note(i, j, first);
                }
                _ => {}
            }
        }
        nearer
    }

    /// The same, and what the other paths make likely.
    fn with(&self, group: &[Leg], votes: &Votes) -> Self {
        let (mut more, behind) = (self.clone(), self.behind());
        for (i, a) in group.iter().enumerate() {
            for (j, b) in group.iter().enumerate().skip(i + 1) {
                if (behind[i] >> j | behind[j] >> i) & 1 == 0 {
                    more.note(i, j, votes.verdict(a.point, b.point));
                }
            }
        }
        more
    }

    fn note(&mut self, a: usize, b: usize, order: Ordering) {
        let [a, b] = [a, b].map(NodeIndex::new);
        match order {
            Ordering::Less => _ = self.0.add_edge(a, b, ()),
            Ordering::Greater => _ = self.0.add_edge(b, a, ()),
            Ordering::Equal => {}
        }
    }

    /// Places from client to server; of legs that nothing tells apart, the earlier place first. `None` where packets
    /// contradict each other.
    fn sorted(&self) -> Option<Vec<usize>> {
        let mut waiting: Vec<usize> =
            self.0.node_indices().map(|n| self.0.neighbors_directed(n, Incoming).count()).collect();
        let mut places = Vec::new();
        while places.len() < waiting.len() {
            let next = (0..waiting.len()).find(|&p| waiting[p] == 0 && !places.contains(&p))?;
            places.push(next);
            for after in self.0.neighbors(NodeIndex::new(next)) {
                waiting[after.index()] -= 1;
            }
        }
        Some(places)
    }

    /// Of each leg those that are farther from the client, a bit for each: [`MOST_LEGS`] fit.
    fn behind(&self) -> Vec<u64> {
        let next = |leg| self.0.neighbors(leg).fold(0, |set: u64, n| set | 1 << n.index());
        let mut behind: Vec<u64> = self.0.node_indices().map(next).collect();
        for over in 0..behind.len() {
            for leg in 0..behind.len() {
                if behind[leg] >> over & 1 == 1 {
                    behind[leg] |= behind[over];
                }
            }
        }
        behind
    }
}

/// `Less` where `a` is nearer the client than `b`, proven by the packets of this connection alone.
fn nearer_client(a: &LegKey, b: &LegKey) -> Ordering {
    by_ttl(a, b).then_with(|| by_nesting(a, b))
}

/// Routers count the time to live down, so the same packet has more of it nearer its sender.
fn by_ttl(a: &LegKey, b: &LegKey) -> Ordering {
    let alike = Alike::between((a.isns(), a.orig), (b.isns(), b.orig));
    let nearer = |direction: Direction| {
        let (a, b) = (a.flow(direction), b.flow(direction));
        let ttls = |a: Option<Sighting>, b: Option<Sighting>| {
            let (a, b) = (a?.segment, b?.segment);
            alike.same(direction, &a, &b).then(|| a.ttl.cmp(&b.ttl))
        };
        let more = ttls(a.first, b.first).or_else(|| ttls(a.last, b.last))?;
        let order = if direction == Direction::Orig { more.reverse() } else { more };
        order.is_ne().then_some(order)
    };
    match Direction::BOTH.map(nearer) {
        // They contradict: a device rewrites the time to live.
        [Some(x), Some(y)] if x != y => Ordering::Equal,
        [x, y] => x.or(y).unwrap_or(Ordering::Equal),
    }
}

/// The exchange of SYN and SYN-ACK takes longer where the client is nearer: what the other point sees happens in
/// between. Holds whatever the clocks' offsets are.
fn by_nesting(a: &LegKey, b: &LegKey) -> Ordering {
    let exchange = |c: &LegKey| {
        let [syn, syn_ack] = Direction::BOTH.map(|d| c.flow(d));
        if c.isn_pair().is_none() || syn.syns != 1 || syn_ack.syns != 1 {
            return None;
        }
        Some(syn_ack.first?.time.since(syn.first?.time))
    };
    match (exchange(a), exchange(b)) {
        // The clocks need not run alike.
        (Some(a), Some(b))
            if a.min(b) >= 0
                && a.abs_diff(b) > TIMESTAMP_NOISE + a.max(b).unsigned_abs() / DRIFT =>
        {
            b.cmp(&a)
        }
        _ => Ordering::Equal,
    }
}

/// Which of two points is nearer the client, by connections between the same two addresses: a route passes two points in
/// one order. Kept only of those addresses of which some connection does not tell.
#[derive(Default)]
struct Routes(Map<[(usize, IpAddr, IpAddr); 2], [bool; 2]>);

impl Routes {
    fn key(a: &LegKey, b: &LegKey) -> ([(usize, IpAddr, IpAddr); 2], bool) {
        let [a, b] = [a, b].map(|key| (key.leg.point, key.orig.addr, key.resp.addr));
        if a <= b { ([a, b], false) } else { ([b, a], true) }
    }

    fn ask(&mut self, a: &LegKey, b: &LegKey, order: Ordering) {
        if order.is_eq() {
            self.0.entry(Self::key(a, b).0).or_default();
        }
    }

    fn count(&mut self, a: &LegKey, b: &LegKey, order: Ordering) {
        let (key, turned) = Self::key(a, b);
        if let Some(seen) = self.0.get_mut(&key)
            && order.is_ne()
        {
            seen[usize::from(order.is_gt() != turned)] = true;
        }
    }

    /// `Equal` where none tells, or they contradict each other.
    fn verdict(&self, a: &LegKey, b: &LegKey) -> Ordering {
        let (key, turned) = Self::key(a, b);
        let order = match self.0.get(&key) {
            Some([true, false]) => Ordering::Less,
            Some([false, true]) => Ordering::Greater,
            _ => Ordering::Equal,
        };
        if turned { order.reverse() } else { order }
    }
}

/// How often each point was nearer the client than each other one.
struct Votes {
    points: usize,
    nearer: Vec<u64>,
}

impl Votes {
    fn new(points: usize) -> Self {
        Self { points, nearer: vec![0; points * points] }
    }

    fn count(&mut self, a: usize, b: usize, order: Ordering) {
        match order {
            Ordering::Less => self.nearer[a * self.points + b] += 1,
            Ordering::Greater => self.nearer[b * self.points + a] += 1,
            Ordering::Equal => {}
        }
    }

    fn verdict(&self, a: usize, b: usize) -> Ordering {
        self.nearer[b * self.points + a].cmp(&self.nearer[a * self.points + b])
    }
}

/// The role of every point, by where it stands on nearly all of its paths.
pub(crate) fn roles(points: usize, paths: &[Path]) -> Vec<Role> {
    let mut counts = vec![[0u64; 3]; points];
    for path in paths {
        let (first, last) = (path.orig_leg().point, path.resp_leg().point);
        if first == last || !path.ordered {
            continue;
        }
        for leg in path.regular() {
            let place = match leg.point {
                p if p == first => 0,
                p if p == last => 1,
                _ => 2,
            };
            counts[leg.point][place] += 1;
        }
    }
    counts
        .iter()
        .map(|places| {
            let total: u64 = places.iter().sum();
            let roles = [Role::OrigSide, Role::RespSide, Role::Between];
            // 19 of 20: a few paths may be cut short where a capture missed packets.
            let most = (0..3).find(|&i| total > 0 && places[i] * 20 >= total * 19);
            most.map_or(Role::Unknown, |i| roles[i])
        })
        .collect()
}

/// What timestamps of one packet path may be off by, nanoseconds.
const TIMESTAMP_NOISE: u64 = 5_000;

/// The part of a time by which two clocks tell it differently at most: each may be slewed by 500 ppm.
const DRIFT: u64 = 1_000;

/// Legs of one path beyond which no order is looked for: hostile numbers.
const MOST_LEGS: usize = 64;
