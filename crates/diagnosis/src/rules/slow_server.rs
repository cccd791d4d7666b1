//! The server took long to answer (`slow-server`). No fault of the network; what makes idle timers run out.

use crosscap_packet::TcpFlags;
use crosscap_reassembly::{Direction, Wait};

use super::advice;
use crate::case::{Case, LegView};
use crate::finding::{Finding, FindingId, HungSide, Rival, Severity, Verdict};
use crate::words::duration;

/// An answer that took long, by itself or against the other answers of the service.
pub(super) fn screen(case: &Case<'_>) -> bool {
    slow(case).is_some()
}

fn slow<'a>(case: &Case<'a>) -> Option<(LegView<'a>, &'a Wait)> {
    let leg = case.resp_side().or_else(|| case.orig_side())?;
    let wait = leg.connection.longest_wait.as_deref()?;
    // An answer that does not begin where the request said so began earlier, uncaptured.
    let request = &wait.request.segment;
    if request.flags.contains(TcpFlags::ACK) && wait.answer.segment.seq.ahead_of(request.ack) > 0 {
        return None;
    }
    // A clock that stepped meanwhile makes a short wait look long.
    let at = |time| case.correlation.reference_estimate(leg.leg.point, time);
    let nanos = wait.nanos().min(at(wait.answer.time).since(at(wait.request.time)));
    let service = case.service();
    let unusual =
        service.answered >= ENOUGH && nanos >= service.median_wait.saturating_mul(UNUSUAL);
    (nanos >= LONG || (nanos >= NOTICEABLE && unusual)).then_some((leg, wait))
}

pub(super) fn examine(case: &Case<'_>) -> Option<Finding> {
    // A client that gave up has its own story, which tells of the wait as well.
    if super::client_abort::screen(case) {
        return None;
    }
    let (leg, wait) = slow(case)?;
    if case.is_bookkeeping(leg, &wait.request) || is_goodbye(leg, wait) {
        return None;
    }
    let acknowledged =
        case.after(leg.place, Direction::Resp, wait.request.frame).map(|(_, at)| *at).find(|at| {
            at.frame < wait.answer.frame
                && at.segment.ack.ahead_of(wait.request.segment.seq_end()) >= 0
        });
    let mut facts: Vec<_> = case.set_up(leg).into_iter().collect();
    facts.push(case.fact(leg, &wait.request, "The last byte of the request.".into()));
    if let Some(ack) = acknowledged {
        let text = format!(
            "The server's host acknowledged it {} later.",
            duration(ack.time.since(wait.request.time))
        );
        facts.push(case.fact(leg, &ack, text));
    }
    let text =
        format!("The first byte of the answer, {} after the request.", duration(wait.nanos()));
    facts.push(case.fact(leg, &wait.answer, text));

    let at_server = case.resp_side().is_some();
    let client = leg.connection.flow(Direction::Orig);
    let window_open = client.zero_windows == 0;
    let rivals = vec![
        Rival::judged(
            FindingId::PacketLoss,
            at_server && acknowledged.is_some(),
            "The request had arrived, as the server's own acknowledgement shows, and no earlier answer was seen leaving the \
             server.",
            if at_server {
                "The request was not acknowledged before the answer."
            } else {
                "The server's side was not captured: whether the time went by there or on the way is not seen."
            },
        ),
        Rival::judged(
            FindingId::ReceiverStalled,
            window_open,
            "The client never closed its window.",
            "The client had closed its window for a time.",
        ),
    ];
    let mut would_decide = Vec::new();
    if !at_server {
        would_decide.push(
            "A capture at the server, which shows when the request arrived and the answer left."
                .into(),
        );
    }
    let mut verdict = Finding::verdict_of(&rivals, &[]);
    if !at_server {
        verdict = verdict.max(Verdict::Likely);
    }
    Some(Finding {
        id: FindingId::SlowServer,
        severity: Severity::Degraded,
        verdict,
        title: format!("The server at {} took {} to answer", case.scope(), duration(wait.nanos())),
        paths: vec![case.index],
        spans: vec![(case.index, wait.nanos())],
        broken: None,
        hung_side: HungSide::None,
        facts,
        rivals,
        would_decide,
        advice: vec![advice::profile_server(), advice::answer_later()],
    })
}

/// Whether the server said but a few bytes and closed: a goodbye to an idle client, no answer.
fn is_goodbye(leg: LegView<'_>, wait: &Wait) -> bool {
    let server = leg.connection.flow(Direction::Resp);
    let said = server.stream_end().map_or(0, |end| end.ahead_of(wait.answer.segment.seq));
    said <= GOODBYE
        && server.fin.is_some_and(|fin| fin.time.since(wait.answer.time) <= 1_000_000_000)
}

/// A GOAWAY of HTTP/2 and a close_notify of TLS together, bytes.
const GOODBYE: i32 = 100;

/// Long whatever the service, nanoseconds.
const LONG: i64 = 5_000_000_000;

/// Long where it is unusual for the service, nanoseconds.
const NOTICEABLE: i64 = 2_000_000_000;

/// How many times the median makes a wait unusual.
const UNUSUAL: i64 = 10;

/// Answered connections that make a median worth having.
const ENOUGH: usize = 8;
