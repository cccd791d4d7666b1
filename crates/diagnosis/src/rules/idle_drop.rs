//! A stateful device forgot an idle connection and drops what follows without a word (`idle-silent-drop`).

use crosscap_reassembly::{Direction, Sighting, Silence};

use super::advice;
use crate::case::{Case, LegView};
use crate::finding::{Finding, FindingId, HungSide, Rival, Severity};
use crate::words::{counted, duration};

/// A silence after which one end spoke and the other never did, not even with a reset.
pub(super) fn screen(case: &Case<'_>) -> bool {
    Direction::BOTH.iter().any(|&speaker| unheard(case, speaker).is_some())
}

fn side<'a>(case: &Case<'a>, end: Direction) -> Option<LegView<'a>> {
    match end {
        Direction::Orig => case.orig_side(),
        Direction::Resp => case.resp_side(),
    }
}

/// At the speaker's own side: the silence it ended in vain.
pub(super) fn unheard<'a>(case: &Case<'a>, speaker: Direction) -> Option<(LegView<'a>, Silence)> {
    let here = side(case, speaker)?;
    let silence = here.connection.silences.as_ref()?.unanswered()?;
    let reset = here.connection.flow(speaker.reverse()).reset().is_some();
    (silence.first_speaker == speaker && !reset).then_some((here, silence))
}

pub(super) fn examine(case: &Case<'_>) -> Option<Finding> {
    Direction::BOTH.into_iter().find_map(|speaker| drop_of(case, speaker))
}

fn drop_of(case: &Case<'_>, speaker: Direction) -> Option<Finding> {
    let (here, silence) = unheard(case, speaker)?;
    if case.strays().next().is_some()
        || !case.sees_both_ends(here)
        || !case.was_idle(here, &silence)
    {
        return None;
    }
    let tries = distinct_tries(case, here, speaker, &silence);
    let (first, last) = (*tries.first()?, *tries.last()?);
    if tries.len() < 2 {
        return None;
    }
    let there = side(case, speaker.reverse()).filter(|t| t.place != here.place);
    let arrived = |t: LegView<'_>| {
        case.rows_at(here.place).any(|(row, seen)| {
            row.direction == speaker
                && seen.at.frame >= first.frame
                && row.at_leg(t.place).is_some()
        })
    };
    if there.is_some_and(arrived) {
        return None;
    }
    let covered = there.is_some_and(|t| case.would_show(t, speaker, here.leg.point, first.time));
    let (who, whom) = match speaker {
        Direction::Orig => ("client", "server"),
        Direction::Resp => ("server", "client"),
    };

    let mut facts: Vec<_> = case.set_up(here).into_iter().collect();
    let text =
        format!("The last packet of either end; then silence for {}.", duration(silence.nanos()));
    facts.push(case.fact(here, &silence.before, text));
    let frames: Vec<_> = tries.iter().map(|s| s.frame).collect();
    let text = format!(
        "The {who} spoke again, {} times over {}, and got no answer: no acknowledgement, no reset.",
        tries.len(),
        duration(last.time.since(first.time)),
    );
    facts.push(case.fact_of(here.leg.point, &frames, first.time, text));
    if let Some(t) = there.filter(|_| covered) {
        let text = format!(
            "At {} this was the last packet: none of them arrived there.",
            case.point_name(t)
        );
        facts.push(case.fact(t, &t.connection.last(), text));
    }

    let alive = there.map_or(0, |t| neighbours(case, here, t, speaker, [&first, &last]));
    let rivals = rivals(case, here, speaker, &tries, covered, alive);
    let mut would_decide = Vec::new();
    if !covered {
        would_decide.push(format!(
            "A capture at the {whom} over the same time, which shows whether the packets arrived."
        ));
    }
    let verdict = Finding::verdict_of(&rivals, &would_decide);
    let hung_side = case.hung_side();
    let hung = match hung_side {
        HungSide::Both => "both ends still believe in the connection",
        HungSide::Orig => "the client still waits",
        HungSide::Resp => "the server still waits",
        HungSide::None => "both ends have given up",
    };
    let title = format!(
        "After {} of silence everything on the connection to {} was dropped without a word; {hung}",
        duration(silence.nanos()),
        case.scope(),
    );
    Some(Finding {
        id: FindingId::IdleSilentDrop,
        severity: Severity::Broken,
        verdict,
        title,
        paths: vec![case.index],
        spans: vec![(case.index, silence.nanos())],
        broken: Some(case.broken(
            here,
            silence.phase,
            [&silence.before, &silence.after],
            speaker == Direction::Orig,
        )),
        hung_side,
        facts,
        rivals,
        would_decide,
        advice: vec![advice::keep_alive(), advice::reset_on_expiry()],
    })
}

