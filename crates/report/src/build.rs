//! From paths and findings to the report.

mod between;
mod quality;

use std::collections::{BTreeMap, BTreeSet};
use std::iter;

use crosscap_correlation::{ClockPiece, Correlation, Ladder, OneSided, Path, Side};
use crosscap_diagnosis::{self as diagnosis, Diagnosis, RivalStatus};
use crosscap_packet::{FrameRef, LinkType};
use crosscap_reassembly::{Direction, Phase};

use crate::model::{
    Advice, Candidate, Clock, ClockSegment, Connection, Contradiction, Fact, Finding, Generator,
    IdleTimeout, Leg, Loss, Match, MatchCandidate, Point, Quality, Report, Rival, SCHEMA,
};
use crate::{nat, timeline, wireshark};

/// What is known of a point besides its connections.
#[derive(Clone, Debug, Default)]
pub struct PointInfo {
    /// Packets of all protocols.
    pub packets: u64,
    /// Link types of its interfaces.
    pub link_types: Vec<LinkType>,
    /// Largest snap length, bytes; 0 where none is known.
    pub snap_len: u32,
    /// What is wrong with its files.
    pub quality: Vec<Quality>,
}

impl Report {
    /// Builds the report. `infos` are those of the points, in their order; `ladders` are those given to the diagnosis.
    #[must_use]
    pub fn new(
        correlation: &Correlation,
        infos: &[PointInfo],
        diagnosis: &Diagnosis,
        ladders: &BTreeMap<usize, Ladder>,
    ) -> Self {
        let mut connections: Vec<Connection> =
            correlation.paths.iter().map(|p| connection(correlation, p)).collect();
        for finding in &diagnosis.findings {
            for &path in &finding.paths {
                connections[path].findings.push(finding.id.as_str().into());
            }
        }
        let mut shown: Vec<usize> = diagnosis.findings.iter().map(|f| f.paths[0]).collect();
        shown.sort_unstable();
        shown.dedup();
        let timelines = shown
            .iter()
            .filter_map(|path| {
                let cited = cited(diagnosis, *path);
                let ladder = ladders.get(path)?;
                Some(timeline::of(correlation, &correlation.paths[*path], ladder, &cited))
            })
            .collect();
        Self {
            schema: SCHEMA.into(),
            generator: Generator::this(),
            points: (0..correlation.points.len())
                .map(|i| point(correlation, i, infos.get(i).cloned().unwrap_or_default()))
                .collect(),
            unread: Vec::new(),
            nat: nat::mappings(correlation),
            nat_services: nat::services(correlation),
            nat_strays: nat::strays(correlation),
            names: BTreeMap::new(),
            connections,
            not_compared: 0,
            not_examined: 0,
            findings: diagnosis.findings.iter().map(|f| finding(correlation, f)).collect(),
            idle_timeouts: diagnosis.idle_timeouts.iter().map(idle_timeout).collect(),
            timelines,
        }
    }

    /// Whether any finding is worse than `info`.
    #[must_use]
    pub fn has_faults(&self) -> bool {
        self.findings.iter().any(|f| f.severity != diagnosis::Severity::Info.as_str())
    }
}

/// The first and the last frame of each fact about a path, with their points.
fn cited(diagnosis: &Diagnosis, path: usize) -> BTreeSet<(usize, FrameRef)> {
    let facts = diagnosis.findings.iter().flat_map(|f| &f.facts).filter(|f| f.path == path);
    let ends = |fact: &'_ diagnosis::Fact| {
        let frames = [fact.frames.first(), fact.frames.last()];
        frames.into_iter().flatten().map(|frame| (fact.point, *frame)).collect::<Vec<_>>()
    };
    facts.flat_map(ends).collect()
}

fn point(correlation: &Correlation, index: usize, info: PointInfo) -> Point {
    let p = &correlation.points[index];
    Point {
        name: p.name.clone(),
        role: correlation.roles[index].as_str().into(),
        files: p.files.clone(),
        packets: info.packets,
        first_ns: p.first.map(|t| t.as_nanos()),
        last_ns: p.last.map(|t| t.as_nanos()),
        link_types: info.link_types.iter().map(ToString::to_string).collect(),
        snap_len: info.snap_len,
        tcp_connections: p.connections.len() as u64,
        clock: clock(correlation, index),
        quality: info.quality.into_iter().chain(quality::remarks(correlation, index)).collect(),
    }
}

