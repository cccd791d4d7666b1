//! Connections that a proxy ends and goes on with as others: the bytes are all that the two have in common.
//!
//! A meeting is a pair of groups that may be the two sides of a proxy, by their addresses, when they began and how much was
//! sent. Only equal payload makes one connection of them, and only where neither has another partner with the same bytes:
//! requests and answers are often alike. Everything else is a candidate.

use crosscap_packet::Timestamp;
use crosscap_reassembly::Direction;
use hashbrown::{HashMap, HashSet};
use std::net::IpAddr;

use crate::keys::{LegKey, Legs};
use crate::matching::{Group, Joined, Likely};
use crate::payload::{Agreement, StreamDigest};
use crate::{Leg, Tier};

type Map<K, V> = HashMap<K, V, foldhash::quality::RandomState>;

/// Two groups that may be the client's and the server's side of a proxy.
#[derive(Clone, Debug)]
pub(crate) struct Meeting {
    front: usize,
    back: usize,
    /// One leg of each whose payload can be compared.
    legs: [Leg; 2],
    /// From the beginning of the one to that of the other, where one point saw both; nanoseconds.
    lag: Option<i64>,
    /// As many bytes both ways.
    alike: bool,
    /// Where it is the only sign of their being one host that neither passed a router: the point, the address that the
    /// front ends at, and the one that the back comes from.
    hosts: Option<(usize, IpAddr, IpAddr)>,
}

/// What one group looks like to a proxy.
struct Side {
    leg: Leg,
    bytes: [u64; 2],
    closed: bool,
}

/// All meetings, in order of their groups.
pub(crate) fn meetings(legs: &Legs, groups: &[Group]) -> Vec<Meeting> {
    let sides: Vec<Option<Side>> = groups.iter().map(|group| Side::of(legs, group)).collect();
    let mut found = at_the_proxy(legs, groups, &sides);
    found.extend(across(legs, groups, &sides));
    found.sort_by_key(|m| (m.front, m.back));
    found.dedup_by_key(|m| (m.front, m.back));
    found
}

impl Side {
    /// The leg that saw most. `None` where no leg saw the connection begin, or nothing was asked.
    fn of(legs: &Legs, group: &Group) -> Option<Self> {
        let begun = group.legs.iter().filter(|l| !l.stray && legs.key(**l).isn_pair().is_some());
        let bytes = |leg: Leg| legs.key(leg).flows.each_ref().map(|flow| flow.bytes);
        let leg = *begun.max_by_key(|leg| bytes(**leg).iter().sum::<u64>())?;
        let bytes = bytes(leg);
        let closed = legs.key(leg).flows.iter().all(|flow| flow.closed);
        (bytes[0] > 0).then_some(Self { leg, bytes, closed })
    }

    /// Whether a proxy that passes bytes on as they are could lie between: `Some(true)`; or one that adds a few:
    /// `Some(false)`.
    fn fits(&self, back: &Self) -> Option<bool> {
        let equal = self.bytes == back.bytes;
        let open = !(self.closed && back.closed);
        // What is still on its way: requests reach the back later, answers the front.
        let on_the_way = open && back.bytes[0] <= self.bytes[0] && self.bytes[1] <= back.bytes[1];
        let near = |a: u64, b: u64| a.abs_diff(b) <= ADDED_BYTES + a.max(b) / 16;
        if equal || on_the_way {
            return Some(true);
        }
        self.bytes.iter().zip(&back.bytes).all(|(a, b)| near(*a, *b)).then_some(false)
    }
}

