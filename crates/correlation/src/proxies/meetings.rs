//! Which groups may be the two sides of a proxy.

use std::net::IpAddr;

use crosscap_packet::Timestamp;
use crosscap_reassembly::Direction;

use super::{Map, Meeting, ProxyHeader};
use crate::Leg;
use crate::keys::{LegKey, Legs};
use crate::matching::Group;

/// What one group looks like to a proxy.
struct Side {
    leg: Leg,
    bytes: [u64; 2],
    closed: bool,
}

/// What may have passed a proxy.
#[derive(Debug, Default)]
pub(crate) struct Met {
    /// In order of their groups.
    pub(super) meetings: Vec<Meeting>,
    /// Legs that may begin with a header which says whose connection they go on with.
    named: Vec<Leg>,
}

impl Met {
    /// The legs whose payload would tell: see [`crate::Matching::wants_payload`].
    pub(crate) fn wanted(&self) -> Vec<Leg> {
        let asks = self.meetings.iter().filter(|m| m.asks).flat_map(|m| m.legs);
        let mut legs: Vec<Leg> = asks.chain(self.named.iter().copied()).collect();
        legs.sort_unstable();
        legs.dedup();
        legs
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.meetings.len()
    }
}

/// All meetings.
pub(crate) fn meetings(legs: &Legs, groups: &[Group]) -> Met {
    let sides: Vec<Option<Side>> = groups.iter().map(|group| Side::of(legs, group)).collect();
    let mut found = at_the_proxy(legs, groups, &sides);
    found.extend(across(legs, groups, &sides));
    found.sort_by_key(|m| (m.front, m.back, m.hosts.is_some(), !m.alike, m.apart));
    found.dedup_by_key(|m| (m.front, m.back));
    Met { meetings: found, named: named(legs, groups, &sides) }
}

/// Legs, each seen at one point only, of which one is longer than the other by just a proxy's header that names it.
fn named(legs: &Legs, groups: &[Group], sides: &[Option<Side>]) -> Vec<Leg> {
    let alone = || {
        sides.iter().zip(groups).filter_map(|(side, group)| {
            Some((side.as_ref().filter(|side| side.closed)?, seen_at(group)?))
        })
    };
    let with_header = |side: &Side| {
        let [asked, told] = side.bytes;
        ProxyHeader::lengths(legs.key(side.leg).ends()).map(|header| [asked + header, told])
    };
    let (mut sizes, mut longer) = (Map::default(), Map::default());
    let note = |sizes: &mut Map<[u64; 2], Few>, bytes, point| {
        sizes.entry(bytes).or_insert(Few::One(point)).add(point);
    };
    for (side, point) in alone() {
        note(&mut sizes, side.bytes, point);
        with_header(side).into_iter().for_each(|bytes| note(&mut longer, bytes, point));
    }
    let elsewhere = |sizes: &Map<[u64; 2], Few>, bytes: &[u64; 2], point| {
        sizes.get(bytes).is_some_and(|points| points.is_other_than(point))
    };
    alone()
        .filter(|(side, point)| {
            elsewhere(&longer, &side.bytes, *point)
                || with_header(side).iter().any(|bytes| elsewhere(&sizes, bytes, *point))
        })
        .map(|(side, _)| side.leg)
        .collect()
}

/// The points at which something was seen.
enum Few {
    One(usize),
    Several,
}

impl Few {
    fn add(&mut self, point: usize) {
        if self.is_other_than(point) {
            *self = Self::Several;
        }
    }

    fn is_other_than(&self, point: usize) -> bool {
        match self {
            Self::One(one) => *one != point,
            Self::Several => true,
        }
    }
}

