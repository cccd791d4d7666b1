//! What the other connections say: how much silence they outlived, how long answers usually take.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crosscap_correlation::{Correlation, Leg, Path};
use crosscap_packet::{Endpoint, Timestamp};
use crosscap_reassembly::{Connection, Direction, Phase};
use rayon::prelude::*;

/// All connections to one service, as the clients address it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Service {
    /// Longest silence outlived, by phase and by who ended it, nanoseconds.
    pub(crate) outlived: [[Option<i64>; 2]; 2],
    /// Median over connections of the longest time an answer took, nanoseconds.
    pub(crate) median_wait: i64,
    /// Connections with an answer.
    pub(crate) answered: usize,
    /// Points beyond that of the client that saw its connections.
    pub(crate) far_points: BTreeSet<usize>,
    /// Connections that the server answered and that no such point saw.
    pub(crate) unseen_beyond: usize,
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
    /// For each host at each point: when both ends of its connections were heard.
    hosts: BTreeMap<(usize, IpAddr), Lives>,
    /// For each originator at each point: paths of which that point saw a SYN-ACK and no SYN.
    answers: BTreeMap<(usize, Endpoint), Vec<usize>>,
    /// Points whose captures lack packets that they should have: an end acknowledged bytes that were not recorded.
    gappy: BTreeSet<usize>,
    nothing: Service,
}

impl Population {
    pub(crate) fn of(correlation: &Correlation) -> Self {
        let paths = correlation.paths.par_iter().enumerate();
        let tally =
            paths.fold(Tally::default, |tally, (index, path)| tally.with(correlation, index, path));
        let Tally { services, hosts, mut answers, gappy } =
            tally.reduce(Tally::default, Tally::and);
        let finish = |(mut service, mut waits): (Service, Vec<i64>)| {
            waits.sort_unstable();
            service.waited_out.sort_unstable();
            service.lifetimes.sort_unstable();
            service.answered = waits.len();
            service.median_wait = waits.get(waits.len() / 2).copied().unwrap_or_default();
            service
        };
        let services = services.into_iter().map(|(scope, s)| (scope, finish(s))).collect();
        let hosts = hosts.into_iter().map(|(host, spans)| (host, Lives::of(&spans))).collect();
        answers.values_mut().for_each(|paths| paths.sort_unstable());
        Self { services, hosts, answers, gappy, nothing: Service::default() }
    }

    /// Whether the capture of a point is known to lack packets.
    pub(crate) fn is_gappy(&self, point: usize) -> bool {
        self.gappy.contains(&point)
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
        self.hosts.get(&(point, host)).map_or(0, |spans| spans.between(from, to).min(ENOUGH_ALIVE))
    }

    /// Paths of which a point saw a SYN-ACK to this originator and no SYN.
    pub(crate) fn answers(&self, point: usize, orig: Endpoint) -> &[usize] {
        self.answers.get(&(point, orig)).map_or(&[], Vec::as_slice)
    }

    /// Whether a point recorded both ends of any connection of a host.
    pub(crate) fn hears(&self, point: usize, host: IpAddr) -> bool {
        self.hosts.contains_key(&(point, host))
    }

    pub(crate) fn services(&self) -> impl Iterator<Item = (Endpoint, &Service)> {
        self.services.iter().map(|(scope, service)| (*scope, service))
    }
}

/// From when to when both ends of connections were heard, reference time. Counts without looking at each.
#[derive(Debug)]
struct Lives {
    /// Beginnings, ascending.
    since: Vec<Timestamp>,
    /// Ends, ascending.
    until: Vec<Timestamp>,
}

impl Lives {
    /// Of pairs of end and beginning.
    fn of(spans: &[(Timestamp, Timestamp)]) -> Self {
        let mut since: Vec<Timestamp> = spans.iter().map(|(_, since)| *since).collect();
        let mut until: Vec<Timestamp> =
            spans.iter().map(|(until, since)| *until.max(since)).collect();
        since.sort_unstable();
        until.sort_unstable();
        Self { since, until }
    }

    /// How many were alive at some time from `from` to `to`.
    fn between(&self, from: Timestamp, to: Timestamp) -> usize {
        let begun = self.since.partition_point(|since| *since <= to);
        // Who ended before that began before that.
        begun.saturating_sub(self.until.partition_point(|until| *until < from))
    }
}

