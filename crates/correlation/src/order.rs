//! Which point is nearer the client.

mod nearer;
mod polls;

use std::cmp::Ordering;

use crosscap_reassembly::Direction;
use rayon::prelude::*;

use crate::copies::Alike;
use crate::keys::{Glimpse, LegKey, Legs};
use crate::{Leg, Path, Point};
use nearer::Nearer;
use polls::{Routes, Votes};

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
    let none = || Votes::new(points.len());
    let poll = groups.par_iter().fold(
        || (none(), Routes::default()),
        |(mut votes, mut routes), (members, _)| {
            compare(legs, members, &mut |a, b, order| {
                votes.count(a.leg.point, b.leg.point, order);
                routes.ask(a, b, order);
            });
            (votes, routes)
        },
    );
    let (votes, mut routes) = poll.reduce(
        || (none(), Routes::default()),
        |(v, r), (votes, routes)| (v.and(votes), r.and(routes)),
    );
    if !routes.is_empty() {
        for (members, _) in &groups {
            compare(legs, members, &mut |a, b, order| routes.count(a, b, order));
        }
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

/// Tells each two legs that share their numbers, and which is nearer the client.
fn compare(
    legs: &Legs,
    (group, numberings): &Members,
    told: &mut impl FnMut(&LegKey, &LegKey, Ordering),
) {
    for (i, &a) in group.iter().enumerate().take(MOST_LEGS) {
        for (j, &b) in group.iter().enumerate().skip(i + 1).take(MOST_LEGS) {
            let alike = numberings[i] == numberings[j] && a.point != b.point;
            if alike && !a.stray && !b.stray {
                let (a, b) = (legs.key(a), legs.key(b));
                told(a, b, nearer_client(a, b));
            }
        }
    }
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
    if let [a, b] = group[..regular] {
        let proven = order(a, b);
        if proven.then_with(|| votes.verdict(a.point, b.point)).is_gt() {
            group.swap(0, 1);
        }
        let ties = if proven.is_eq() { vec![0] } else { Vec::new() };
        return Ordered { legs: group, ends_proven: proven.is_ne(), ties, proxied: false };
    }
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

/// `Less` where `a` is nearer the client than `b`, proven by the packets of this connection alone.
fn nearer_client(a: &LegKey, b: &LegKey) -> Ordering {
    by_ttl(a, b).then_with(|| by_nesting(a, b))
}

/// Routers count the time to live down, so the same packet has more of it nearer its sender.
fn by_ttl(a: &LegKey, b: &LegKey) -> Ordering {
    let alike = Alike::between((a.isns(), a.orig), (b.isns(), b.orig));
    let nearer = |direction: Direction| {
        let (a, b) = (a.flow(direction), b.flow(direction));
        let ttls = |a: Option<Glimpse>, b: Option<Glimpse>| {
            let (a, b) = (a?.segment(), b?.segment());
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
    let noise = TIMESTAMP_NOISE + u64::from(a.resolution) + u64::from(b.resolution);
    match (exchange(a), exchange(b)) {
        // The clocks need not run alike.
        (Some(a), Some(b))
            if a.min(b) >= 0 && a.abs_diff(b) > noise + a.max(b).unsigned_abs() / DRIFT =>
        {
            b.cmp(&a)
        }
        _ => Ordering::Equal,
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
