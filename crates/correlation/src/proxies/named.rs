//! Connections of which a proxy says whose they go on with.

use crosscap_packet::{Endpoint, Timestamp};

use super::{Digests, Map, Meeting, Set};
use crate::Leg;
use crate::keys::Legs;
use crate::matching::Group;

/// The meetings of the groups whose streams begin with a proxy's header, with the groups that it names.
///
/// A four-tuple is used again and again. Where one point saw both sides, the one that was open when the other began is
/// meant, or none; else it must be the only one in these captures.
pub(super) fn claims(legs: &Legs, groups: &[Group], digests: &Digests<'_>) -> Vec<Meeting> {
    let told = digests.iter().filter_map(|(leg, digests)| Some((*leg, digests[0].named()?)));
    let told: Map<Leg, [Endpoint; 2]> = told.collect();
    if told.is_empty() {
        return Vec::new();
    }
    let mut uses: Map<[Endpoint; 2], Uses> = Map::default();
    told.values().for_each(|ends| _ = uses.entry(*ends).or_default());
    let (mut claimants, mut looked_at) = (Vec::new(), Map::default());
    for (group, members) in groups.iter().enumerate() {
        for &leg in &members.legs {
            if let Some(uses) = uses.get_mut(&legs.key(leg).ends()) {
                if uses.legs.is_empty() {
                    uses.sole = Some((group, leg));
                }
                uses.sole = uses.sole.filter(|sole| sole.0 == group);
                uses.legs.push((leg.point, legs.key(leg).begin, group, leg));
            }
            if digests.contains_key(&leg) {
                looked_at.entry(group).or_insert(leg);
            }
            claimants.extend(told.get(&leg).map(|ends| (group, leg, *ends)));
        }
    }
    uses.values_mut().for_each(|uses| uses.legs.sort_unstable());
    claimants
        .into_iter()
        .filter_map(|(back, leg, ends)| {
            let uses = &uses[&ends];
            let members = &groups[back].legs;
            let here = members.iter().take(MOST_LEGS).filter(|leg| uses.has(leg.point));
            let mut here = here.map(|&leg| (leg, uses.open(legs, leg))).peekable();
            let one_clock = here.peek().is_some();
            let (front, near, far) = match here.find_map(|(leg, front)| Some((leg, front?))) {
                Some((far, (front, near))) => (front, near, far),
                None if one_clock => return None,
                None => {
                    let (front, near) = uses.sole?;
                    (front, near, leg)
                }
            };
            let (a, b) = (legs.key(near), legs.key(far));
            let hosts = (near.point, a.resp.addr, b.orig.addr);
            (front != back).then_some(Meeting {
                front,
                back,
                legs: [looked_at.get(&front).copied().unwrap_or(near), leg],
                apart: b.begin.since(a.begin),
                one_clock,
                alike: true,
                asks: true,
                hosts: (hosts.1 != hosts.2 || !one_clock).then_some(hosts),
            })
        })
        .collect()
}

/// Legs that have one four-tuple.
#[derive(Default)]
struct Uses {
    /// By point and beginning; with the group.
    legs: Vec<(usize, Timestamp, usize, Leg)>,
    /// The group, where it is one, and its first leg in the order of the group.
    sole: Option<(usize, Leg)>,
}

impl Uses {
    fn has(&self, point: usize) -> bool {
        let first = self.legs.partition_point(|leg| leg.0 < point);
        self.legs.get(first).is_some_and(|leg| leg.0 == point)
    }

    /// The group and the leg that were open at its point when `back` began.
    fn open(&self, legs: &Legs, back: Leg) -> Option<(usize, Leg)> {
        let begin = legs.key(back).begin;
        let behind = self.legs.partition_point(|leg| (leg.0, leg.1) <= (back.point, begin));
        let &(point, _, group, leg) = self.legs[..behind].last()?;
        (point == back.point && begin <= legs.key(leg).end()).then_some((group, leg))
    }
}

/// Those claims that stand, of one front by one back, and the others. A proxy behind another passes the first one's header
/// on: where payload has `joined` a back to one that makes the same claim, that one is the nearer.
pub(super) fn undisputed(
    mut claims: Vec<Meeting>,
    joined: &[&Meeting],
) -> (Vec<Meeting>, Vec<Meeting>) {
    let claimed: Set<(usize, usize)> = claims.iter().map(|m| (m.front, m.back)).collect();
    let before: Map<usize, usize> = joined.iter().map(|m| (m.back, m.front)).collect();
    claims.retain(|m| before.get(&m.back).is_none_or(|by| !claimed.contains(&(m.front, *by))));
    let mut partners: Map<(bool, usize), usize> = Map::default();
    for m in &claims {
        *partners.entry((true, m.front)).or_default() += 1;
        *partners.entry((false, m.back)).or_default() += 1;
    }
    let is_only = |m: &Meeting| partners[&(true, m.front)] == 1 && partners[&(false, m.back)] == 1;
    claims.into_iter().partition(is_only)
}

/// Legs of one group that are looked at.
const MOST_LEGS: usize = 64;