fn clock(correlation: &Correlation, index: usize) -> Clock {
    let reference = correlation.points[0].name.clone();
    let Some(clock) = &correlation.clocks[index] else {
        return one_sided(reference, correlation.one_sided[index]);
    };
    let contradictions = |found: &mut dyn Iterator<Item = &_>| {
        found.map(|c| contradiction(correlation, index, c)).collect::<Vec<_>>()
    };
    let pieces = clock.pieces();
    // Of several pieces, the longest speaks for the clock.
    let Some(main) = clock.main_piece() else {
        return Clock { reference, ..Clock::default() };
    };
    // The reference is itself.
    let remarks = if index == 0 { Vec::new() } else { clock.remarks() };
    let remarks = remarks.iter();
    let told = segment(None, main);
    let [low, skew, high] = main.skew_ppm();
    Clock {
        reference,
        offset_ns: Some(told.offset_ns),
        offset_low_ns: Some(told.offset_low_ns),
        offset_high_ns: Some(told.offset_high_ns),
        at_ref_ns: Some(told.at_ref_ns),
        skew_ppm: Some(skew),
        skew_low_ppm: Some(low),
        skew_high_ppm: Some(high),
        segments: if pieces.len() > 1 { segments(correlation, index, pieces) } else { Vec::new() },
        notes: remarks.map(|r| Quality::new(r.as_str(), r.to_string())).collect(),
        contradictions: contradictions(&mut clock.contradictions().iter()),
    }
}

fn segments(correlation: &Correlation, index: usize, pieces: &[ClockPiece]) -> Vec<ClockSegment> {
    let before = iter::once(None).chain(pieces.iter().map(Some));
    let of = |(before, piece): (Option<&ClockPiece>, &ClockPiece)| {
        let proof = piece.proof.iter().flatten().map(|c| contradiction(correlation, index, c));
        ClockSegment { proof: proof.collect(), ..segment(before, piece) }
    };
    before.zip(pieces).map(of).collect()
}

fn segment(before: Option<&ClockPiece>, piece: &ClockPiece) -> ClockSegment {
    let bounds = piece.offset_at(piece.tightest_at);
    // The clock was set some time between the two: the extremes are at either end, since the bounds of an affine
    // function are convex.
    let step = before.map(|before| {
        let ends = [before.to, piece.from].map(|at| {
            let (was, is) = (before.offset_at(at), piece.offset_at(at));
            [is.low.saturating_sub(was.high), is.high.saturating_sub(was.low)]
        });
        [ends[0][0].min(ends[1][0]), ends[0][1].max(ends[1][1])]
    });
    ClockSegment {
        from_ref_ns: piece.from.as_nanos(),
        to_ref_ns: piece.to.as_nanos(),
        offset_ns: bounds.estimate,
        offset_low_ns: bounds.low,
        offset_high_ns: bounds.high,
        at_ref_ns: piece.tightest_at.as_nanos(),
        kind: piece.begins.map(|kind| kind.as_str().into()),
        step_low_ns: step.map(|[low, _]| low),
        step_high_ns: step.map(|[_, high]| high),
        proof: Vec::new(),
    }
}

/// What packets of one way tell.
fn one_sided(reference: String, known: Option<OneSided>) -> Clock {
    let side = |low: bool| {
        known.and_then(|known| match known.offset {
            Side::Low(offset) => low.then_some(offset),
            Side::High(offset) => (!low).then_some(offset),
        })
    };
    Clock {
        reference,
        offset_low_ns: side(true),
        offset_high_ns: side(false),
        at_ref_ns: known.map(|known| known.at.as_nanos()),
        ..Clock::default()
    }
}

fn contradiction(
    correlation: &Correlation,
    index: usize,
    found: &crosscap_correlation::Contradiction,
) -> Contradiction {
    let file = |point: usize, frame: FrameRef| {
        let files = &correlation.points[point].files;
        files.get(usize::from(frame.file())).cloned().unwrap_or_default()
    };
    Contradiction {
        other: correlation.points[found.reference].name.clone(),
        other_file: file(found.reference, found.reference_frame),
        other_frame: found.reference_frame.number(),
        file: file(index, found.frame),
        frame: found.frame.number(),
    }
}

fn connection(correlation: &Correlation, path: &Path) -> Connection {
    let candidate = |c: &crosscap_correlation::Candidate| MatchCandidate {
        connection: correlation.paths[c.path].name.clone(),
        tier: c.tier.as_str().into(),
        probability: c.probability,
    };
    Connection {
        id: path.name.clone(),
        legs: path.legs.iter().map(|l| leg(correlation, *l)).collect(),
        copies: path.copies.iter().map(|(copy, _)| leg(correlation, *copy)).collect(),
        order_proven: path.ordered,
        order_ties: path.ties.clone(),
        matched: Match {
            tier: path.matched.tier.as_str().into(),
            expected_false: path.matched.expected_false,
            candidates: path.matched.candidates.iter().map(candidate).collect(),
        },
        loss: Loss {
            orig_to_resp_bytes: lost(correlation, path, Direction::Orig),
            resp_to_orig_bytes: lost(correlation, path, Direction::Resp),
        },
        between: Vec::new(),
        findings: Vec::new(),
    }
}

/// Of packets that are not compared; see [`Loss`].
fn lost(correlation: &Correlation, path: &Path, direction: Direction) -> u64 {
    (0..path.stages()).map(|stage| lost_in(correlation, path, direction, stage)).sum()
}

