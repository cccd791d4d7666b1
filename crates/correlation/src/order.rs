//! Which point is nearer the client.

use std::cmp::Ordering;

use crosscap_reassembly::{Connection, Direction};

use crate::{Leg, Path, Point};

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

/// Sorts the legs of every group from client to server, strays last, and tells for each group whether the ends are
/// proven.
///
/// What a path's own packets prove comes first; where they prove nothing, the majority of the other paths that cross
/// the same two points decides.
pub(crate) fn sort_legs(points: &[Point], groups: &mut [Vec<Leg>]) -> (Votes, Vec<bool>) {
    let mut votes = Votes::new(points.len());
    for legs in groups.iter() {
        for (i, &a) in legs.iter().enumerate() {
            for &b in &legs[i + 1..] {
                if a.point != b.point && !a.stray && !b.stray {
                    votes.count(a.point, b.point, nearer_client(a.of(points), b.of(points)));
                }
            }
        }
    }
    for legs in groups.iter_mut() {
        // From an order that does not depend on that of the points.
        legs.sort_by(|a, b| {
            points[a.point].name.cmp(&points[b.point].name).then(a.connection.cmp(&b.connection))
        });
        // A handful of legs; the comparison need not be transitive, which the standard sorts would not forgive.
        for i in 1..legs.len() {
            let mut at = i;
            while at > 0 && goes_before(points, &votes, legs[at], legs[at - 1]) {
                legs.swap(at, at - 1);
                at -= 1;
            }
        }
    }
    let proven = |legs: &Vec<Leg>| {
        let mut regular = legs.iter().filter(|l| !l.stray);
        match (regular.clone().next(), regular.next_back()) {
            (Some(a), Some(b)) if a != b => order(points, &votes, *a, *b).is_ne(),
            _ => false,
        }
    };
    let proven = groups.iter().map(proven).collect();
    (votes, proven)
}

fn goes_before(points: &[Point], votes: &Votes, a: Leg, b: Leg) -> bool {
    if a.stray != b.stray {
        return b.stray;
    }
    order(points, votes, a, b).then_with(|| points[a.point].name.cmp(&points[b.point].name)).is_lt()
}

/// `Less` where `a` is nearer the client, by the connection's own packets or by the majority of the others.
pub(crate) fn order(points: &[Point], votes: &Votes, a: Leg, b: Leg) -> Ordering {
    nearer_client(a.of(points), b.of(points)).then_with(|| votes.verdict(a.point, b.point))
}

/// `Less` where `a` is nearer the client than `b`, proven by the packets of this connection alone.
fn nearer_client(a: &Connection, b: &Connection) -> Ordering {
    by_ttl(a, b).then_with(|| by_nesting(a, b))
}

/// Routers count the time to live down, so the same packet has more of it nearer its sender.
fn by_ttl(a: &Connection, b: &Connection) -> Ordering {
    let ttls = |direction| {
        let (a, b) = (a.flow(direction).first?, b.flow(direction).first?);
        a.segment.is_copy_of(&b.segment).then_some((a.segment.ttl, b.segment.ttl))
    };
    let from_orig = ttls(Direction::Orig).map_or(Ordering::Equal, |(a, b)| b.cmp(&a));
    let from_resp = ttls(Direction::Resp).map_or(Ordering::Equal, |(a, b)| a.cmp(&b));
    match (from_orig, from_resp) {
        (x, y) if x == y || y == Ordering::Equal => x,
        (Ordering::Equal, y) => y,
        // They contradict: a device rewrites the time to live.
        _ => Ordering::Equal,
    }
}

/// The exchange of SYN and SYN-ACK takes longer where the client is nearer: what the other point sees happens in
/// between. Holds whatever the clocks say.
fn by_nesting(a: &Connection, b: &Connection) -> Ordering {
    let exchange = |c: &Connection| {
        let [syn, syn_ack] = Direction::BOTH.map(|d| c.flow(d));
        if c.isn_pair().is_none() || syn.syns != 1 || syn_ack.syns != 1 {
            return None;
        }
        Some(syn_ack.first?.time.since(syn.first?.time))
    };
    match (exchange(a), exchange(b)) {
        (Some(a), Some(b)) if (a - b).abs() > TIMESTAMP_NOISE => b.cmp(&a),
        _ => Ordering::Equal,
    }
}

/// How often each point was nearer the client than each other one.
pub(crate) struct Votes {
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
const TIMESTAMP_NOISE: i64 = 1_000;