/// Meetings at a point that saw both sides: the one ends at the host that the other comes from.
fn at_the_proxy(legs: &Legs, groups: &[Group], sides: &[Option<Side>]) -> Vec<Meeting> {
    let with_sides = || (0..groups.len()).filter(|&group| sides[group].is_some());
    let regular = |group: usize| {
        let mine = groups[group].legs.iter().copied().filter(|leg| !leg.stray);
        mine.filter(|leg| !legs.key(*leg).is_midstream())
    };
    let mut from_address: Map<(usize, IpAddr), Backs> = Map::default();
    let mut from_near: Map<usize, Backs> = Map::default();
    for group in with_sides() {
        for leg in regular(group) {
            let key = legs.key(leg);
            let back = Back { begin: key.begin, end: key.end(), group, leg };
            from_address.entry((leg.point, key.orig.addr)).or_default().push(back);
            if is_near(key, Direction::Orig) && is_only_leg(&groups[group], leg) {
                from_near.entry(leg.point).or_default().push(back);
            }
        }
    }
    from_address.values_mut().chain(from_near.values_mut()).for_each(Backs::sort);
    let mut found = Vec::new();
    for front in with_sides() {
        let Some(mine) = &sides[front] else { continue };
        for leg in regular(front) {
            let key = legs.key(leg);
            let same = from_address.get(&(leg.point, key.resp.addr));
            let is_near = is_near(key, Direction::Resp) && is_only_leg(&groups[front], leg);
            let near = from_near.get(&leg.point).filter(|_| is_near);
            for backs in [same, near].into_iter().flatten() {
                found.extend(backs.alive(key).filter_map(|back| {
                    let hosts =
                        one_host(key, legs.key(back.leg)).filter(|_| back.group != front)?;
                    let other = sides[back.group].as_ref()?;
                    let lag = back.begin.since(key.begin);
                    let alike = if lag >= 0 { mine.fits(other) } else { None };
                    // One that is kept open carries the requests of several.
                    let shared = other.bytes[0] >= mine.bytes[0] / 2;
                    let alike = alike.or_else(|| shared.then_some(false))?;
                    Some(Meeting {
                        front,
                        back: back.group,
                        legs: [mine.leg, other.leg],
                        lag: Some(lag),
                        alike,
                        hosts: hosts.map(|(ends, comes)| (leg.point, ends, comes)),
                    })
                }));
            }
        }
    }
    found
}

/// Connections that may be a proxy's own, in order of time.
#[derive(Default)]
struct Backs {
    backs: Vec<Back>,
    /// When the last of those up to here ends.
    latest_end: Vec<Timestamp>,
}

#[derive(Clone, Copy, Eq, Ord, PartialEq, PartialOrd)]
struct Back {
    begin: Timestamp,
    end: Timestamp,
    group: usize,
    leg: Leg,
}

impl Backs {
    fn push(&mut self, back: Back) {
        self.backs.push(back);
    }

    fn sort(&mut self) {
        self.backs.sort_unstable();
        let ends = self.backs.iter().scan(Timestamp(i64::MIN), |latest, back| {
            *latest = back.end.max(*latest);
            Some(*latest)
        });
        self.latest_end = ends.collect();
    }

    /// Those that lived while `front` did, the latest first.
    fn alive(&self, front: &LegKey) -> impl Iterator<Item = &Back> {
        let until = front.end();
        let behind = self.backs.partition_point(|back| back.begin <= until);
        let began = self.backs[..behind].iter().zip(&self.latest_end[..behind]).rev();
        began
            .take_while(|(_, latest)| **latest >= front.begin)
            .map(|(back, _)| back)
            .filter(|back| back.end >= front.begin)
            .take(MOST_LOOKED_AT)
    }
}

/// Whether a group has no other leg at the same point: both sides of a NAT mean that the host forwards.
fn is_only_leg(group: &Group, leg: Leg) -> bool {
    group.legs.iter().filter(|other| other.point == leg.point).count() == 1
}

/// Whether the one may end at the host that the other comes from, where `near` to it if their addresses differ: these.
fn one_host(front: &LegKey, back: &LegKey) -> Option<Option<(IpAddr, IpAddr)>> {
    let (ends, comes) = (front.resp.addr, back.orig.addr);
    if ends == comes {
        return Some(None);
    }
    // The same client twice, or the same server.
    let apart = front.orig.addr != comes && ends != back.resp.addr;
    apart.then_some(Some((ends, comes)))
}

/// Whether the packets of one end have passed no router: it is the host itself or on the same cable.
fn is_near(key: &LegKey, end: Direction) -> bool {
    key.flow(end).first.is_some_and(|at| INITIAL_TTLS.contains(&at.segment.ttl))
}

