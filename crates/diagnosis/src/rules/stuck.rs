//! Data that was sent again and again and never came: large packets only (`mtu-black-hole`), or all of them
//! (`peer-vanished`).

use crosscap_reassembly::{Direction, Sighting};

use super::advice;
use crate::case::{Case, LegView};
use crate::finding::{Evidence, Fact, Finding, FindingId, HungSide, Rival, Severity};
use crate::words::{counted, duration};

/// One end sent something at least twice that the other end did not acknowledge to the end.
pub(super) fn screen(case: &Case<'_>) -> bool {
    Direction::BOTH.iter().any(|&speaker| stuck(case, speaker).is_some())
}

/// At the speaker's side: data that is unacknowledged and was sent again.
fn stuck<'a>(case: &Case<'a>, speaker: Direction) -> Option<LegView<'a>> {
    let here = match speaker {
        Direction::Orig => case.orig_side(),
        Direction::Resp => case.resp_side(),
    }?;
    let (sent, heard) = (here.connection.flow(speaker), here.connection.flow(speaker.reverse()));
    let open = sent.stream_end()?.ahead_of(heard.acked?) > 0;
    (open && sent.retransmits >= ENOUGH && heard.reset().is_none()).then_some(here)
}

pub(super) fn examine(case: &Case<'_>) -> Option<Finding> {
    // An idle connection that is dropped has a story of its own.
    if case.strays().next().is_some() || super::idle_drop::examine(case).is_some() {
        return None;
    }
    Direction::BOTH.into_iter().find_map(|speaker| story(case, speaker))
}

fn story(case: &Case<'_>, speaker: Direction) -> Option<Finding> {
    let here = stuck(case, speaker)?;
    let there = match speaker {
        Direction::Orig => case.resp_side(),
        Direction::Resp => case.orig_side(),
    }
    .filter(|t| t.place != here.place)?;
    let acked = here.connection.flow(speaker.reverse()).acked?;
    // What was tried: the segment that the other end is waiting for, copies by the capture aside.
    let mut tries: Vec<(Sighting, bool)> = Vec::new();
    for (row, seen) in case.rows_at(here.place).filter(|(row, _)| row.direction == speaker) {
        let s = &seen.at.segment;
        let due =
            s.seq.ahead_of(acked) <= 0 && s.seq_end().ahead_of(acked) > 0 && s.payload_len > 0;
        if due && tries.last().is_none_or(|(t, _)| seen.at.time.since(t.time) >= COPIES) {
            tries.push((seen.at, row.at_leg(there.place).is_some()));
        }
    }
    let (first, last) = (tries.first()?.0, tries.last()?.0);
    let shown = case.would_show(there, speaker, here.leg.point, last.time)
        && case.covers(there.leg.point, here.leg.point, first.time);
    if tries.len() < ENOUGH as usize || tries.iter().any(|(_, came)| *came) {
        return None;
    }
    let tried: Vec<Sighting> = tries.into_iter().map(|(at, _)| at).collect();
    if !shown {
        return unwatched(case, here, there, speaker, &tried);
    }
    too_large(case, here, there, speaker, &tried)
        .or_else(|| vanished(case, here, there, speaker, &tried))
}

