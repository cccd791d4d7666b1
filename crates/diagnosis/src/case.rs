//! One path under suspicion.

use crosscap_correlation::{Correlation, Ladder, Leg, LegSighting, Path, Role, Row};
use crosscap_packet::{Endpoint, FrameRef, SeqNumber, TcpFlags, Timestamp};
use crosscap_reassembly::{Connection, Direction, Phase, Sighting, Silence};

use crate::deletion::Broken;
use crate::finding::{Evidence, Fact, Finding, FindingId, HungSide, Severity};
use crate::population::{Population, Service};

/// Everything the rules may ask about one path.
pub(crate) struct Case<'a> {
    pub(crate) correlation: &'a Correlation,
    pub(crate) population: &'a Population,
    pub(crate) index: usize,
    pub(crate) path: &'a Path,
    /// Which of its stages is looked at: sequence numbers can be compared within one only.
    pub(crate) stage: u8,
    /// The connections of its legs.
    pub(crate) connections: &'a [Connection],
    /// Its packets; empty while only screening.
    pub(crate) ladder: &'a Ladder,
}

/// A leg with its place in the path.
#[derive(Clone, Copy)]
pub(crate) struct LegView<'a> {
    pub(crate) place: usize,
    pub(crate) leg: Leg,
    pub(crate) connection: &'a Connection,
}