/// The point of a group that one point saw.
fn seen_at(group: &Group) -> Option<usize> {
    let here = group.legs.first()?.point;
    group.legs.iter().all(|leg| leg.point == here).then_some(here)
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
    let with_sides = || sides.iter().enumerate().filter_map(|(i, s)| Some((i, s.as_ref()?)));
    let regular = |group: usize| {
        let mine = groups[group].legs.iter().copied().filter(|leg| !leg.stray);
        mine.filter(|leg| !legs.key(*leg).is_midstream())
    };
    let mut from_address: Map<(usize, IpAddr), Backs> = Map::default();
    let mut from_near: Map<usize, Backs> = Map::default();
    for (group, side) in with_sides() {
        for leg in regular(group) {
            let key = legs.key(leg);
            let back = Back { begin: key.begin, end: key.end(), group, leg };
            from_address.entry((leg.point, key.orig.addr)).or_default().push(back, side);
            if is_near(key, Direction::Orig) && is_only_leg(&groups[group], leg) {
                from_near.entry(leg.point).or_default().push(back, side);
            }
        }
    }
    from_address.values_mut().chain(from_near.values_mut()).for_each(Backs::sort);
    let mut found = Vec::new();
    for (front, mine) in with_sides() {
        let (mut alike, mut unlike) = (Vec::new(), Vec::new());
        for leg in regular(front) {
            let key = legs.key(leg);
            let same = from_address.get(&(leg.point, key.resp.addr));
            let is_near = is_near(key, Direction::Resp) && is_only_leg(&groups[front], leg);
            let near = from_near.get(&leg.point).filter(|_| is_near);
            let backs = [same, near].into_iter().flatten();
            for back in backs.flat_map(|backs| backs.for_front(key, mine)) {
                let met = meet(legs, sides, (front, leg), back);
                if let Some(meeting) = met.filter(|_| back.group != front) {
                    if meeting.alike { &mut alike } else { &mut unlike }.push(meeting);
                }
            }
        }
        // A proxy goes on at once: of those that nothing but time tells from others, the sooner ones.
        unlike.sort_by_key(|m: &Meeting| (m.apart < 0, m.apart.unsigned_abs(), m.back));
        unlike.dedup_by_key(|m| m.back);
        unlike.truncate(MOST_UNLIKE);
        // Of those with as many bytes, payload tells.
        alike.sort_by_key(|m: &Meeting| (m.apart, m.back));
        alike.dedup_by_key(|m| m.back);
        alike.truncate(MOST_ALIKE);
        found.extend(alike);
        found.extend(unlike);
    }
    found
}

/// What two groups look like together, of which one point saw these two legs. `None` where they cannot be two sides.
fn meet(
    legs: &Legs,
    sides: &[Option<Side>],
    (front, leg): (usize, Leg),
    back: &Back,
) -> Option<Meeting> {
    let key = legs.key(leg);
    let (mine, other) = (sides[front].as_ref()?, sides[back.group].as_ref()?);
    let hosts = one_host(key, legs.key(back.leg))?;
    let lag = back.begin.since(key.begin);
    let alike = if lag >= 0 { mine.fits(other) } else { None };
    // One that is kept open carries the requests of several.
    let shared = other.bytes[0] >= mine.bytes[0] / 2;
    let alike = alike.or_else(|| shared.then_some(false))?;
    let longer = mine.bytes[0].abs_diff(other.bytes[0]);
    Some(Meeting {
        front,
        back: back.group,
        legs: [mine.leg, other.leg],
        apart: lag,
        one_clock: true,
        alike,
        asks: alike || (lag >= 0 && HEADER_BYTES.contains(&longer)),
        hosts: hosts.map(|(ends, comes)| (leg.point, ends, comes)),
    })
}

/// Connections that may be a proxy's own, in order of time.
#[derive(Default)]
struct Backs {
    backs: Vec<Back>,
    /// Of those up to here, when the last ends.
    latest_end: Vec<Timestamp>,
    /// Those with as many bytes both ways, in order of time.
    by_bytes: Map<[u64; 2], Vec<Back>>,
}

#[derive(Clone, Copy, Eq, Ord, PartialEq, PartialOrd)]
struct Back {
    begin: Timestamp,
    end: Timestamp,
    group: usize,
    leg: Leg,
}

impl Backs {
    fn push(&mut self, back: Back, side: &Side) {
        self.backs.push(back);
        self.by_bytes.entry(side.bytes).or_default().push(back);
    }

    fn sort(&mut self) {
        self.backs.sort_unstable();
        self.by_bytes.values_mut().for_each(|backs| backs.sort_unstable());
        let ends = self.backs.iter().scan(Timestamp(i64::MIN), |latest, back| {
            *latest = back.end.max(*latest);
            Some(*latest)
        });
        self.latest_end = ends.collect();
    }