/// All tries are larger than anything that came, and something smaller came meanwhile.
fn too_large(
    case: &Case<'_>,
    here: LegView<'_>,
    there: LegView<'_>,
    speaker: Direction,
    tries: &[Sighting],
) -> Option<Finding> {
    let first = tries.first()?;
    let smallest = tries.iter().map(|s| s.segment.payload_len).min()?;
    let came: Vec<Sighting> = case
        .rows_at(there.place)
        .filter(|(row, _)| row.direction == speaker)
        .map(|(_, seen)| seen.at)
        .collect();
    // As they came: offloading may have joined them, which makes them larger, never smaller.
    let largest = came.iter().map(|s| s.segment.payload_len).max()?;
    let meanwhile = case
        .rows_at(here.place)
        .rfind(|(row, seen)| {
            row.direction == speaker
                && seen.at.frame > first.frame
                && row.at_leg(there.place).is_some()
        })
        .map(|(_, seen)| seen.at);
    if largest >= smallest || smallest <= FITS_EVERYWHERE {
        return None;
    }
    let outcome = format!(
        ", {} or more at a time; they never came to {}",
        counted(smallest.into(), "byte"),
        case.point_name(there)
    );
    let mut facts = tried(case, here, speaker, tries, &outcome);
    let biggest = came.iter().find(|s| s.segment.payload_len == largest)?;
    let text = format!("The largest segment that came had {}.", counted(largest.into(), "byte"));
    facts.push(case.fact(there, biggest, text));
    if let Some(small) = &meanwhile {
        let text = format!(
            "A smaller one, {}, came meanwhile.",
            counted(small.segment.payload_len.into(), "byte")
        );
        facts.push(case.fact(here, small, text));
    }
    let proven = meanwhile.is_some() && tries.len() > 3;
    let rivals = vec![
        Rival::judged(
            FindingId::PacketLoss,
            proven,
            "Smaller segments came while the large one was lost every time: loss does not choose by size.",
            "Nothing smaller was seen to come meanwhile, or the large segment was tried too few times.",
        ),
        Rival::judged(
            FindingId::PeerVanished,
            meanwhile.is_some(),
            "Smaller segments came meanwhile.",
            "Nothing was seen to come meanwhile.",
        ),
    ];
    let title = format!(
        "Segments of {} or more do not get through on the connection to {}, smaller ones do; it is stuck",
        counted(smallest.into(), "byte"),
        case.scope()
    );
    let mut would_decide = Vec::new();
    if !proven {
        would_decide.push("ping -M do -s SIZE along the path.".into());
    }
    let evidence = Evidence { facts, rivals, would_decide, advice: vec![advice::lower_mtu()] };
    let mut finding = case.finding(FindingId::MtuBlackHole, Severity::Broken, title, evidence);
    finding.verdict = Finding::verdict_of(&finding.rivals, &[]);
    Some(finding)
}

/// Nothing came back, and the other side's capture does not tell whether anything arrived.
fn unwatched(
    case: &Case<'_>,
    here: LegView<'_>,
    there: LegView<'_>,
    speaker: Direction,
    tries: &[Sighting],
) -> Option<Finding> {
    let first = tries.first()?;
    let heard = case.after(here.place, speaker.reverse(), first.frame).next().is_some();
    if heard {
        return None;
    }
    let (_, whom) = ends(speaker);
    let mut facts = tried(case, here, speaker, tries, "; nothing came back");
    let text = format!(
        "The last packet of the connection at {}, whose capture does not tell what came later.",
        case.point_name(there)
    );
    facts.push(case.fact(there, &there.connection.last(), text));
    let unseen = "The other side was not captured at that time.";
    let rivals = [
        FindingId::PacketLoss,
        FindingId::MtuBlackHole,
        FindingId::IdleSilentDrop,
        FindingId::HalfOpen,
    ]
    .map(|id| Rival::judged(id, false, "", unseen))
    .into();
    let title = format!("The {whom} did not answer any more on the connection to {}", case.scope());
    let would_decide = vec![format!(
        "A capture at the {whom} over the same time, which shows whether the packets arrived."
    )];
    let evidence =
        Evidence { facts, rivals, would_decide, advice: vec![advice::bound_retransmission()] };
    let mut finding = case.finding(FindingId::PeerVanished, Severity::Broken, title, evidence);
    finding.hung_side = match speaker {
        Direction::Orig => HungSide::Orig,
        Direction::Resp => HungSide::Resp,
    };
    Some(finding)
}

