//! What the other connections say: how much silence they outlived, how long answers usually take.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crosscap_correlation::{Correlation, Leg};
use crosscap_packet::{Endpoint, Timestamp};
use crosscap_reassembly::{Connection, Direction, Phase};

/// All connections to one service, as the clients address it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Service {
    /// Longest silence outlived, by phase and by who ended it, nanoseconds.
    pub(crate) outlived: [[Option<i64>; 2]; 2],
    /// Median over connections of the longest time an answer took, nanoseconds.
    pub(crate) median_wait: i64,
    /// Connections with an answer.
    pub(crate) answered: usize,
    /// The silences of each connection that the server ended and that were outlived, reference time, sorted.
    waited_out: Vec<(Timestamp, Timestamp)>,
    /// From the first packet of each connection to the last of its server, reference time, sorted.
    lifetimes: Vec<(Timestamp, Timestamp)>,
}

impl Service {
    /// Longest silence that the *server* ended and that was outlived, nanoseconds.
    ///
    /// Only this one proves that a NAT session was still there: a client's packet may silently have opened a new one.
    pub(crate) fn outlived_server_first(&self, phase: Phase) -> Option<i64> {
        self.outlived[phase as usize][Direction::Resp as usize]
    }

    /// Longest silence that a session outlived for certain, nanoseconds. Where clients' packets are seen not to open new
    /// sessions (`clients_refused`), those that a client ended count as well.
    pub(crate) fn outlived(&self, phase: Phase, clients_refused: bool) -> Option<i64> {
        let by_client = self.outlived[phase as usize][Direction::Orig as usize];
        self.outlived_server_first(phase).max(by_client.filter(|_| clients_refused))
    }

    /// Whether at every moment from `from` to `to` some other connection had a session that is known to have lasted: a
    /// session table that is flushed or rebuilt at any of these moments would have broken that one. Where clients'
    /// packets open no new sessions (`clients_refused`) every connection that went on is known; else only one that was
    /// silent until its server spoke.
    pub(crate) fn witnessed(&self, clients_refused: bool, from: Timestamp, to: Timestamp) -> bool {
        let spans = if clients_refused { &self.lifetimes } else { &self.waited_out };
        let mut covered = from;
        for &(begin, end) in spans.iter().take_while(|span| span.0 <= to) {
            if begin > covered {
                break;
            }
            covered = covered.max(end);
        }
        covered >= to
    }
}

/// The services of a correlation, by the responder as the client sees it.
#[derive(Debug)]
pub(crate) struct Population {
    services: BTreeMap<Endpoint, Service>,
    /// For each host at each point: of every connection, until when both ends were heard and from when on, reference
    /// time, sorted.
    hosts: BTreeMap<(usize, IpAddr), Vec<(Timestamp, Timestamp)>>,
    nothing: Service,
}

impl Population {
    pub(crate) fn of(correlation: &Correlation) -> Self {
        let mut services: BTreeMap<Endpoint, (Service, Vec<i64>)> = BTreeMap::new();
        let mut hosts: BTreeMap<(usize, IpAddr), Vec<(Timestamp, Timestamp)>> = BTreeMap::new();
        for path in &correlation.paths {
            // What lies behind a proxy is a service of its own.
            let of = |leg: Leg| (leg, leg.of(&correlation.points));
            let mut legs: Vec<(Leg, Connection)> = path.regular().map(of).collect();
            if legs.is_empty() {
                legs.push(of(path.orig_leg()));
            }
            for legs in legs.chunk_by(|a, b| a.0.stage == b.0.stage) {
                let (Some((orig_leg, near)), Some((_, far))) = (legs.first(), legs.last()) else {
                    continue;
                };
                let (service, waits) = services.entry(near.resp).or_default();
                for phase in [Phase::Established, Phase::HalfClosed] {
                    for speaker in Direction::BOTH {
                        let Some((nanos, span)) = outlived(correlation, legs, phase, speaker)
                        else {
                            continue;
                        };
                        let slot = &mut service.outlived[phase as usize][speaker as usize];
                        *slot = (*slot).max(Some(nanos));
                        if speaker == Direction::Resp {
                            service.waited_out.push(span);
                        }
                    }
                }
                for (leg, c) in legs {
                    let [Some(orig), Some(resp)] = Direction::BOTH.map(|d| c.flow(d).last) else {
                        continue;
                    };
                    let at = |time| correlation.reference_estimate(leg.point, time);
                    let both_heard = (at(orig.time.min(resp.time)), at(c.first().time));
                    for host in [c.orig.addr, c.resp.addr] {
                        hosts.entry((leg.point, host)).or_default().push(both_heard);
                    }
                }
                if let Some(last) = near.flow(Direction::Resp).last {
                    let at = |time| correlation.reference_estimate(orig_leg.point, time);
                    service.lifetimes.push((at(near.first().time), at(last.time)));
                }
                waits.extend(far.longest_wait.as_ref().map(|w| w.nanos()));
            }
        }
        let finish = |(mut service, mut waits): (Service, Vec<i64>)| {
            waits.sort_unstable();
            service.waited_out.sort_unstable();
            service.lifetimes.sort_unstable();
            service.answered = waits.len();
            service.median_wait = waits.get(waits.len() / 2).copied().unwrap_or_default();
            service
        };
        let services = services.into_iter().map(|(scope, s)| (scope, finish(s))).collect();
        hosts.values_mut().for_each(|spans| spans.sort_unstable());
        Self { services, hosts, nothing: Service::default() }
    }

    pub(crate) fn service(&self, scope: Endpoint) -> &Service {
        self.services.get(&scope).unwrap_or(&self.nothing)
    }

    /// How many connections of a host a point saw both ends of between two reference times; at most [`ENOUGH_ALIVE`].
    pub(crate) fn alive(
        &self,
        point: usize,
        host: IpAddr,
        from: Timestamp,
        to: Timestamp,
    ) -> usize {
        let spans = self.hosts.get(&(point, host)).map_or(&[][..], Vec::as_slice);
        let recent = spans.partition_point(|(until, _)| *until < from);
        spans[recent..].iter().filter(|(_, since)| *since <= to).take(ENOUGH_ALIVE).count()
    }

    pub(crate) fn services(&self) -> impl Iterator<Item = (Endpoint, &Service)> {
        self.services.iter().map(|(scope, service)| (*scope, service))
    }
}

/// The longest silence of a path that all its legs agree on: its length, and from when to when by reference time. One leg
/// alone may only have missed packets, and a clock may have stepped.
fn outlived(
    correlation: &Correlation,
    legs: &[(Leg, Connection)],
    phase: Phase,
    speaker: Direction,
) -> Option<(i64, (Timestamp, Timestamp))> {
    // A capture without payload does not know who was silent.
    let tells = |(leg, _): &(Leg, Connection)| !correlation.selections[leg.point].handshakes_only;
    if !legs.iter().all(tells) {
        return None;
    }
    let legs = legs.iter().map(|(leg, c)| {
        let silence = c.silences.as_ref()?.longest_outlived(phase, speaker)?;
        let at = |time| correlation.reference_estimate(leg.point, time);
        let span = (at(silence.before.time), at(silence.after.time));
        // The point's own clock is exact, unless it stepped meanwhile.
        let (own, reference) = (silence.nanos(), span.1.since(span.0));
        Some((if own - reference > own / 100 { reference } else { own }, span))
    });
    legs.collect::<Option<Vec<_>>>()?.into_iter().min_by_key(|(nanos, _)| *nanos)
}

/// More neighbours than this prove no more.
const ENOUGH_ALIVE: usize = 1_000;