/// A population being counted: services with the longest waits of their connections, and hosts. In no order.
#[derive(Default)]
struct Tally {
    services: BTreeMap<Endpoint, (Service, Vec<i64>)>,
    hosts: BTreeMap<(usize, IpAddr), Vec<(Timestamp, Timestamp)>>,
    answers: BTreeMap<(usize, Endpoint), Vec<usize>>,
    gappy: BTreeSet<usize>,
}

impl Tally {
    fn with(mut self, correlation: &Correlation, index: usize, path: &Path) -> Self {
        let of = |leg: Leg| (leg, leg.of(&correlation.points));
        let mut legs: Vec<(Leg, Connection)> = path.regular().map(of).collect();
        if legs.is_empty() {
            legs.push(of(path.orig_leg()));
        }
        // What lies behind a proxy is a service of its own.
        for legs in legs.chunk_by(|a, b| a.0.stage == b.0.stage) {
            self.count(correlation, index, legs);
        }
        self
    }

    /// Counts the legs of one stage.
    fn count(&mut self, correlation: &Correlation, index: usize, legs: &[(Leg, Connection)]) {
        let (Some((orig_leg, near)), Some((_, far))) = (legs.first(), legs.last()) else {
            return;
        };
        let (service, waits) = self.services.entry(near.resp).or_default();
        if legs.len() > 1 {
            let points = legs.iter().map(|(leg, _)| leg.point);
            service.far_points.extend(points.filter(|p| *p != orig_leg.point));
        } else if near.flow(Direction::Resp).first.is_some() {
            service.unseen_beyond += 1;
        }
        for phase in [Phase::Established, Phase::HalfClosed] {
            for speaker in Direction::BOTH {
                let Some((nanos, span)) = outlived(correlation, legs, phase, speaker) else {
                    continue;
                };
                let slot = &mut service.outlived[phase as usize][speaker as usize];
                *slot = (*slot).max(Some(nanos));
                if speaker == Direction::Resp {
                    service.waited_out.push(span);
                }
            }
        }
        if let Some(last) = near.flow(Direction::Resp).last {
            let at = |time| correlation.reference_estimate(orig_leg.point, time);
            service.lifetimes.push((at(near.first().time), at(last.time)));
        }
        waits.extend(far.longest_wait.as_ref().map(|w| w.nanos()));
        for (leg, c) in legs {
            if c.flow(Direction::Orig).isn.is_none() && c.flow(Direction::Resp).isn.is_some() {
                self.answers.entry((leg.point, c.orig)).or_default().push(index);
            }
            if Direction::BOTH.iter().any(|d| c.flow(*d).gaps > 0) {
                self.gappy.insert(leg.point);
            }
            let [Some(orig), Some(resp)] = Direction::BOTH.map(|d| c.flow(d).last) else {
                continue;
            };
            let at = |time| correlation.reference_estimate(leg.point, time);
            let both_heard = (at(orig.time.min(resp.time)), at(c.first().time));
            for host in [c.orig.addr, c.resp.addr] {
                self.hosts.entry((leg.point, host)).or_default().push(both_heard);
            }
        }
    }

    fn and(mut self, other: Self) -> Self {
        for (scope, (more, waits)) in other.services {
            let (service, all) = self.services.entry(scope).or_default();
            for (slot, more) in service.outlived.iter_mut().zip(more.outlived) {
                *slot = [slot[0].max(more[0]), slot[1].max(more[1])];
            }
            service.far_points.extend(more.far_points);
            service.unseen_beyond += more.unseen_beyond;
            service.waited_out.extend(more.waited_out);
            service.lifetimes.extend(more.lifetimes);
            all.extend(waits);
        }
        for (host, spans) in other.hosts {
            self.hosts.entry(host).or_default().extend(spans);
        }
        for (orig, paths) in other.answers {
            self.answers.entry(orig).or_default().extend(paths);
        }
        self.gappy.extend(other.gappy);
        self
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

#[cfg(test)]
mod tests {
    use super::{Lives, Timestamp};

    #[test]
    fn lives_are_counted_that_overlap() {
        let spans =
            [(10, 0), (20, 15), (30, 5), (40, 40)].map(|(a, b)| (Timestamp(a), Timestamp(b)));
        let lives = Lives::of(&spans);
        let between = |from, to| lives.between(Timestamp(from), Timestamp(to));
        assert_eq!(
            [between(0, 4), between(11, 14), between(12, 15), between(31, 39)],
            [1, 1, 2, 0]
        );
        assert_eq!([between(10, 100), between(41, 100), between(40, 40)], [4, 0, 1]);
    }
}