/// How the connection began, and that an end said the same in vain.
fn tried(
    case: &Case<'_>,
    here: LegView<'_>,
    speaker: Direction,
    tries: &[Sighting],
    outcome: &str,
) -> Vec<Fact> {
    let mut facts: Vec<_> = case.set_up(here).into_iter().collect();
    if let (Some(first), Some(last)) = (tries.first(), tries.last()) {
        let frames: Vec<_> = tries.iter().map(|s| s.frame).collect();
        let text = format!(
            "The {} sent its next bytes {} times in {}{outcome}.",
            ends(speaker).0,
            tries.len(),
            duration(last.time.since(first.time)),
        );
        facts.push(case.fact_of(here.leg.point, &frames, first.time, text));
    }
    facts
}

/// Who speaks and whom to.
fn ends(speaker: Direction) -> (&'static str, &'static str) {
    match speaker {
        Direction::Orig => ("client", "server"),
        Direction::Resp => ("server", "client"),
    }
}

/// Nothing came any more, of either end.
fn vanished(
    case: &Case<'_>,
    here: LegView<'_>,
    there: LegView<'_>,
    speaker: Direction,
    tries: &[Sighting],
) -> Option<Finding> {
    let (first, last) = (tries.first()?, tries.last()?);
    let from_here = case.rows_at(here.place).any(|(row, seen)| {
        row.direction == speaker
            && seen.at.frame >= first.frame
            && row.at_leg(there.place).is_some()
    });
    let from_there = case.after(here.place, speaker.reverse(), first.frame).next().is_some();
    if from_here || from_there {
        return None;
    }
    let (_, whom) = ends(speaker);
    let outcome = format!("; none came to {}, and nothing came back", case.point_name(there));
    let mut facts = tried(case, here, speaker, tries, &outcome);
    let at = |s: &Sighting| case.correlation.reference_estimate(here.leg.point, s.time);
    let at_there = |s: &Sighting| case.correlation.reference_estimate(there.leg.point, s.time);
    let unheard = case
        .rows_at(there.place)
        .find(|(row, seen)| {
            let later = at_there(&seen.at).since(at(first)) >= 0;
            row.direction != speaker && row.at_leg(here.place).is_none() && later
        })
        .map(|(_, seen)| seen.at);
    if let Some(tried) = &unheard {
        let text =
            format!("What the {whom} sent next did not come to {} either.", case.point_name(here));
        facts.push(case.fact(there, tried, text));
    }
    facts.push(case.fact(
        there,
        &there.connection.last(),
        format!("The last packet of the connection at {}.", case.point_name(there)),
    ));
    let host = match speaker {
        Direction::Orig => there.connection.resp.addr,
        Direction::Resp => there.connection.orig.addr,
    };
    let alive = case.population.alive(there.leg.point, host, at(first), at(last));
    let rivals = vec![
        Rival::judged(
            FindingId::PacketLoss,
            false,
            "",
            "Between the points everything was lost; whether the path, a device or the host was down is not seen.",
        ),
        Rival::judged(FindingId::IdleSilentDrop, true, "The connection was in use, not idle.", ""),
        Rival::judged(
            FindingId::CaptureIncomplete,
            alive > 0,
            "The capture at the other side recorded other connections of the host meanwhile.",
            "That capture recorded no other connection of the host meanwhile.",
        ),
    ];
    let title = format!(
        "The {whom} could not be reached any more on the connection to {}: nothing passed between the points, either way",
        case.scope()
    );
    let would_decide = vec![
        "What happened to the pod, its node and its routes at that time (kubectl get events)."
            .into(),
    ];
    let evidence =
        Evidence { facts, rivals, would_decide, advice: vec![advice::bound_retransmission()] };
    let mut finding = case.finding(FindingId::PeerVanished, Severity::Broken, title, evidence);
    finding.verdict = Finding::verdict_of(&finding.rivals, &[]);
    Some(finding)
}

/// Tries that tell a connection that is stuck from one that lost a packet.
const ENOUGH: u32 = 3;

/// Packets closer than this are one try, nanoseconds: no retransmission timer is as short.
const COPIES: i64 = 100_000_000;

/// Payload that every path is taken to carry (RFC 9293 §3.7.1), bytes.
const FITS_EVERYWHERE: u32 = 536;
