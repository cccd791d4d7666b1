//! Which meetings payload proves.

use crosscap_reassembly::Direction;
use petgraph::unionfind::UnionFind;

use super::chain::chain;
use super::named::{claims, undisputed};
use super::{Digests, Map, Meeting, Met, Set};
use crate::keys::Legs;
use crate::matching::{Group, Joined, Likely, is_sure};
use crate::payload::{Agreement, StreamDigest};
use crate::{Leg, Point, Tier};

/// Joins the groups that payload proves to be one, the client's side first, and notes the others as candidates.
pub(crate) fn join(
    points: &[Point],
    legs: &Legs,
    mut groups: Vec<Group>,
    met: Met,
    digests: &[(Leg, [StreamDigest; 2])],
) -> Vec<Group> {
    let digests: Digests<'_> = digests.iter().map(|(l, d)| (*l, d)).collect();
    let compared = |m: &Meeting| match m.legs.map(|leg| digests.get(&leg)) {
        [Some(front), Some(back)] => agree(front, back),
        _ => Agreed::Unknown,
    };
    let (mut equal, mut possible) = (Vec::new(), Vec::new());
    for meeting in met.meetings {
        let has_header = |leg: &Leg| digests.get(leg).is_some_and(|d| d[0].has_header());
        let comparable = meeting.alike || meeting.asks && meeting.legs.iter().any(has_header);
        match compared(&meeting) {
            Agreed::Equal(bits) if comparable => equal.push((meeting, bits)),
            Agreed::Differs if meeting.alike => {}
            _ => possible.push(meeting),
        }
    }
    let (sure, mut several) = alone(equal, &digests, |m, bits| {
        let sizes = m.legs.map(|leg| points[leg.point].connections.len() as f64);
        is_sure(sizes[0] * sizes[1], bits)
    });
    let content = |(m, _): &(Meeting, f64)| digests.get(&m.legs[0]).map(|d| both(d));
    let (mut sure, unsupported) = supported(sure, |(m, _)| m, content);
    several.extend(unsupported.into_iter().map(|(m, _)| m));

    let joined: Vec<&Meeting> = sure.iter().map(|(m, _)| m).collect();
    let (claims, disputed) = undisputed(claims(legs, &groups, &digests), &joined);
    let (mut named, open) = supported(claims, |m| m, |m| Some(m.front));
    let (agreed, open): (Vec<_>, Vec<_>) = open
        .into_iter()
        .partition(|m| matches!(compared(m), Agreed::Equal(bits) if bits >= NAMED_BITS));
    named.extend(agreed);
    let mut unsure: Vec<Meeting> = disputed.into_iter().chain(open).collect();

    // What a proxy says goes before what bytes alone tell.
    let fronts: Set<usize> = named.iter().map(|m| m.front).collect();
    let backs: Set<usize> = named.iter().map(|m| m.back).collect();
    sure.retain(|(m, _)| !fronts.contains(&m.front) && !backs.contains(&m.back));
    let how = |tier, bits| Joined { tier, bits };
    let mut links: Vec<(usize, usize, Joined)> =
        named.iter().map(|m| (m.front, m.back, how(Tier::ProxyHeader, HEADER_BITS))).collect();
    links.extend(sure.iter().map(|(m, bits)| (m.front, m.back, how(Tier::Payload, *bits))));
    // Who has found its partner looks for no other.
    let settled: Set<usize> = links.iter().flat_map(|link| [link.0, link.1]).collect();
    for (tier, meetings) in [
        (Tier::ProxyHeader, &mut unsure),
        (Tier::Payload, &mut several),
        (Tier::None, &mut possible),
    ] {
        meetings.retain(|m| [m.front, m.back].iter().all(|group| !settled.contains(group)));
        note(&mut groups, meetings, tier);
    }
    chain(groups, &links)
}