/// Meetings of groups that were seen at one point each, the one at another than the other: nobody watched the proxy. As
/// long in both directions, to the byte, and alone in that at both points.
fn across(legs: &Legs, groups: &[Group], sides: &[Option<Side>]) -> Vec<Meeting> {
    let mut by_size: Map<[u64; 2], Vec<usize>> = Map::default();
    for (group, side) in sides.iter().enumerate() {
        if let Some(side) = side.as_ref().filter(|side| side.closed) {
            by_size.entry(side.bytes).or_default().push(group);
        }
    }
    let mut found = Vec::new();
    for (bytes, same) in by_size {
        let &[a, b] = &same[..] else { continue };
        let (Some(one), Some(other)) = (&sides[a], &sides[b]) else { continue };
        let alone = |group: usize, point| groups[group].legs.iter().all(|leg| leg.point == point);
        let (here, there) = (one.leg.point, other.leg.point);
        if here == there || !alone(a, here) || !alone(b, there) {
            continue;
        }
        if bytes.iter().sum::<u64>() < ENOUGH_BYTES {
            continue;
        }
        // The proxy takes part in both: the client's side begins first and ends its own exchange of SYNs before.
        let lasted = |leg: Leg| legs.key(leg).lasted;
        let (front, back) = if lasted(one.leg) >= lasted(other.leg) { (a, b) } else { (b, a) };
        let legs = if front == a { [one.leg, other.leg] } else { [other.leg, one.leg] };
        found.push(Meeting { front, back, legs, lag: None, alike: true, hosts: None });
    }
    found
}

/// The legs whose payload would tell: see [`crate::Matching::wants_payload`].
pub(crate) fn wanted(meetings: &[Meeting]) -> Vec<Leg> {
    let mut legs: Vec<Leg> = meetings.iter().filter(|m| m.alike).flat_map(|m| m.legs).collect();
    legs.sort_unstable();
    legs.dedup();
    legs
}

/// Joins the groups that payload proves to be one, the client's side first, and notes the others as candidates.
pub(crate) fn join(
    groups: Vec<Group>,
    meetings: Vec<Meeting>,
    digests: &[(Leg, [StreamDigest; 2])],
) -> Vec<Group> {
    let digests: Map<Leg, &[StreamDigest; 2]> = digests.iter().map(|(l, d)| (*l, d)).collect();
    let (mut equal, mut possible) = (Vec::new(), Vec::new());
    for meeting in meetings {
        let compared = meeting.legs.map(|leg| digests.get(&leg));
        match compared {
            [Some(front), Some(back)] if meeting.alike => match agree(front, back) {
                Some(true) => equal.push(meeting),
                Some(false) => {}
                None => possible.push(meeting),
            },
            _ => possible.push(meeting),
        }
    }
    let mut partners: Map<(bool, usize), usize> = Map::default();
    for m in &equal {
        *partners.entry((true, m.front)).or_default() += 1;
        *partners.entry((false, m.back)).or_default() += 1;
    }
    let is_only = |m: &Meeting| partners[&(true, m.front)] == 1 && partners[&(false, m.back)] == 1;
    let (sure, mut several): (Vec<_>, Vec<_>) = equal.into_iter().partition(is_only);
    let (sure, unsupported) = supported(sure, &digests);
    several.extend(unsupported);
    let mut groups = groups;
    // Who has found its partner looks for no other.
    let settled: HashSet<usize, foldhash::quality::RandomState> =
        sure.iter().flat_map(|m| [m.front, m.back]).collect();
    for meetings in [&mut several, &mut possible] {
        meetings.retain(|m| [m.front, m.back].iter().all(|group| !settled.contains(group)));
    }
    note(&mut groups, &several, Tier::Payload);
    note(&mut groups, &possible, Tier::None);
    chain(groups, &sure)
}

/// Splits off meetings of hosts that nothing but equal bytes links, unless several different streams do.
fn supported(
    sure: Vec<Meeting>,
    digests: &Map<Leg, &[StreamDigest; 2]>,
) -> (Vec<Meeting>, Vec<Meeting>) {
    let mut streams: Map<_, Vec<&[StreamDigest; 2]>> = Map::default();
    for m in &sure {
        if let (Some(hosts), Some(digest)) = (m.hosts, digests.get(&m.legs[0])) {
            let known = streams.entry(hosts).or_default();
            if known.len() < FEWEST_STREAMS && !known.contains(digest) {
                known.push(digest);
            }
        }
    }
    let enough = |hosts| streams.get(&hosts).is_some_and(|known| known.len() >= FEWEST_STREAMS);
    sure.into_iter().partition(|m| m.hosts.is_none_or(enough))
}

/// Whether both directions are equal; `None` where too little was seen.
fn agree(front: &[StreamDigest; 2], back: &[StreamDigest; 2]) -> Option<bool> {
    let both = Direction::BOTH.map(|d| front[d as usize].compare(&back[d as usize]));
    if both.contains(&Agreement::Differs) {
        return Some(false);
    }
    let (mut bytes, mut fewest) = (0, FEWEST_BYTES);
    for (agreement, digest) in both.iter().zip(front) {
        match agreement {
            Agreement::Equal => bytes += digest.len(),
            // A proxy for HTTP may leave the first lines as they are.
            Agreement::Begins(equal) => (bytes, fewest) = (bytes + equal, ENOUGH_BEGUN),
            _ => return None,
        }
    }
    (bytes >= fewest).then_some(true)
}

