//! The client's host gave up while it waited for an answer (`client-abort`).
//!
//! NAT is intact: the client's FIN or RST and the server's late answer pass it.

use crosscap_packet::TcpFlags;
use crosscap_reassembly::{Direction, Sighting};

use super::advice;
use crate::case::{Case, LegView};
use crate::finding::{Evidence, Finding, FindingId, Rival, RivalStatus, Severity};
use crate::words::{counted, duration};

/// How a client gave up.
struct GaveUp {
    /// The last packet of its request.
    request: Sighting,
    /// Its FIN or RST.
    closing: Sighting,
    /// Its first RST, where it sent one.
    reset: Option<Sighting>,
}

/// A client that closed or reset while a request was open.
pub(super) fn screen(case: &Case<'_>) -> bool {
    let Some(leg) = vantage(case) else { return false };
    // A server that never answers anybody was not asked anything.
    let spoken_to = case.service().answered > 0 || leg.connection.flow(Direction::Resp).bytes > 0;
    spoken_to && gave_up(leg).is_some()
}

/// A client that reset while an answer was under way.
pub(super) fn screen_download(case: &Case<'_>) -> bool {
    cut_short(case).is_some()
}

/// The client's leg, its reset, and how many bytes of the answer it had not acknowledged by then.
fn cut_short<'a>(case: &Case<'a>) -> Option<(LegView<'a>, Sighting, u32)> {
    let near = case.orig_side()?;
    let c = near.connection;
    let reset = c.flow(Direction::Orig).reset()?.at;
    let finished = c.flow(Direction::Resp).closing().is_some_and(|at| at.frame < reset.frame);
    let legs = || [Some(near), case.resp_side()].into_iter().flatten().map(|l| l.connection);
    // The near capture may lack the last acknowledgement, but not all: then the client is not seen to take an answer.
    let seen = c.flow(Direction::Orig).acked?;
    let more = legs().filter_map(|c| c.flow(Direction::Orig).acked);
    let own = reset.segment.flags.contains(TcpFlags::ACK).then_some(reset.segment.ack);
    let acked = more.chain(own).fold(seen, |a, b| if b.ahead_of(a) > 0 { b } else { a });
    let ends = legs().filter_map(|c| c.flow(Direction::Resp).stream_end());
    let left = ends.map(|end| end.ahead_of(acked)).max()?;
    let left = u32::try_from(left).ok()?;
    // A window that is closed holds what the client has not read.
    let unread = c.flow(Direction::Orig).closed_windows.closed_since.is_some();
    (!finished && (left > GOODBYE || unread)).then_some((near, reset, left))
}

pub(super) fn examine_download(case: &Case<'_>) -> Option<Finding> {
    let (near, reset, left) = cut_short(case)?;
    if case.strays().next().is_some() || gave_up(near).is_some() {
        return None;
    }
    // Who has closed in peace, with all that had come, does not cut short what is sent later.
    let fin = near.connection.flow(Direction::Orig).fin.filter(|fin| fin.frame < reset.frame);
    let in_peace = |fin: Sighting| {
        let mut came = case
            .rows_at(near.place)
            .filter(|(row, seen)| row.direction == Direction::Resp && seen.at.frame < fin.frame);
        !came.any(|(_, seen)| seen.at.segment.seq_end().ahead_of(fin.segment.ack) > 0)
    };
    if fin.is_some_and(in_peace) {
        return None;
    }
    let mut facts: Vec<_> = case.set_up(near).into_iter().collect();
    let started =
        case.rows_at(near.place).map(|(row, seen)| (row.direction, seen.at)).rfind(|(d, at)| {
            *d == Direction::Resp && at.segment.payload_len > 0 && at.frame < reset.frame
        })?;
    let text = format!(
        "The server was answering: {}.",
        counted(started.1.segment.payload_len.into(), "byte")
    );
    facts.push(case.fact(near, &started.1, text));
    let text = match u64::from(left) {
        0 => "The client's host sent a reset with its window closed: it had not read all that had come."
            .into(),
        left => format!(
            "The client's host sent a reset; of the answer {} at least had not been acknowledged.",
            counted(left, "byte")
        ),
    };
    facts.push(case.fact(near, &reset, text));
    let arrived = case
        .resp_side()
        .filter(|f| f.place != near.place)
        .and_then(|f| Some((f, f.connection.flow(Direction::Orig).reset()?.at)));
    if let Some((far, at)) = &arrived {
        facts.push(case.fact(*far, at, "It reached the server.".into()));
    }
    let own_ttl = near.connection.flow(Direction::Orig).first.map(|s| s.segment.ttl);
    let rivals = vec![Rival::judged(
        FindingId::ResetInjected,
        own_ttl == Some(reset.segment.ttl),
        "The reset was seen leaving the client, with the time to live of the client's own packets.",
        "The reset's time to live is not that of the client's other packets.",
    )];
    let title =
        format!("The client cut an answer of {} short: it reset the connection", case.scope());
    let evidence =
        Evidence { facts, rivals, would_decide: Vec::new(), advice: vec![advice::client_log()] };
    Some(case.finding(FindingId::ClientAbort, Severity::Broken, title, evidence))
}