/// What the speaker sent after the silence, copies by the capture aside.
fn distinct_tries(
    case: &Case<'_>,
    here: LegView<'_>,
    speaker: Direction,
    silence: &Silence,
) -> Vec<Sighting> {
    let mut tries: Vec<Sighting> = Vec::new();
    for (_, at) in case.after(here.place, speaker, silence.before.frame) {
        if tries.last().is_none_or(|last| at.time.since(last.time) >= COPIES) {
            tries.push(*at);
        }
    }
    tries
}

/// Connections of the host that was not reached, seen at its side with packets of both ends while this one was dropped.
fn neighbours(
    case: &Case<'_>,
    here: LegView<'_>,
    there: LegView<'_>,
    speaker: Direction,
    [first, last]: [&Sighting; 2],
) -> usize {
    let host = match speaker {
        Direction::Orig => there.connection.resp.addr,
        Direction::Resp => there.connection.orig.addr,
    };
    let at = |s: &Sighting| case.correlation.reference_estimate(here.leg.point, s.time);
    case.population.alive(there.leg.point, host, at(first), at(last))
}

fn rivals(
    case: &Case<'_>,
    here: LegView<'_>,
    speaker: Direction,
    tries: &[Sighting],
    covered: bool,
    alive: usize,
) -> Vec<Rival> {
    let others = format!(
        "{} of the same host worked at the same time, seen at its side.",
        counted(alive as u64, "other connection")
    );
    let smallest = tries.iter().map(|s| s.segment.payload_len).min().unwrap_or_default();
    let passed = case
        .rows_at(here.place)
        .filter(|(row, seen)| row.direction == speaker && seen.at.frame < tries[0].frame)
        .map(|(_, seen)| seen.at.segment.payload_len)
        .max()
        .unwrap_or_default();
    let window_open =
        here.connection.flow(speaker.reverse()).last.is_some_and(|s| s.segment.window > 0);
    let no_neighbours = "No other connection shows that the path was working at that time.";
    vec![
        Rival::judged(
            FindingId::PacketLoss,
            alive > 0,
            &format!(
                "{others} Bad links and congestion drop packets of all connections, not of one."
            ),
            no_neighbours,
        ),
        Rival::judged(
            FindingId::PeerVanished,
            covered && alive > 0,
            &format!("{others} The other host was there; the packets did not reach it."),
            "It is not shown that the other host was still there.",
        ),
        Rival::judged(
            FindingId::MtuBlackHole,
            smallest <= passed.max(FITS_EVERYWHERE),
            &format!(
                "These packets carry {}; every link takes as much, or more had passed before.",
                counted(smallest.into(), "byte")
            ),
            "The packets after the silence are larger than any that passed before.",
        ),
        Rival::judged(
            FindingId::ReceiverStalled,
            window_open,
            "The other end had announced an open window.",
            "The other end's window was closed.",
        ),
        Rival::judged(
            FindingId::CaptureIncomplete,
            covered && alive > 0,
            "The capture at the other end was running and recorded the neighbours.",
            "The other end was not captured at that time.",
        ),
    ]
}

/// Packets closer than this are one try, nanoseconds: no retransmission timer is as short.
const COPIES: i64 = 100_000_000;

/// Payload that every path carries: IPv6 demands links of 1,280 bytes (RFC 8200 §5) and tunnels are laid out for it;
/// headers and options aside.
const FITS_EVERYWHERE: u32 = 1_280 - 40 - 60;