fn note(groups: &mut [Group], meetings: &[Meeting], tier: Tier) {
    // A proxy goes on at once: of several connections, the sooner one is the likelier.
    let mut lags: Vec<i64> =
        meetings.iter().filter_map(|m| m.lag).filter(|lag| *lag >= 0).collect();
    lags.sort_unstable();
    let usual = lags.get(lags.len() / 4).copied().unwrap_or(0).max(SHORTEST_LAG) as f64;
    let begun = if tier == Tier::Payload { PAYLOAD_ODDS } else { TIMING_ODDS };
    for m in meetings {
        let odds = match m.lag {
            Some(lag @ 0..) => begun * (-(lag as f64) / usual).exp(),
            Some(_) => SHARED_ODDS,
            None => begun,
        };
        if odds < LEAST_ODDS {
            continue;
        }
        groups[m.front].may_be(Likely { group: m.back, tier, odds });
        groups[m.back].may_be(Likely { group: m.front, tier, odds });
    }
}

/// Makes one group of each chain of proxies.
fn chain(mut groups: Vec<Group>, sure: &[Meeting]) -> Vec<Group> {
    if sure.is_empty() {
        return groups;
    }
    let next: Map<usize, &Meeting> = sure.iter().map(|m| (m.front, m)).collect();
    let behind: HashSet<usize, foldhash::quality::RandomState> =
        sure.iter().map(|m| m.back).collect();
    let mut into: Vec<usize> = (0..groups.len()).collect();
    for first in (0..groups.len()).filter(|group| !behind.contains(group)) {
        let mut at = first;
        while let Some(meeting) = next.get(&at) {
            at = meeting.back;
            into[at] = first;
            let back = std::mem::replace(
                &mut groups[at],
                Group {
                    legs: Vec::new(),
                    numberings: Vec::new(),
                    joined: Joined::NOT,
                    candidates: Vec::new(),
                },
            );
            let front = &mut groups[first];
            front.legs.extend(back.legs);
            front.numberings.extend(back.numberings);
            front.joined = Joined { tier: Tier::Payload, bits: PAYLOAD_BITS };
            back.candidates.into_iter().for_each(|c| front.may_be(c));
        }
    }
    // Places of the groups that are left.
    let mut place = vec![0; groups.len()];
    let mut count = 0;
    for (group, place) in groups.iter().zip(&mut place) {
        *place = count;
        count += usize::from(!group.legs.is_empty());
    }
    groups.retain(|group| !group.legs.is_empty());
    for (at, group) in groups.iter_mut().enumerate() {
        group.candidates.iter_mut().for_each(|c| c.group = place[into[c.group]]);
        group.candidates.retain(|c| c.group != at);
    }
    groups
}

/// Bytes that a proxy for HTTP adds to a request or an answer.
const ADDED_BYTES: u64 = 512;

/// A lag that is nothing: nanoseconds.
const SHORTEST_LAG: i64 = 1_000_000;

/// Connections that are looked at for each one that a proxy may have taken.
const MOST_LOOKED_AT: usize = 64;

/// Different streams that must be equal on both sides before two addresses count as those of one host.
const FEWEST_STREAMS: usize = 3;

/// What stacks start the time to live with.
const INITIAL_TTLS: [u8; 4] = [32, 64, 128, 255];

/// Equal bytes below which nothing is claimed.
const FEWEST_BYTES: u64 = 64;

/// Equal bytes below which nothing is claimed where more followed at one point than at the other.
const ENOUGH_BEGUN: u64 = 16_384;

/// Equal bytes below which nothing is claimed of connections that no address links.
const ENOUGH_BYTES: u64 = 1_024;

/// Odds of a pair with equal payload, of which there is more than one, and of a pair that only began when it should.
const PAYLOAD_ODDS: f64 = 20.0;
const TIMING_ODDS: f64 = 1.0;

/// Odds of a pair of which the proxy's own side is older.
const SHARED_ODDS: f64 = 0.5;

/// Odds that are not worth telling.
const LEAST_ODDS: f64 = 0.02;

/// How many bits equal payload is worth that nothing else has: what hashes and lengths alone would be worth is more, but
/// programs send the same bytes often.
const PAYLOAD_BITS: f64 = 40.0;