impl<'a> Case<'a> {
    fn view(&self, place: usize) -> LegView<'a> {
        let leg = self.path.legs[place];
        LegView { place, leg, connection: &self.connections[place] }
    }

    /// The leg nearest the client, unless only the server's side was captured.
    pub(crate) fn orig_side(&self) -> Option<LegView<'a>> {
        let first = self.first();
        let [orig, resp] = self.sides();
        (orig || (!resp && !self.is_server_side(first))).then_some(first)
    }

    /// The leg nearest the server, unless only the client's side was captured.
    pub(crate) fn resp_side(&self) -> Option<LegView<'a>> {
        let [orig, resp] = self.sides();
        let leg = if resp { self.regular().last()? } else { self.first() };
        (resp || (!orig && self.is_server_side(leg))).then_some(leg)
    }

    /// Whether the first leg is known to lie at the client's side and the last at the server's, by what lies between
    /// them: a translation, or no router between a leg and its host. Two points beside each other are one side.
    fn sides(&self) -> [bool; 2] {
        let (Some(first), Some(last)) = (self.regular().next(), self.regular().last()) else {
            return [false; 2];
        };
        let translated = (first.connection.orig, first.connection.resp)
            != (last.connection.orig, last.connection.resp);
        let fresh = |leg, direction| translated || unrouted(leg, direction) == Some(true);
        let proven = self.path.ordered || self.is_translated_in_order();
        [fresh(first, Direction::Orig), fresh(last, Direction::Resp)].map(|side| side && proven)
    }

    /// Whether packets prove which of the legs lie before the one translation and which behind it. Those on one side of it
    /// may stand in any order: each is at that side.
    fn is_translated_in_order(&self) -> bool {
        let ends = |leg: LegView<'_>| (leg.connection.orig, leg.connection.resp);
        let legs: Vec<_> = self.regular().collect();
        let mut changes = legs.windows(2).filter(|pair| ends(pair[0]) != ends(pair[1]));
        let change = changes.next().filter(|_| changes.next().is_none());
        change.is_some_and(|pair| !self.path.ties.contains(&pair[0].place))
    }

    /// Whether a leg lies at the host of one end itself, as far as packets tell: no router lies between them, and its
    /// point sees the connection only there.
    pub(crate) fn is_at(&self, leg: LegView<'_>, end: Direction) -> bool {
        let alone = self.regular().all(|l| l.place == leg.place || l.leg.point != leg.leg.point);
        alone && unrouted(leg, end) == Some(true)
    }

    /// Whether a leg with no other to compare with was captured at the server: by the place of its point on other paths,
    /// else by the server's packets having passed no router while the client's have.
    fn is_server_side(&self, leg: LegView<'_>) -> bool {
        match self.correlation.roles[leg.leg.point] {
            Role::RespSide => true,
            Role::OrigSide => false,
            _ => {
                unrouted(leg, Direction::Resp) == Some(true)
                    && unrouted(leg, Direction::Orig) == Some(false)
            }
        }
    }

    /// The legs that are no strays, from client to server.
    pub(crate) fn regular(&self) -> impl Iterator<Item = LegView<'a>> + '_ {
        self.legs().filter(|v| !v.leg.stray)
    }

    /// The legs of all stages that are no strays, from client to server.
    pub(crate) fn all_regular(&self) -> impl Iterator<Item = LegView<'a>> + '_ {
        (0..self.path.legs.len()).map(|place| self.view(place)).filter(|v| !v.leg.stray)
    }

    fn legs(&self) -> impl Iterator<Item = LegView<'a>> + '_ {
        let legs = (0..self.path.legs.len()).map(|place| self.view(place));
        legs.filter(|v| v.leg.stage == self.stage)
    }

    /// The first leg: no stray, unless all are.
    fn first(&self) -> LegView<'a> {
        self.legs().next().unwrap_or_else(|| self.view(0))
    }

    /// The stray legs.
    pub(crate) fn strays(&self) -> impl Iterator<Item = LegView<'a>> + '_ {
        self.legs().filter(|v| v.leg.stray)
    }

    /// The name of a leg's point.
    pub(crate) fn point_name(&self, leg: LegView<'_>) -> &'a str {
        &self.correlation.points[leg.leg.point].name
    }

    /// The service as the client addresses it.
    pub(crate) fn scope(&self) -> Endpoint {
        self.first().connection.resp
    }

    pub(crate) fn service(&self) -> &'a Service {
        self.population.service(self.scope())
    }

    /// The packets a leg saw, in order, with their rows.
    pub(crate) fn rows_at(
        &self,
        leg: usize,
    ) -> impl DoubleEndedIterator<Item = (&'a Row, &'a LegSighting)> + '_ {
        self.ladder.rows.iter().filter_map(move |row| Some((row, row.at_leg(leg)?)))
    }

    /// The packets a leg saw from one end behind a frame of its own point.
    pub(crate) fn after(
        &self,
        leg: usize,
        direction: Direction,
        frame: FrameRef,
    ) -> impl DoubleEndedIterator<Item = (&'a Row, &'a Sighting)> + '_ {
        self.rows_at(leg)
            .filter(move |(row, seen)| row.direction == direction && seen.at.frame > frame)
            .map(|(row, seen)| (row, &seen.at))
    }

    /// A fact about a packet that a leg saw.
    pub(crate) fn fact(&self, leg: LegView<'_>, at: &Sighting, text: String) -> Fact {
        self.fact_of(leg.leg.point, &[at.frame], at.time, text)
    }

    pub(crate) fn fact_of(
        &self,
        point: usize,
        frames: &[FrameRef],
        time: Timestamp,
        text: String,
    ) -> Fact {
        Fact { text, path: self.index, point, frames: frames.to_vec(), time }
    }

    /// The facts of the handshake, where it was captured.
    pub(crate) fn set_up(&self, leg: LegView<'_>) -> Option<Fact> {
        let c = leg.connection;
        c.isn_pair()?;
        let syns = Direction::BOTH.map(|d| c.flow(d).first);
        let frames: Vec<FrameRef> = syns.iter().flatten().map(|s| s.frame).collect();
        let via = match self.resp_side() {
            Some(far) if far.connection.resp != c.resp => {
                format!(", which NAT led to {}", far.connection.resp)
            }
            _ => String::new(),
        };
        let text = format!("{} opened the connection to {}{via}.", c.orig, c.resp);
        Some(self.fact_of(leg.leg.point, &frames, c.first().time, text))
    }

    /// Whether the capture of a point was running at a time that another point's clock tells, and holds whatever passes.
    pub(crate) fn covers(&self, point: usize, other: usize, time: Timestamp) -> bool {
        let p = &self.correlation.points[point];
        if !self.holds_all(point) {
            return false;
        }
        let (Some(first), Some(last)) = (p.first, p.last) else { return false };
        let bounds = |point, time| self.correlation.to_reference(point, time);
        let (Some([_, _, begin]), Some([end, _, _]), Some([low, _, high])) =
            (bounds(point, first), bounds(point, last), bounds(other, time))
        else {
            return false;
        };
        begin <= low && high <= end
    }

    /// Whether no filter is known that keeps packets out of the capture of a point.
    pub(crate) fn holds_all(&self, point: usize) -> bool {
        let selection = self.correlation.selections[point];
        !selection.one_direction && !selection.handshakes_only
    }

    /// Whether the capture of a leg holds packets of both directions: else it does not tell how the other end took leave.
    pub(crate) fn sees_both_ends(&self, leg: LegView<'_>) -> bool {
        !self.correlation.selections[leg.leg.point].one_direction
    }

    /// Whether a leg that lacks a packet of one end says that the packet did not come there: its capture was running at that
    /// time of another point's clock, records packets of that end, and is not known to have missed any.
    pub(crate) fn would_show(
        &self,
        leg: LegView<'_>,
        from: Direction,
        other: usize,
        time: Timestamp,
    ) -> bool {
        self.covers(leg.leg.point, other, time)
            && leg.connection.flow(from).first.is_some()
            && !self.population.is_gappy(leg.leg.point)
    }

    /// Whether everything that an end had sent up to a silence was acknowledged: what follows is no mere retransmission.
    pub(crate) fn was_idle(&self, leg: LegView<'_>, silence: &Silence) -> bool {
        let speaker = silence.first_speaker;
        let Some(acked) = leg.connection.flow(speaker.reverse()).acked else { return false };
        self.rows_at(leg.place)
            .filter(|(row, seen)| row.direction == speaker && seen.at.frame <= silence.before.frame)
            .all(|(_, seen)| seen.at.segment.seq_end().ahead_of(acked) <= 0)
    }

    /// The first packet with payload that a leg saw from one end and that covers a sequence number.
    pub(crate) fn carrying(
        &self,
        leg: usize,
        direction: Direction,
        seq: SeqNumber,
    ) -> Option<(&'a Row, &'a Sighting)> {
        let covers = |s: &Sighting| {
            seq.ahead_of(s.segment.seq) >= 0 && s.segment.seq_end().ahead_of(seq) > 0
        };
        self.rows_at(leg)
            .find(|(row, seen)| row.direction == direction && covers(&seen.at))
            .map(|(row, seen)| (row, &seen.at))
    }

    /// Whether a packet that a leg at the client's side saw is known to have passed the NAT: it came from there, or
    /// arrived beyond it, or was acknowledged. What a client sends in vain does not keep a session alive.
    fn passed(&self, near: LegView<'_>, row: &Row, at: &Sighting) -> bool {
        let s = &at.segment;
        if row.direction == Direction::Resp {
            return !s.flags.contains(TcpFlags::RST);
        }
        let reaches = |next: Option<SeqNumber>| {
            s.seq_len() > 0 && next.is_some_and(|n| n.ahead_of(s.seq_end()) >= 0)
        };
        let arrived = |leg: LegView<'_>| {
            row.at_leg(leg.place).is_some()
                || reaches(leg.connection.flow(Direction::Orig).next_seq())
        };
        self.regular().any(|leg| leg.place != near.place && arrived(leg))
            || reaches(near.connection.flow(Direction::Resp).acked)
    }

    fn passed_before(
        &self,
        near: LegView<'a>,
        frame: FrameRef,
    ) -> impl Iterator<Item = (&'a Row, &'a Sighting)> + '_ {
        self.rows_at(near.place)
            .map(|(row, seen)| (row, &seen.at))
            .filter(move |(row, at)| at.frame < frame && self.passed(near, row, at))
    }

    /// The last packet of either end that passed the NAT before a frame of the leg's point.
    pub(crate) fn last_before(&self, near: LegView<'a>, frame: FrameRef) -> Option<&'a Sighting> {
        self.passed_before(near, frame).map(|(_, at)| at).max_by_key(|s| s.frame)
    }

    /// The sequence number behind everything from one end that passed the NAT before a frame of the leg's point.
    pub(crate) fn next_seq_before(
        &self,
        near: LegView<'a>,
        direction: Direction,
        frame: FrameRef,
    ) -> Option<SeqNumber> {
        self.passed_before(near, frame)
            .filter(|(row, at)| {
                row.direction == direction && !at.segment.flags.contains(TcpFlags::RST)
            })
            .map(|(_, at)| at.segment.seq_end())
            .reduce(|highest, end| if end.ahead_of(highest) > 0 { end } else { highest })
    }

    /// Whether what a client sent last looks like the bookkeeping of its protocol (a ping, a window update, a goodbye)
    /// and not like a request: tiny, where the connection's requests are not, or where none was captured.
    pub(crate) fn is_bookkeeping(&self, leg: LegView<'_>, sent: &Sighting) -> bool {
        let (size, seq) = (sent.segment.payload_len, sent.segment.seq);
        let sizes = |leg: LegView<'_>| {
            let rows = self.rows_at(leg.place).filter(|(row, _)| row.direction == Direction::Orig);
            let sent = rows.map(|(_, seen)| seen.at.segment);
            sent.filter(|s| seq.ahead_of(s.seq) > 0).map(|s| s.payload_len).max().unwrap_or(0)
        };
        // A capture that began late lacks the requests; another may have them.
        let legs = || self.regular().chain([leg]);
        let whole = legs().any(|leg| leg.connection.flow(Direction::Orig).isn.is_some());
        let most = legs().map(sizes).max().unwrap_or(0);
        size <= TINY && (most >= 4 * size || (most == 0 && !whole))
    }

    /// A silence of a leg that broke the connection.
    pub(crate) fn broken(
        &self,
        leg: LegView<'_>,
        phase: Phase,
        [before, after]: [&Sighting; 2],
        client_refused: bool,
    ) -> Broken {
        let at = |time| self.correlation.reference_estimate(leg.leg.point, time);
        let nanos = after.time.since(before.time);
        let (from, to) = (at(before.time), at(after.time));
        Broken { scope: self.scope(), phase, from, to, nanos, client_refused }
    }

    /// A finding about this path alone, as sure as its rivals and what is missing allow.
    pub(crate) fn finding(
        &self,
        id: FindingId,
        severity: Severity,
        title: String,
        evidence: Evidence,
    ) -> Finding {
        let Evidence { facts, rivals, would_decide, advice } = evidence;
        Finding {
            id,
            severity,
            verdict: Finding::verdict_of(&rivals, &would_decide),
            title,
            paths: vec![self.index],
            spans: Vec::new(),
            broken: None,
            hung_side: self.hung_side(),
            facts,
            rivals,
            would_decide,
            advice,
        }
    }

    /// Which end is left waiting. A reset on a stray leg closes the end that receives it only; one on a regular leg
    /// closes both, whether or not its arrival was captured.
    pub(crate) fn hung_side(&self) -> HungSide {
        let open = |leg: LegView<'_>| {
            let ended = leg.connection.is_reset() || leg.connection.is_closed();
            !ended && self.sees_both_ends(leg)
        };
        let reset_by = |end| self.regular().any(|l| l.connection.flow(end).reset().is_some());
        let reset_away =
            self.strays().find_map(|s| Some((s, s.connection.flow(Direction::Orig).reset()?)));
        let unwatched = |far: LegView<'_>| {
            reset_away.is_some_and(|(s, r)| !self.covers(far.leg.point, s.leg.point, r.at.time))
        };
        let near = self.orig_side().or_else(|| self.resp_side());
        let orig = near.is_some_and(open) && (reset_away.is_some() || !reset_by(Direction::Resp));
        let resp = match self.resp_side() {
            Some(far) => open(far) && !unwatched(far) && !reset_by(Direction::Orig),
            None => orig && reset_away.is_none(),
        };
        match (orig, resp) {
            (true, true) => HungSide::Both,
            (true, false) => HungSide::Orig,
            (false, true) => HungSide::Resp,
            (false, false) => HungSide::None,
        }
    }
}

/// Whether the packets of one end have their first time to live: no router lies between it and the leg.
fn unrouted(leg: LegView<'_>, end: Direction) -> Option<bool> {
    leg.connection.flow(end).first.map(|s| s.segment.has_initial_ttl())
}

/// Frames of HTTP/2, WebSocket and TLS that ask for no answer are no larger, bytes.
const TINY: u32 = 64;