/// The leg to judge the client by.
fn vantage<'a>(case: &Case<'a>) -> Option<LegView<'a>> {
    case.orig_side().or_else(|| case.resp_side())
}

fn gave_up(leg: LegView<'_>) -> Option<GaveUp> {
    let c = leg.connection;
    let client = c.flow(Direction::Orig);
    let reset = client.reset().map(|r| r.at);
    let closing = [client.fin, reset].into_iter().flatten().min_by_key(|s| s.frame)?;
    // Answered later, after the close, is still unanswered when the client closed.
    let late = c
        .longest_wait
        .as_ref()
        .filter(|w| w.request.frame < closing.frame && w.answer.frame > closing.frame);
    let request = late
        .map(|w| w.request)
        .or_else(|| c.unanswered_request().filter(|r| r.frame < closing.frame))?;
    // What the client acknowledges with its last packet beyond what it had with its request is an answer, captured or
    // not.
    let answered = closing.segment.flags.contains(TcpFlags::ACK)
        && request.segment.flags.contains(TcpFlags::ACK)
        && closing.segment.ack.ahead_of(request.segment.ack) > 0;
    // A FIN alone may close the sending side only; a reset, then or later, shows that nobody listens any more.
    let patient = closing.time.since(request.time) >= PATIENCE;
    (patient && reset.is_some() && !answered).then_some(GaveUp { request, closing, reset })
}

/// Whether `closing` came long enough after the last request to be a client losing patience.
pub(super) fn waited(leg: LegView<'_>, closing: &Sighting) -> bool {
    gave_up(leg).is_some_and(|g| g.closing.frame == closing.frame)
}

