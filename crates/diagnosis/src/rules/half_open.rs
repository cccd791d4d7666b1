//! One end closed and the other was never told (`half-open`), where no other rule says why.

use crosscap_packet::TcpFlags;
use crosscap_reassembly::{Direction, Sighting};

use super::advice;
use crate::case::{Case, LegView};
use crate::finding::{Evidence, Finding, FindingId, HungSide, Rival, Severity};
use crate::words::duration;

/// A FIN or RST that only the side of its sender saw.
pub(super) fn screen(case: &Case<'_>) -> bool {
    Direction::BOTH.iter().any(|&closer| untold(case, closer).is_some())
}

/// The leg that saw one end close, the closing packet, and the leg at the other side, which did not.
fn untold<'a>(case: &Case<'a>, closer: Direction) -> Option<(LegView<'a>, Sighting, LegView<'a>)> {
    let (here, there) = match closer {
        Direction::Orig => (case.orig_side()?, case.resp_side()?),
        Direction::Resp => (case.resp_side()?, case.orig_side()?),
    };
    let closing = here.connection.flow(closer).closing()?;
    let other = there.connection;
    let open = !other.is_reset() && other.flow(closer).fin.is_none();
    let heard = Direction::BOTH.iter().all(|d| other.flow(*d).first.is_some());
    let end = case.correlation.points[there.leg.point].last?;
    let at = |point, time| case.correlation.reference_estimate(point, time);
    let watched = at(there.leg.point, end).since(at(here.leg.point, closing.time)) >= LONG_ENOUGH;
    let answers = here.connection.flow(closer.reverse());
    let told = answers.reset().is_some()
        || answers.acked.is_some_and(|a| a.ahead_of(closing.segment.seq_end()) >= 0);
    (here.place != there.place && open && heard && watched && !told)
        .then_some((here, closing, there))
}

pub(super) fn examine(case: &Case<'_>) -> Option<Finding> {
    if case.strays().next().is_some() {
        return None;
    }
    Direction::BOTH.into_iter().find_map(|closer| story(case, closer))
}

fn story(case: &Case<'_>, closer: Direction) -> Option<Finding> {
    let (here, closing, there) = untold(case, closer)?;
    if !case.would_show(there, closer, here.leg.point, closing.time) {
        return None;
    }
    let tries: Vec<Sighting> = case
        .rows_at(here.place)
        .filter(|(row, seen)| {
            let closes = [TcpFlags::FIN, TcpFlags::RST];
            row.direction == closer && closes.iter().any(|f| seen.at.segment.flags.contains(*f))
        })
        .map(|(_, seen)| seen.at)
        .collect();
    let (who, whom, hung) = match closer {
        Direction::Orig => ("client", "server", HungSide::Resp),
        Direction::Resp => ("server", "client", HungSide::Orig),
    };
    let reset = closing.segment.flags.contains(TcpFlags::RST);
    let verb = if reset { "reset" } else { "closed" };
    let mut facts: Vec<_> = case.set_up(here).into_iter().collect();
    let frames: Vec<_> = tries.iter().map(|s| s.frame).collect();
    let text = match tries.len() {
        1 => format!("The {who} {verb} the connection."),
        n => format!("The {who} {verb} the connection and said so {n} times."),
    };
    facts.push(case.fact_of(here.leg.point, &frames, closing.time, text));
    let end = case.correlation.points[there.leg.point].last?;
    let last = there.connection.last();
    let text = format!(
        "None of that came to {}: this is the last packet there, {} before its capture ends.",
        case.point_name(there),
        duration(end.since(last.time))
    );
    facts.push(case.fact(there, &last, text));
    // A FIN is sent again until it is acknowledged. A reset is sent once: that it did not come shows only where the other
    // end goes on.
    let at = |point, s: &Sighting| case.correlation.reference_estimate(point, s.time);
    let went_on = case
        .rows_at(there.place)
        .filter(|(row, _)| row.direction == closer.reverse())
        .map(|(_, seen)| seen.at)
        .find(|s| at(there.leg.point, s).since(at(here.leg.point, &closing)) >= LONG_ENOUGH);
    if let Some(on) = &went_on {
        facts.push(case.fact(
            there,
            on,
            format!("The {whom} went on as though nothing had happened."),
        ));
    }
    if tries.len() < ENOUGH && went_on.is_none() {
        return None;
    }
    let rivals = vec![Rival::judged(
        FindingId::CaptureIncomplete,
        true,
        "The capture that lacks it lacks each of several tries, or shows that end going on.",
        "",
    )];
    let title = format!(
        "The {who} {verb} the connection to {}, and the {whom} was never told: what said so got lost on the way",
        case.scope()
    );
    let would_decide =
        vec!["Captures at the devices in between: the last one that shows it drops it.".into()];
    let evidence =
        Evidence { facts, rivals, would_decide, advice: vec![advice::notice_dead_peer()] };
    let mut finding = case.finding(FindingId::HalfOpen, Severity::Broken, title, evidence);
    finding.verdict = Finding::verdict_of(&finding.rivals, &[]);
    finding.hung_side = hung;
    Some(finding)
}

/// For how long the other side has to have been watched afterwards, nanoseconds.
const LONG_ENOUGH: i64 = 1_000_000_000;

/// Tries that do not all escape a capture by chance.
const ENOUGH: usize = 3;
