//! What was found, against the truth. The benchmark of matching uses it, too.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use crosscap_correlation::{Correlation, Leg, Tier};
use crosscap_packet::TcpFlags;
use crosscap_reassembly::{Connection, Direction};
use crosscap_testkit::Simulation;

/// How two legs of one connection can be known to be one.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum By {
    /// Both have both initial sequence numbers.
    IsnPair,
    /// They share one, and the client's port or the timestamp beside it.
    OneIsn,
    /// One has no handshake; both have both directions and the client's port.
    Range,
    /// One came untranslated, behind the other at the same point.
    Stray,
    /// Less than that.
    Less,
}

/// Of each way to know, how many pairs of legs were joined, and how many there are.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    /// Paths with legs of more than one connection: why they were joined, and what they are.
    pub(crate) wrong: Vec<(Tier, String)>,
    pub(crate) found: BTreeMap<By, [u64; 2]>,
}

impl Verdict {
    pub(crate) fn of(sim: &Simulation, owners: &[Vec<Option<u32>>], found: &Correlation) -> Self {
        let mut verdict = Self::default();
        let mut legs_of: BTreeMap<u32, Vec<(Leg, usize)>> = BTreeMap::new();
        let mut placed = 0;
        let owner = |leg: Leg| owners[leg.point][leg.connection];
        for (index, path) in found.paths.iter().enumerate() {
            let mut known = path.legs.iter().filter_map(|&leg| owner(leg));
            let first = known.next();
            if known.any(|id| Some(id) != first) {
                let legs = path.legs.iter().map(|&leg| {
                    let kind = owner(leg).map(|id| (id, sim.connection(id).kind));
                    let c = leg.of(&found.points);
                    format!("{leg:?} {} {} {:?} {kind:?}", c.orig, c.resp, c.isn_pair())
                });
                let legs: Vec<String> = legs.collect();
                verdict.wrong.push((path.matched.tier, legs.join("; ")));
            }
            placed += path.legs.len();
            for &leg in &path.legs {
                if let Some(id) = owner(leg) {
                    legs_of.entry(id).or_default().push((leg, index));
                }
            }
        }
        assert_eq!(placed, owners.iter().map(Vec::len).sum::<usize>(), "each leg in one path");
        for (id, legs) in legs_of {
            for (i, &(a, path_of_a)) in legs.iter().enumerate() {
                for &(b, path_of_b) in &legs[i + 1..] {
                    let Some(by) = by(sim, id, found, a, b) else { continue };
                    let [joined, all] = verdict.found.entry(by).or_default();
                    *all += 1;
                    *joined += u64::from(path_of_a == path_of_b);
                }
            }
        }
        verdict
    }

    /// Joined and all pairs of legs.
    pub(crate) fn recall(&self, by: By) -> [u64; 2] {
        self.found.get(&by).copied().unwrap_or_default()
    }
}

/// How two legs of the connection `id` can be known to be one; `None` where they are the same packets at one point, or
/// its numbers are no secret.
fn by(sim: &Simulation, id: u32, found: &Correlation, a: Leg, b: Leg) -> Option<By> {
    let truth = sim.connection(id);
    let [x, y] = [a, b].map(|leg| leg.of(&found.points));
    let is_stray = |leg: Leg, c: &Connection| {
        let ends = [c.orig, c.resp].map(|e| SocketAddr::new(e.addr, e.port));
        let mut regular = truth.legs.iter().filter(|l| l.point == leg.point);
        !regular.any(|l| ends == [l.orig, l.resp] || ends == [l.resp, l.orig])
    };
    if is_stray(a, &x) || is_stray(b, &y) {
        return (a.point == b.point).then_some(By::Stray);
    }
    if x.isn_pair().is_some() && y.isn_pair().is_some() {
        return Some(By::IsnPair);
    }
    let same_port = x.orig.port == y.orig.port;
    let syn = |c: &Connection, direction| {
        let first = c.flow(direction).first?;
        first.segment.flags.contains(TcpFlags::SYN).then_some(first.segment)
    };
    let asked_only = [&x, &y].iter().all(|c| {
        let orig = c.flow(Direction::Orig);
        orig.bytes == 0 && orig.acked.is_none()
    });
    let shares = |direction| {
        let (Some(x), Some(y)) = (syn(&x, direction), syn(&y, direction)) else { return false };
        let stamped = x.timestamps.is_some() && x.timestamps == y.timestamps;
        // Scanners ask many hosts with one number from one port.
        let counted = x.ip_id != 0 && x.ip_id == y.ip_id;
        let told = stamped || counted || !asked_only;
        x.seq == y.seq && (same_port || stamped) && told
    };
    if Direction::BOTH.into_iter().any(shares) {
        return Some(By::OneIsn);
    }
    let both_ways = |c: &Connection| Direction::BOTH.iter().all(|&d| c.flow(d).first.is_some());
    let midstream = x.is_midstream() || y.is_midstream();
    Some(if midstream && both_ways(&x) && both_ways(&y) && same_port {
        By::Range
    } else {
        By::Less
    })
}
