//! Segments that the network dropped and that were sent again (`packet-loss`).

use crosscap_correlation::{LegSighting, Row};
use crosscap_packet::{FrameRef, SeqNumber, TcpFlags};
use crosscap_reassembly::{Direction, Sighting};

use super::advice;
use crate::carriers::highest_so_far;
use crate::case::{Case, LegView};
use crate::finding::{Evidence, Finding, FindingId, HungSide, Rival, Severity};
use crate::words::counted;

/// Something was sent again, and the legs at both sides did not count the same.
pub(super) fn screen(case: &Case<'_>) -> bool {
    Direction::BOTH.iter().any(|&from| ends(case, from).is_some())
}

/// The leg at the sender's side and the one at the receiver's, where the second counted less.
fn ends<'a>(case: &Case<'a>, from: Direction) -> Option<[LegView<'a>; 2]> {
    let (here, there) = match from {
        Direction::Orig => (case.orig_side()?, case.resp_side()?),
        Direction::Resp => (case.resp_side()?, case.orig_side()?),
    };
    let (sent, came) = (here.connection.flow(from), there.connection.flow(from));
    let packets = |f: &crosscap_reassembly::Flow| f.packets.saturating_sub(u64::from(f.copies));
    let less = packets(came) < packets(sent) && came.first.is_some();
    (here.place != there.place && sent.retransmits > 0 && less).then_some([here, there])
}

pub(super) fn examine(case: &Case<'_>) -> Option<Finding> {
    if case.strays().next().is_some() {
        return None;
    }
    let lost: Vec<_> = Direction::BOTH.into_iter().filter_map(|from| lost(case, from)).collect();
    let count: usize = lost.iter().map(|l| l.segments.len()).sum();
    if count == 0 {
        return None;
    }
    let mut facts = Vec::new();
    for l in &lost {
        let frames: Vec<_> = l.segments.iter().map(|s| s.frame).take(SHOWN).collect();
        let bytes: u64 = l.segments.iter().map(|s| u64::from(s.segment.payload_len)).sum();
        let (count, there) = (l.segments.len() as u64, case.point_name(l.there));
        let (sent, came) = match count {
            1 => ("was", "It came at last."),
            _ => ("were", "One of them, as it came at last."),
        };
        let text = format!(
            "{} with {} did not come to {there}, and {sent} sent again.",
            counted(count, "segment"),
            counted(bytes, "byte"),
        );
        facts.push(case.fact_of(l.here.leg.point, &frames, l.segments[0].time, text));
        facts.push(case.fact(l.there, &l.came, came.into()));
    }
    let rivals = vec![Rival::judged(
        FindingId::CaptureIncomplete,
        true,
        "The bytes came with a later packet only, and were acknowledged only then; the capture that lacks the first one is \
         not known to lack any packet.",
        "",
    )];
    let title = format!(
        "The network dropped packets of the connection to {}; they were sent again",
        case.scope()
    );
    let evidence =
        Evidence { facts, rivals, would_decide: Vec::new(), advice: vec![advice::find_loss()] };
    let mut finding = case.finding(FindingId::PacketLoss, Severity::Degraded, title, evidence);
    finding.hung_side = HungSide::None;
    Some(finding)
}

struct Lost<'a> {
    here: LegView<'a>,
    there: LegView<'a>,
    /// Segments that did not come, as their sender's side saw them.
    segments: Vec<Sighting>,
    /// What the other side saw of their bytes first.
    came: Sighting,
}

/// Data segments that the other side did not see until they were sent again, and did not acknowledge before.
fn lost<'a>(case: &Case<'a>, from: Direction) -> Option<Lost<'a>> {
    let [here, there] = ends(case, from)?;
    let missing = |(row, seen): (&'a Row, &'a LegSighting)| {
        let s = &seen.at.segment;
        let data = s.payload_len > 0 && !s.flags.contains(TcpFlags::SYN);
        (row.direction == from && data && row.at_leg(there.place).is_none()).then_some(seen.at)
    };
    let missing: Vec<Sighting> = case.rows_at(here.place).filter_map(missing).collect();
    let bytes: Vec<SeqNumber> = missing.iter().map(|at| at.segment.seq).collect();
    let [at_sender, at_receiver] = [here, there].map(|leg| acknowledged(case, leg, from.reverse()));
    let mut segments = Vec::new();
    let mut shown = None;
    for (seen, carrier) in missing.iter().zip(case.carriers(there.place, from, &bytes)) {
        // The bytes came: in another cut, or when they were sent again.
        let Some((again, came)) = carrier else { continue };
        let resent = again.at_leg(here.place).filter(|r| r.at.frame > seen.frame);
        // Recorded twice, and the other side once.
        let copy = |at: &Sighting| {
            at.segment.is_copy_of(&seen.segment) && at.time.since(seen.time).abs() <= RECORDED_TWICE
        };
        let resent = resent.filter(|r| !copy(&r.at));
        let Some(resent) = resent else { continue };
        let known = |acked: &[(FrameRef, SeqNumber)], before: FrameRef| {
            let earlier = acked.partition_point(|(frame, _)| *frame < before);
            let last = acked[..earlier].last();
            last.is_some_and(|(_, ack)| ack.ahead_of(seen.segment.seq_end()) >= 0)
        };
        let early = known(&at_sender, resent.at.frame) || known(&at_receiver, came.frame);
        if !early && case.would_show(there, from, here.leg.point, seen.time) {
            segments.push(*seen);
            shown.get_or_insert(*came);
        }
    }
    Some(Lost { here, there, came: shown?, segments })
}

/// The highest number that an end had acknowledged up to each of its frames.
fn acknowledged(case: &Case<'_>, leg: LegView<'_>, from: Direction) -> Vec<(FrameRef, SeqNumber)> {
    let mine = case.rows_at(leg.place).filter(|(row, seen)| {
        row.direction == from && seen.at.segment.flags.contains(TcpFlags::ACK)
    });
    let mut all: Vec<_> = mine.map(|(_, seen)| (seen.at.frame, seen.at.segment.ack)).collect();
    all.sort_unstable_by_key(|(frame, _)| *frame);
    highest_so_far(&mut all);
    all
}

/// The same packet again within this time, nanoseconds, may be a copy by the capture.
const RECORDED_TWICE: i64 = 10_000_000;

/// Frames that are cited.
const SHOWN: usize = 8;