    /// Those that lived while `front` did, nearest in time to its beginning: of those with as many bytes, of those that
    /// began later, and of those that were there before. However many there are, a few of each.
    fn for_front(&self, front: &LegKey, side: &Side) -> impl Iterator<Item = &Back> {
        let until = front.end();
        let later = move |backs: &&[Back]| backs.partition_point(|back| back.begin < front.begin);
        let since = move |backs: &'_ [Back]| {
            let first = later(&backs);
            first..backs.len().min(first + MOST_LOOKED_AT)
        };
        let equal = self.by_bytes.get(&side.bytes).map_or(&[][..], |b| &b[since(b)]);
        let after = since(&self.backs);
        let before = self.backs[..after.start].iter().zip(&self.latest_end[..after.start]).rev();
        let before = before
            .take_while(|(_, latest)| **latest >= front.begin)
            .take(MOST_WALKED)
            .map(|(back, _)| back)
            .filter(|back| back.end >= front.begin)
            .take(MOST_LOOKED_AT);
        let began = equal.iter().chain(&self.backs[after]).filter(move |b| b.begin <= until);
        began.chain(before)
    }
}

/// Whether a group has no other leg at the same point: both sides of a NAT mean that the host forwards.
fn is_only_leg(group: &Group, leg: Leg) -> bool {
    group.legs.iter().filter(|other| other.point == leg.point).count() == 1
}

/// Whether the one may end at the host that the other comes from, where `near` to it if their addresses differ: these.
fn one_host(front: &LegKey, back: &LegKey) -> Option<Option<(IpAddr, IpAddr)>> {
    let (ends, comes) = (front.resp.addr, back.orig.addr);
    // A proxy does not connect to itself.
    if front.resp == back.resp {
        return None;
    }
    if ends == comes {
        return Some(None);
    }
    // The same client twice, or the same server.
    let apart = front.orig.addr != comes && ends != back.resp.addr;
    apart.then_some(Some((ends, comes)))
}

/// Whether the packets of one end have passed no router: it is the host itself or on the same cable.
fn is_near(key: &LegKey, end: Direction) -> bool {
    key.flow(end).first.is_some_and(|at| at.segment().has_initial_ttl())
}

/// Meetings of groups that were seen at one point each, the one at another than the other: nobody watched the proxy. As
/// long in both directions, to the byte; that they are two sides of one host, only several different streams tell.
fn across(legs: &Legs, groups: &[Group], sides: &[Option<Side>]) -> Vec<Meeting> {
    let mut by_size: Map<[u64; 2], Vec<usize>> = Map::default();
    for (group, side) in sides.iter().enumerate() {
        if let Some(side) = side.as_ref().filter(|side| side.closed) {
            by_size.entry(side.bytes).or_default().push(group);
        }
    }
    let mut found = Vec::new();
    for same in by_size.into_values().filter(|same| (2..=MOST_LOOKED_AT).contains(&same.len())) {
        for (i, &a) in same.iter().enumerate() {
            for &b in &same[i + 1..] {
                let (Some(here), Some(there)) = (seen_at(&groups[a]), seen_at(&groups[b])) else {
                    continue;
                };
                if here == there {
                    continue;
                }
                // The proxy takes part in both: the client's side begins before the other and ends after it.
                let lasted = |group: usize| legs.key(groups[group].legs[0]).lasted;
                let begin = |group: usize| legs.key(groups[group].legs[0]).begin;
                let (front, back) = if lasted(a) >= lasted(b) { (a, b) } else { (b, a) };
                let [Some(near), Some(far)] = [front, back].map(|group| sides[group].as_ref())
                else {
                    continue;
                };
                if one_host(legs.key(near.leg), legs.key(far.leg)).is_none() {
                    continue;
                }
                let hosts =
                    (near.leg.point, legs.key(near.leg).resp.addr, legs.key(far.leg).orig.addr);
                found.push(Meeting {
                    front,
                    back,
                    legs: [near.leg, far.leg],
                    apart: begin(back).since(begin(front)),
                    one_clock: false,
                    alike: true,
                    asks: true,
                    hosts: Some(hosts),
                });
            }
        }
    }
    found
}

/// Bytes of a proxy's header: with all that it may say, as many as surely fit in the first segment.
const HEADER_BYTES: std::ops::RangeInclusive<u64> = 16..=536;

/// Bytes that a proxy for HTTP adds to a request or an answer.
const ADDED_BYTES: u64 = 512;

/// Meetings of one front with others that carried other bytes.
const MOST_UNLIKE: usize = 16;

/// Meetings of one front with others that carried as many bytes.
const MOST_ALIKE: usize = 32;

/// Connections of each kind that are looked at for each one that a proxy may have taken.
const MOST_LOOKED_AT: usize = 64;

/// Connections that are passed over meanwhile.
const MOST_WALKED: usize = 1_024;