/// Of meetings with equal payload, those of which either side has no other, and that are sure by their bits. Payload that
/// connections besides them carry at the same point tells nobody apart.
fn alone(
    equal: Vec<(Meeting, f64)>,
    digests: &Digests<'_>,
    is_sure: impl Fn(&Meeting, f64) -> bool,
) -> (Vec<(Meeting, f64)>, Vec<Meeting>) {
    let mut partners: Map<(bool, usize), usize> = Map::default();
    for (m, _) in &equal {
        *partners.entry((true, m.front)).or_default() += 1;
        *partners.entry((false, m.back)).or_default() += 1;
    }
    // Proxies behind each other carry one payload several times.
    let numbers: Map<Leg, usize> = digests.keys().copied().zip(0..).collect();
    let mut chains = UnionFind::<usize>::new(numbers.len());
    for (m, _) in &equal {
        if let [Some(a), Some(b)] = m.legs.map(|leg| numbers.get(&leg)) {
            chains.union(*a, *b);
        }
    }
    let mut carriers: Map<_, Option<usize>> = Map::default();
    for (leg, digests) in digests {
        let chain = chains.find(numbers[leg]);
        let only = carriers.entry((leg.point, both(digests))).or_insert(Some(chain));
        *only = only.filter(|known| *known == chain);
    }
    let singled_out = |leg: &Leg| {
        digests
            .get(leg)
            .is_some_and(|d| carriers.get(&(leg.point, both(d))).is_some_and(Option::is_some))
    };
    let (sure, several): (Vec<_>, Vec<_>) = equal.into_iter().partition(|(m, bits)| {
        partners[&(true, m.front)] == 1
            && partners[&(false, m.back)] == 1
            && m.legs.iter().all(singled_out)
            && is_sure(m, *bits)
    });
    (sure, several.into_iter().map(|(m, _)| m).collect())
}

fn both(digests: &[StreamDigest; 2]) -> [(u64, bool, &[u64]); 2] {
    digests.each_ref().map(StreamDigest::content)
}

/// Splits off meetings of hosts that nothing but what they carried links, unless several different ones do, all as far
/// apart in time: programs ask for the same things in many places, but not in step. What makes them different is their
/// `content`.
fn supported<M, C: PartialEq>(
    sure: Vec<M>,
    meeting: impl Fn(&M) -> &Meeting,
    content: impl Fn(&M) -> Option<C>,
) -> (Vec<M>, Vec<M>) {
    let mut by_hosts: Map<_, Vec<&M>> = Map::default();
    for m in &sure {
        if let Some(hosts) = meeting(m).hosts {
            by_hosts.entry(hosts).or_default().push(m);
        }
    }
    let mut in_step: Map<_, i64> = Map::default();
    for (hosts, mut meetings) in by_hosts {
        meetings.sort_by_key(|m| meeting(m).apart);
        let median = meeting(meetings[meetings.len() / 2]).apart;
        let all = meetings.len();
        meetings.retain(|m| is_in_step(meeting(m), median));
        let mut contents: Vec<C> = Vec::new();
        for content in meetings.iter().filter_map(|m| content(m)) {
            if contents.len() < FEWEST_STREAMS && !contents.contains(&content) {
                contents.push(content);
            }
        }
        // Four of five: a few may be equal by chance.
        if contents.len() >= FEWEST_STREAMS && meetings.len() * 5 >= all * 4 {
            in_step.insert(hosts, median);
        }
    }
    sure.into_iter().partition(|m| {
        let m = meeting(m);
        let median = |hosts| in_step.get(&hosts);
        m.hosts.is_none_or(|hosts| median(hosts).is_some_and(|&median| is_in_step(m, median)))
    })
}

fn is_in_step(meeting: &Meeting, median: i64) -> bool {
    meeting.apart.abs_diff(median) <= IN_STEP
}

/// What two legs have in common.
enum Agreed {
    /// All that was seen of both, worth so many bits.
    Equal(f64),
    Differs,
    /// Too little was seen.
    Unknown,
}

