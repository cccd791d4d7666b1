//! Session timers of the devices on the path, bracketed over all connections.

use std::collections::BTreeMap;

use crosscap_packet::Endpoint;
use crosscap_reassembly::{Direction, Phase};

use crate::deletion::Broken;
use crate::devices::{DEVICES, Device};
use crate::finding::{Finding, FindingId, Verdict};
use crate::population::Population;

/// The timer of one service in one phase: longer than the longest silence outlived, no longer than the shortest broken.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct IdleTimeout {
    /// The service, as the clients address it.
    pub scope: Endpoint,
    /// The phase.
    pub phase: Phase,
    /// Longest silence that the session outlived for certain, nanoseconds. The timer is longer. Ended by the server; or by
    /// the client, where clients' packets are seen to be refused once the session is gone.
    pub survived_max: Option<i64>,
    /// Longest silence that the client ended and that was answered, nanoseconds. By itself no bound of the timer: the
    /// client's packet may have opened a new session without anybody noticing.
    pub survived_client_first: Option<i64>,
    /// Shortest silence that broke a connection, nanoseconds. The timer is at most this.
    pub broke_min: Option<i64>,
    /// Known devices, and whether their default lies in between.
    pub candidates: Vec<Candidate>,
}

/// A known device.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Candidate {
    /// Which.
    pub device: Device,
    /// Whether its default fits the bracket, and its way of failing what was seen.
    pub consistent: bool,
}

/// The brackets of all services that were silent for long or broke.
pub(crate) fn timeouts(population: &Population, broken: &[Finding]) -> Vec<IdleTimeout> {
    let mut by_service: BTreeMap<(Endpoint, Phase), Vec<(FindingId, Broken)>> = BTreeMap::new();
    for finding in broken.iter().filter(|f| f.verdict <= Verdict::Likely) {
        if let Some(broken) = finding.broken {
            by_service.entry((broken.scope, broken.phase)).or_default().push((finding.id, broken));
        }
    }
    let mut found = Vec::new();
    for (scope, service) in population.services() {
        for phase in [Phase::Established, Phase::HalfClosed] {
            let mine = by_service.get(&(scope, phase)).map_or(&[][..], Vec::as_slice);
            let broke_min = mine.iter().map(|(_, b)| b.nanos).min();
            let on_node = mine.iter().any(|(id, _)| *id != FindingId::IdleSilentDrop);
            let survived_max = service.outlived(phase, mine.iter().any(|(_, b)| b.client_refused));
            let survived_client_first = service.outlived[phase as usize][Direction::Orig as usize];
            if broke_min.is_none() && survived_max.is_none_or(|s| s < WORTH_TELLING) {
                continue;
            }
            let candidates = DEVICES
                .iter()
                .filter(|d| d.phase == phase)
                .map(|&device| Candidate {
                    device,
                    consistent: fits(&device, survived_max, broke_min, on_node),
                })
                .collect();
            found.push(IdleTimeout {
                scope,
                phase,
                survived_max,
                survived_client_first,
                broke_min,
                candidates,
            });
        }
    }
    found
}

fn fits(device: &Device, survived: Option<i64>, broke: Option<i64>, on_node: bool) -> bool {
    let seconds = |s: u64| i64::try_from(s).unwrap_or(i64::MAX).saturating_mul(1_000_000_000);
    survived.is_none_or(|s| seconds(device.seconds + device.lateness) > s)
        && broke.is_none_or(|b| seconds(device.seconds) <= b)
        && (device.on_node || !on_node)
}

/// A service of which nothing broke is told of only if it outlived a silence of this length, nanoseconds.
const WORTH_TELLING: i64 = 60_000_000_000;