fn lost_in(correlation: &Correlation, path: &Path, direction: Direction, stage: u8) -> u64 {
    let mut legs = path.regular().filter(|leg| leg.stage == stage);
    let (Some(first), Some(last)) = (legs.next(), legs.next_back()) else { return 0 };
    let ends = [first, last];
    let [near_orig, near_resp] = ends.map(|l| l.of(&correlation.points));
    let (sender, receiver) = match direction {
        Direction::Orig => (&near_orig, &near_resp),
        Direction::Resp => (&near_resp, &near_orig),
    };
    // A stray leg carries the numbers on: what came untranslated did arrive.
    let strays = path
        .strays()
        .filter(|l| l.stage == stage)
        .filter_map(|l| l.of(&correlation.points).flow(direction).stream_end());
    let acked = [sender, receiver].into_iter().filter_map(|c| c.flow(direction.reverse()).acked);
    let Some(sent) = sender.flow(direction).stream_end() else { return 0 };
    let got = receiver.flow(direction).stream_end().into_iter().chain(acked).chain(strays);
    got.map(|seq| sent.ahead_of(seq).max(0).unsigned_abs()).min().map_or(0, u64::from)
}

fn leg(correlation: &Correlation, leg: crosscap_correlation::Leg) -> Leg {
    let point = &correlation.points[leg.point];
    let c = leg.of(&correlation.points);
    let [orig, resp] = Direction::BOTH.map(|d| c.flow(d));
    Leg {
        point: point.name.clone(),
        orig: c.orig.to_string(),
        resp: c.resp.to_string(),
        orig_isn: orig.isn.map(|s| s.0),
        resp_isn: resp.isn.map(|s| s.0),
        first_ns: c.first().time.as_nanos(),
        last_ns: c.last().time.as_nanos(),
        conn_state: c.conn_state().as_str().into(),
        history: c.history().into(),
        orig_packets: orig.packets,
        resp_packets: resp.packets,
        orig_bytes: orig.bytes,
        resp_bytes: resp.bytes,
        orig_retransmits: orig.retransmits.into(),
        resp_retransmits: resp.retransmits.into(),
        stray: leg.stray,
        stage: leg.stage,
        wireshark_filter: wireshark::leg(&c, leg.connection, point),
    }
}

fn finding(correlation: &Correlation, f: &diagnosis::Finding) -> Finding {
    let name = |path: usize| correlation.paths[path].name.clone();
    Finding {
        id: f.id.as_str().into(),
        severity: f.severity.as_str().into(),
        verdict: f.verdict.as_str().into(),
        title: f.title.clone(),
        connections: f.paths.iter().map(|&p| name(p)).collect(),
        hung_side: f.hung_side.as_str().into(),
        span_ns: f.spans.iter().map(|(_, nanos)| *nanos).collect(),
        facts: f.facts.iter().flat_map(|fact| facts(correlation, fact)).collect(),
        rivals: f
            .rivals
            .iter()
            .map(|r| Rival {
                id: r.id.as_str().into(),
                status: if r.status == RivalStatus::Refuted { "refuted" } else { "open" }.into(),
                because: r.because.clone(),
            })
            .collect(),
        would_decide: f.would_decide.clone(),
        advice: f
            .advice
            .iter()
            .map(|a| Advice {
                text: a.text.clone(),
                side_effect: a.side_effect.clone(),
                reference: a.reference.clone(),
            })
            .collect(),
    }
}

/// The fact, once for each file that its frames are in: numbers mean nothing without their file.
fn facts(correlation: &Correlation, f: &diagnosis::Fact) -> Vec<Fact> {
    let point = &correlation.points[f.point];
    let reference =
        correlation.to_reference(f.point, f.time).map(|times| times.map(|t| t.as_nanos()));
    f.frames
        .chunk_by(|a, b| a.file() == b.file())
        .map(|frames| Fact {
            text: f.text.clone(),
            connection: correlation.paths[f.path].name.clone(),
            point: point.name.clone(),
            file: point.files.get(usize::from(frames[0].file())).cloned().unwrap_or_default(),
            frames: frames.iter().map(|frame| frame.number()).collect(),
            time_ns: f.time.as_nanos(),
            time_ref_ns: reference.map(|[_, estimate, _]| estimate),
            time_low_ref_ns: reference.map(|[low, _, _]| low),
            time_high_ref_ns: reference.map(|[_, _, high]| high),
        })
        .collect()
}

fn idle_timeout(timeout: &diagnosis::IdleTimeout) -> IdleTimeout {
    IdleTimeout {
        scope: timeout.scope.to_string(),
        state: match timeout.phase {
            Phase::Established => "established",
            Phase::HalfClosed => "half-closed",
        }
        .into(),
        survived_max_ns: timeout.survived_max,
        survived_client_first_ns: timeout.survived_client_first,
        broke_min_ns: timeout.broke_min,
        candidates: timeout
            .candidates
            .iter()
            .map(|c| Candidate {
                name: c.device.name.into(),
                seconds: c.device.seconds,
                consistent: c.consistent,
            })
            .collect(),
    }
}