fn agree(front: &[StreamDigest; 2], back: &[StreamDigest; 2]) -> Agreed {
    let compared = Direction::BOTH.map(|d| front[d as usize].compare(&back[d as usize]));
    if compared.contains(&Agreement::Differs) {
        return Agreed::Differs;
    }
    let (mut bytes, mut fewest, mut bits) = (0, 0, 0.0);
    for (agreement, digest) in compared.iter().zip(front) {
        let equal = match agreement {
            Agreement::Equal => digest.len(),
            // A proxy for HTTP may leave the first lines as they are.
            Agreement::Begins(equal) => {
                fewest = ENOUGH_BEGUN;
                *equal
            }
            _ => return Agreed::Unknown,
        };
        bytes += equal;
        bits += digest.worth(equal);
    }
    // Other bytes have the same hash with a probability of their number in 2⁶¹.
    let most = 61.0 - (bytes.max(1) as f64).log2();
    let says_something = bytes >= fewest && bits >= 1.0;
    if says_something { Agreed::Equal(bits.min(most)) } else { Agreed::Unknown }
}

fn note(groups: &mut [Group], meetings: &[Meeting], tier: Tier) {
    // A proxy goes on at once: of several connections, the sooner one is the likelier.
    let lags = meetings.iter().filter(|m| m.one_clock && m.apart >= 0).map(|m| m.apart);
    let mut lags: Vec<i64> = lags.collect();
    lags.sort_unstable();
    let usual = lags.get(lags.len() / 4).copied().unwrap_or(0).max(SHORTEST_LAG) as f64;
    let begun = match tier {
        Tier::ProxyHeader => NAMED_ODDS,
        Tier::Payload => PAYLOAD_ODDS,
        _ => TIMING_ODDS,
    };
    let odds = |m: &Meeting| match m.apart {
        _ if !m.one_clock || tier == Tier::ProxyHeader => begun,
        lag @ 0.. => begun * (-(lag as f64) / usual).exp(),
        _ => SHARED_ODDS,
    };
    let mut likely: Vec<(f64, &Meeting)> = meetings.iter().map(|m| (odds(m), m)).collect();
    likely.retain(|(odds, _)| *odds >= LEAST_ODDS);
    // Of many, a few are told: the likeliest.
    likely.sort_by(|(a, m), (b, n)| {
        b.total_cmp(a).then_with(|| (m.front, m.back).cmp(&(n.front, n.back)))
    });
    for (odds, m) in likely {
        groups[m.front].may_be(Likely { group: m.back, tier, odds });
        groups[m.back].may_be(Likely { group: m.front, tier, odds });
    }
}

/// Equal bytes below which nothing is claimed where more followed at one point than at the other.
const ENOUGH_BEGUN: u64 = 16_384;

/// How much longer or shorter than usual a proxy takes, and what clocks drift, nanoseconds.
const IN_STEP: u64 = 1_000_000_000;

/// Different streams that must be equal on both sides before two addresses count as those of one host.
const FEWEST_STREAMS: usize = 3;

/// Odds of a pair of which a header names the one, where nothing else says that it is this use of the four-tuple.
const NAMED_ODDS: f64 = 1_000.0;

/// Odds of a pair with equal payload, of which there is more than one, and of a pair that only began when it should.
const PAYLOAD_ODDS: f64 = 20.0;
const TIMING_ODDS: f64 = 1.0;

/// Odds of a pair of which the proxy's own side is older.
const SHARED_ODDS: f64 = 0.5;

/// Odds that are not worth telling.
const LEAST_ODDS: f64 = 0.02;

/// A lag that is nothing: nanoseconds.
const SHORTEST_LAG: i64 = 1_000_000;

/// What a proxy's header is worth in bits: two addresses and two ports, of which many are used often.
const HEADER_BITS: f64 = 64.0;

/// What equal payload must be worth in bits where a header names the only connection with its four-tuple.
const NAMED_BITS: f64 = 16.0;