pub(super) fn examine(case: &Case<'_>) -> Option<Finding> {
    let leg = vantage(case)?;
    let GaveUp { request, closing, reset } = gave_up(leg)?;
    if case.strays().next().is_some() || case.is_bookkeeping(leg, &request) {
        return None;
    }
    let near = case.orig_side();
    let far = case.resp_side().filter(|f| f.place != leg.place);
    let word = if closing.segment.flags.contains(TcpFlags::RST) { "reset" } else { "closed" };

    let mut facts: Vec<_> = case.set_up(leg).into_iter().collect();
    let text = format!(
        "The last byte of the request, {} in this packet.",
        counted(request.segment.payload_len.into(), "byte")
    );
    facts.push(case.fact(leg, &request, text));
    let waited = duration(closing.time.since(request.time));
    let text =
        format!("The client {word} the connection after waiting {waited} without an answer.");
    facts.push(case.fact(leg, &closing, text));
    let arrived = far.and_then(|f| {
        let flow = f.connection.flow(Direction::Orig);
        let mut ends = [flow.fin, flow.reset().map(|r| r.at)].into_iter().flatten();
        Some((f, ends.find(|at| at.segment.seq_end() == closing.segment.seq_end())?))
    });
    if let Some((f, at)) = &arrived {
        facts.push(case.fact(*f, at, "It reached the server.".into()));
    }
    let answer = case
        .after(leg.place, Direction::Resp, closing.frame)
        .find(|(_, at)| at.segment.payload_len > 0);
    if let Some((_, at)) = answer {
        let text = format!(
            "The server's answer came {} after the request, from the address that the client knows.",
            duration(at.time.since(request.time))
        );
        facts.push(case.fact(leg, at, text));
    }
    if let Some(reset) = reset.filter(|r| r.frame != closing.frame) {
        facts.push(case.fact(
            leg,
            &reset,
            "The client's host, which had forgotten the connection, reset it.".into(),
        ));
    }

    let own_ttl = leg.connection.flow(Direction::Orig).first.map(|s| s.segment.ttl);
    let own = near.is_some() && own_ttl == Some(closing.segment.ttl);
    let no_sight = "The client's side was not captured.";
    let passes =
        "What the client sent passed the NAT and reached the server on the same connection.";
    let rivals = vec![
        Rival::judged(
            FindingId::ResetInjected,
            own,
            "The packet was seen leaving the client, with the time to live of the client's own packets.",
            no_sight,
        ),
        Rival::judged(FindingId::NatExpiredServerSpoke, own || arrived.is_some(), passes, no_sight),
        Rival::judged(
            FindingId::IdleResetByMiddlebox,
            own,
            "The client's own host closed; no device in between did.",
            no_sight,
        ),
        Rival::judged(
            FindingId::NothingAsked,
            answer.is_some(),
            "An answer came, so the client had asked for one.",
            "The client heard no answer: whether its last bytes asked for one, only the application knows.",
        ),
        lost_on_the_way(case, leg, far, [&request, &closing]),
    ];
    let mut would_decide = Vec::new();
    if near.is_none() {
        would_decide
            .push("A capture at the client, which shows whether it sent this itself.".into());
    }
    let verdict = Finding::verdict_of(&rivals, &would_decide);
    if answer.is_none() {
        would_decide.push(
            "The server's log: whether the last bytes were a request, and what became of it."
                .into(),
        );
    }
    if far.is_none() && near.is_some() {
        would_decide
            .push("A capture at the server, which shows what it was doing meanwhile.".into());
    }
    Some(Finding {
        id: FindingId::ClientAbort,
        severity: Severity::Broken,
        verdict,
        title: format!(
            "The client gave up: it {word} the connection to {} after waiting {waited} for an answer",
            case.scope()
        ),
        paths: vec![case.index],
        spans: vec![(case.index, closing.time.since(request.time))],
        broken: None,
        hung_side: case.hung_side(),
        facts,
        rivals,
        would_decide,
        advice: vec![advice::client_timeout()],
    })
}

/// Whether the request or its answer was lost between the points, so that the client waited for what could not come.
fn lost_on_the_way(
    case: &Case<'_>,
    leg: LegView<'_>,
    far: Option<LegView<'_>>,
    [request, closing]: [&Sighting; 2],
) -> Rival {
    let rival = |status, because: String| Rival { id: FindingId::PacketLoss, status, because };
    let Some(far) = far else {
        let why =
            "Only one side was captured: the request or an answer may have been lost on the way.";
        return rival(RivalStatus::Open, why.into());
    };
    let Some((_, arrived)) = case.carrying(far.place, Direction::Orig, request.segment.seq) else {
        let why = "The request was not seen arriving at the server's side.";
        return rival(RivalStatus::Open, why.into());
    };
    // What was sent before the server can have known that the client had closed.
    let known = case
        .rows_at(far.place)
        .find(|(row, _)| row.at_leg(leg.place).is_some_and(|s| s.at.frame == closing.frame))
        .map(|(_, seen)| seen.at.frame);
    // Segments may be cut anew on their way: it is the bytes that count.
    let bytes: Vec<_> = case
        .after(far.place, Direction::Resp, arrived.frame)
        .map(|(_, at)| at)
        .filter(|at| known.is_none_or(|frame| at.frame < frame))
        .filter(|at| at.segment.payload_len > 0)
        .flat_map(|at| [at.segment.seq, at.segment.seq + (at.segment.payload_len - 1)])
        .collect();
    let lost = case.carriers(leg.place, Direction::Resp, &bytes).iter().any(Option::is_none);
    if lost {
        let why = "The server's side shows an answer that did not come to the client's.";
        return rival(RivalStatus::Open, why.into());
    }
    let why = "The request arrived at the server's side, and no answer that left there is missing at the client's.";
    rival(RivalStatus::Refuted, why.into())
}

/// A client that closes sooner than this after its last byte did not wait for an answer, nanoseconds: it said goodbye.
const PATIENCE: i64 = 500_000_000;

/// A close_notify of TLS or a GOAWAY that a client does not wait for, bytes.
const GOODBYE: u32 = 100;
