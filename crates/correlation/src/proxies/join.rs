//! Which meetings payload proves.

use crosscap_reassembly::Direction;

use super::chain::chain;
use super::{Map, Meeting, Set};
use crate::matching::{Group, Joined, Likely};
use crate::payload::{Agreement, StreamDigest};
use crate::{Leg, Tier};

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
    let settled: Set<usize> = sure.iter().flat_map(|m| [m.front, m.back]).collect();
    for meetings in [&mut several, &mut possible] {
        meetings.retain(|m| [m.front, m.back].iter().all(|group| !settled.contains(group)));
    }
    note(&mut groups, &several, Tier::Payload);
    note(&mut groups, &possible, Tier::None);
    let how = Joined { tier: Tier::Payload, bits: PAYLOAD_BITS };
    chain(groups, &sure.iter().map(|m| (m.front, m.back, how)).collect::<Vec<_>>())
}

/// Splits off meetings of hosts that nothing but equal bytes links, unless several different streams do, all as far apart in
/// time: programs ask for the same things in many places, but not in step.
fn supported(
    sure: Vec<Meeting>,
    digests: &Map<Leg, &[StreamDigest; 2]>,
) -> (Vec<Meeting>, Vec<Meeting>) {
    let mut by_hosts: Map<_, Vec<&Meeting>> = Map::default();
    for m in &sure {
        if let Some(hosts) = m.hosts {
            by_hosts.entry(hosts).or_default().push(m);
        }
    }
    let mut in_step: Map<_, i64> = Map::default();
    for (hosts, mut meetings) in by_hosts {
        meetings.sort_by_key(|m| m.apart);
        let median = meetings[meetings.len() / 2].apart;
        let all = meetings.len();
        meetings.retain(|m| is_in_step(m, median));
        let mut streams: Vec<&[StreamDigest; 2]> = Vec::new();
        for digest in meetings.iter().filter_map(|m| digests.get(&m.legs[0])) {
            if streams.len() < FEWEST_STREAMS && !streams.contains(digest) {
                streams.push(digest);
            }
        }
        // Four of five: a few may be equal by chance.
        if streams.len() >= FEWEST_STREAMS && meetings.len() * 5 >= all * 4 {
            in_step.insert(hosts, median);
        }
    }
    sure.into_iter().partition(|m| {
        let median = |hosts| in_step.get(&hosts);
        m.hosts.is_none_or(|hosts| median(hosts).is_some_and(|&median| is_in_step(m, median)))
    })
}

fn is_in_step(meeting: &Meeting, median: i64) -> bool {
    meeting.apart.abs_diff(median) <= IN_STEP
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
    let lags = meetings.iter().filter(|m| m.one_clock && m.apart >= 0).map(|m| m.apart);
    let mut lags: Vec<i64> = lags.collect();
    lags.sort_unstable();
    let usual = lags.get(lags.len() / 4).copied().unwrap_or(0).max(SHORTEST_LAG) as f64;
    let begun = if tier == Tier::Payload { PAYLOAD_ODDS } else { TIMING_ODDS };
    for m in meetings {
        let odds = match m.apart {
            _ if !m.one_clock => begun,
            lag @ 0.. => begun * (-(lag as f64) / usual).exp(),
            _ => SHARED_ODDS,
        };
        if odds < LEAST_ODDS {
            continue;
        }
        groups[m.front].may_be(Likely { group: m.back, tier, odds });
        groups[m.back].may_be(Likely { group: m.front, tier, odds });
    }
}

/// Equal bytes below which nothing is claimed.
const FEWEST_BYTES: u64 = 64;

/// Equal bytes below which nothing is claimed where more followed at one point than at the other.
const ENOUGH_BEGUN: u64 = 16_384;

/// How much longer or shorter than usual a proxy takes, and what clocks drift, nanoseconds.
const IN_STEP: u64 = 1_000_000_000;

/// Different streams that must be equal on both sides before two addresses count as those of one host.
const FEWEST_STREAMS: usize = 3;

/// Odds of a pair with equal payload, of which there is more than one, and of a pair that only began when it should.
const PAYLOAD_ODDS: f64 = 20.0;
const TIMING_ODDS: f64 = 1.0;

/// Odds of a pair of which the proxy's own side is older.
const SHARED_ODDS: f64 = 0.5;

/// Odds that are not worth telling.
const LEAST_ODDS: f64 = 0.02;

/// A lag that is nothing: nanoseconds.
const SHORTEST_LAG: i64 = 1_000_000;

/// How many bits equal payload is worth that nothing else has: what hashes and lengths alone would be worth is more, but
/// programs send the same bytes often.
const PAYLOAD_BITS: f64 = 40.0;
