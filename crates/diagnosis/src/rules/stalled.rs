//! A receiver that does not read (`receiver-stalled`).

use crosscap_packet::TcpFlags;
use crosscap_reassembly::{Direction, Sighting};

use super::advice;
use crate::case::{Case, LegView};
use crate::finding::{Evidence, Finding, FindingId, HungSide, Rival, Severity};
use crate::words::duration;

/// A window that was closed for long.
pub(super) fn screen(case: &Case<'_>) -> bool {
    Direction::BOTH.iter().any(|&receiver| closed(case, receiver).is_some())
}

/// The receiver's leg, for how long its window was closed, and whether it opened again.
fn closed<'a>(case: &Case<'a>, receiver: Direction) -> Option<(LegView<'a>, i64, bool)> {
    let (own, other) = match receiver {
        Direction::Orig => (case.orig_side(), case.resp_side()),
        Direction::Resp => (case.resp_side(), case.orig_side()),
    };
    let leg = own.or(other)?;
    let c = leg.connection;
    let windows = c.flow(receiver).closed_windows;
    // Whoever closes needs no window any more.
    let done = c.is_reset() || c.flow(receiver).fin.is_some();
    // Who has stopped probing no longer waits, and what the window is then nobody says.
    let still = windows.closed_since.filter(|_| !done).map(|since| c.last().time.since(since));
    let (nanos, opened) = match still {
        Some(nanos) if nanos >= windows.longest => (nanos, false),
        _ => (windows.longest, true),
    };
    (nanos >= LONG).then_some((leg, nanos, opened))
}

pub(super) fn examine(case: &Case<'_>) -> Option<Finding> {
    Direction::BOTH.into_iter().find_map(|receiver| stalled(case, receiver))
}

fn stalled(case: &Case<'_>, receiver: Direction) -> Option<Finding> {
    let (leg, nanos, opened) = closed(case, receiver)?;
    let (begin, end) = episode(case, leg, receiver, opened)?;
    let sender = receiver.reverse();
    let probes = case.after(leg.place, sender, begin.frame).map(|(_, at)| *at);
    let probes: Vec<Sighting> =
        probes.take_while(|at| end.is_none_or(|end| at.frame < end.frame)).collect();
    // Without a probe nobody is known to want to send.
    let first = *probes.first()?;
    let (who, whom) = match receiver {
        Direction::Orig => ("client", "server"),
        Direction::Resp => ("server", "client"),
    };
    let mut facts: Vec<_> = case.set_up(leg).into_iter().collect();
    facts.push(case.fact(
        leg,
        &begin,
        format!("The {who} closed its window: it takes no more bytes."),
    ));
    let frames: Vec<_> = probes.iter().map(|s| s.frame).take(SHOWN).collect();
    let text = format!("The {whom} waited and probed the window.");
    facts.push(case.fact_of(leg.leg.point, &frames, first.time, text));
    if let Some(end) = &end {
        let text =
            format!("The {who} opened it again after {}.", duration(end.time.since(begin.time)));
        facts.push(case.fact(leg, end, text));
    }
    let own = match receiver {
        Direction::Orig => case.orig_side().is_some(),
        Direction::Resp => case.resp_side().is_some(),
    };
    let rivals = vec![Rival::judged(
        FindingId::PacketLoss,
        own || end.is_none(),
        "The window is seen closed at the receiver's side.",
        "The receiver's side was not captured: an earlier opening may have been lost.",
    )];
    let (severity, rest) = match opened {
        true => (Severity::Degraded, ""),
        false => (Severity::Broken, " and did not begin again"),
    };
    let title = format!(
        "The {who} stopped reading from the connection to {} for {}{rest}",
        case.scope(),
        duration(nanos)
    );
    let evidence =
        Evidence { facts, rivals, would_decide: Vec::new(), advice: vec![advice::read_on()] };
    let mut finding = case.finding(FindingId::ReceiverStalled, severity, title, evidence);
    finding.spans = vec![(case.index, nanos)];
    finding.hung_side = match (opened, receiver) {
        (true, _) => HungSide::None,
        // Who waits is the one that wants to send.
        (false, Direction::Orig) => HungSide::Resp,
        (false, Direction::Resp) => HungSide::Orig,
    };
    Some(finding)
}

/// The packets that began and ended the longest time with a closed window.
fn episode(
    case: &Case<'_>,
    leg: LegView<'_>,
    receiver: Direction,
    opened: bool,
) -> Option<(Sighting, Option<Sighting>)> {
    let mut open: Option<Sighting> = None;
    let mut longest: Option<(Sighting, Sighting)> = None;
    for (row, seen) in case.rows_at(leg.place) {
        let s = &seen.at.segment;
        let tells = s.flags.contains(TcpFlags::ACK)
            && !s.flags.contains(TcpFlags::SYN)
            && !s.flags.contains(TcpFlags::RST);
        if row.direction != receiver || !tells {
            continue;
        }
        match (s.window, open) {
            (0, None) => open = Some(seen.at),
            (1.., Some(begin)) => {
                let nanos = seen.at.time.since(begin.time);
                if longest.is_none_or(|(b, e)| nanos > e.time.since(b.time)) {
                    longest = Some((begin, seen.at));
                }
                open = None;
            }
            _ => {}
        }
    }
    if opened { longest.map(|(b, e)| (b, Some(e))) } else { open.map(|b| (b, None)) }
}

/// A window that is closed for less is flow control at work, nanoseconds.
const LONG: i64 = 2_000_000_000;

/// Probes that are cited.
const SHOWN: usize = 8;
