//! The NAT forgot the session, then the client spoke and was reset by the translating host itself
//! (`nat-expired-client-spoke`).

use crosscap_packet::TcpFlags;
use crosscap_reassembly::{Direction, ResetForm, Sighting, Silence};

use super::advice;
use crate::case::{Case, LegView};
use crate::finding::{Evidence, Finding, FindingId, HungSide, Rival, Severity};
use crate::words::{carried, duration};

/// At the client's side: a silence that the client ended, and a reset from the service.
pub(super) fn screen(case: &Case<'_>) -> bool {
    refused(case).is_some()
}

fn refused<'a>(case: &Case<'a>) -> Option<(LegView<'a>, Silence)> {
    let near = case.orig_side()?;
    let silence = near.connection.silences.as_ref()?.unanswered()?;
    let reset = near.connection.flow(Direction::Resp).reset()?;
    let answers = reset.form == ResetForm::NoSocket && reset.at.frame > silence.after.frame;
    (silence.first_speaker == Direction::Orig && answers).then_some((near, silence))
}

pub(super) fn examine(case: &Case<'_>) -> Option<Finding> {
    let (near, silence) = refused(case)?;
    let reset = near.connection.flow(Direction::Resp).reset()?.at;
    // A middlebox that resets on its own does not take the number from what it answers.
    let (_, answered) =
        case.after(near.place, Direction::Orig, silence.before.frame).rfind(|(_, at)| {
            at.segment.flags.contains(TcpFlags::ACK)
                && at.segment.ack == reset.segment.seq
                && at.frame < reset.frame
        })?;
    let far = case.resp_side();
    if let Some(far) = far {
        let sent_by_server = far.connection.flow(Direction::Resp).reset().is_some();
        let arrived = case
            .rows_at(near.place)
            .any(|(row, seen)| seen.at.frame == answered.frame && row.at_leg(far.place).is_some());
        if sent_by_server || arrived {
            return None;
        }
    }
    let covered = far.is_some_and(|far| {
        Direction::BOTH.iter().all(|d| case.would_show(far, *d, near.leg.point, reset.time))
    });
    let server_ttl = near.connection.flow(Direction::Resp).first.map(|s| s.segment.ttl);
    let local = reset.segment.has_initial_ttl() && server_ttl != Some(reset.segment.ttl);

    // A reset with the time to live of the server's packets: where that has been counted down, it came from as far away,
    // else, without sight of the server, most likely from the server.
    let routed = !reset.segment.has_initial_ttl();
    if (routed || far.is_none()) && server_ttl == Some(reset.segment.ttl) {
        return None;
    }

    // A forgotten session refuses the first packet; here an earlier one was swallowed.
    let swallowed = case
        .after(near.place, Direction::Orig, silence.before.frame)
        .map(|(_, at)| *at)
        .find(|at| {
            let (sent, again) = (&at.segment, &answered.segment);
            (sent.seq, sent.payload_len) == (again.seq, again.payload_len)
                && answered.time.since(at.time) >= ANOTHER_TRY
        });
    if let Some(swallowed) = swallowed {
        return Some(removed(case, near, &silence, [&swallowed, answered, &reset]));
    }

    let mut facts: Vec<_> = case.set_up(near).into_iter().collect();
    let text = format!(
        "The last packet of either end through the NAT; then silence for {}.",
        duration(silence.nanos())
    );
    facts.push(case.fact(near, &silence.before, text));
    let text = format!(
        "The client spoke again: its next {} to {}.",
        carried(&answered.segment),
        near.connection.resp
    );
    facts.push(case.fact(near, answered, text));
    let text = format!(
        "A reset came back {} later, as a host without such a connection sends it, with a time to live of {} where the \
         server's packets have {}.",
        duration(reset.time.since(answered.time)),
        reset.segment.ttl,
        server_ttl.map_or_else(|| "an unknown one".into(), |ttl| ttl.to_string()),
    );
    facts.push(case.fact(near, &reset, text));
    if let Some(far) = far.filter(|_| covered) {
        let text = format!(
            "At {} this was the last packet: neither what the client sent nor a reset was seen there, and the server still \
             believes in the connection.",
            case.point_name(far)
        );
        facts.push(case.fact(far, &far.connection.last(), text));
    }

    let (nothing_sent, ttl_tells) = (
        "The capture nearer the server was running and shows no reset coming.",
        "The reset's time to live is undiminished and differs from that of the server's packets: the client's own node \
         sent it.",
    );
    let no_sight = "The server's side was not captured at that time.";
    let no_ttl = "The reset's time to live does not tell who sent it.";
    let rivals = vec![
        Rival::judged(
            FindingId::ServerReset,
            covered || local,
            if covered { nothing_sent } else { ttl_tells },
            no_sight,
        ),
        Rival::judged(FindingId::IdleResetByMiddlebox, local, ttl_tells, no_ttl),
    ];
    let mut would_decide = Vec::new();
    if !covered {
        would_decide.push("A capture at the server over the same time, which shows whether the packet arrived there.".into());
    }
    let verdict = Finding::verdict_of(&rivals, &would_decide);
    let title = format!(
        "NAT forgot the connection to {} during {} of silence; the client spoke again and the translating host reset it, \
         while the server was never told",
        case.scope(),
        duration(silence.nanos()),
    );
    Some(Finding {
        id: FindingId::NatExpiredClientSpoke,
        severity: Severity::Broken,
        verdict,
        title,
        paths: vec![case.index],
        spans: vec![(case.index, silence.nanos())],
        broken: Some(case.broken(near, silence.phase, [&silence.before, &silence.after], true)),
        // Nothing that the client's side shows could have told the server.
        hung_side: if far.is_some() { case.hung_side() } else { HungSide::Resp },
        facts,
        rivals,
        would_decide,
        advice: vec![advice::keep_alive(), advice::longer_session(), advice::no_nat()],
    })
}

/// The first packet was dropped, its repetition reset (`backend-removed-drop`).
fn removed(
    case: &Case<'_>,
    near: LegView<'_>,
    silence: &Silence,
    [swallowed, answered, reset]: [&Sighting; 3],
) -> Finding {
    let mut facts: Vec<_> = case.set_up(near).into_iter().collect();
    let text =
        format!("The last packet of either end; then silence for {}.", duration(silence.nanos()));
    facts.push(case.fact(near, &silence.before, text));
    facts.push(case.fact(near, swallowed, "The client spoke again and got no answer.".into()));
    let text = format!("It said so again {} later,", duration(answered.time.since(swallowed.time)));
    facts.push(case.fact(near, answered, format!("{text} and that was answered by a reset.")));
    let text = format!(
        "The reset, as a host without such a connection sends it, with a time to live of {}.",
        reset.segment.ttl
    );
    facts.push(case.fact(near, reset, text));
    let doubt = "A session that ran out and a backend that was removed are told apart by the translating host only.";
    let rivals = vec![
        Rival::judged(
            FindingId::NatExpiredClientSpoke,
            false,
            "",
            "The first packet may have been lost by chance, and the session have run out.",
        ),
        Rival::judged(FindingId::ServerReset, false, "", doubt),
        Rival::judged(FindingId::IdleResetByMiddlebox, false, "", doubt),
    ];
    let would_decide = vec!["Whether the backend was removed from the Service at that time (kubectl get events, the log of kube-proxy).".into()];
    let title = format!(
        "The connection to {} is gone: its first packet after {} of silence was swallowed, the next was reset",
        case.scope(),
        duration(silence.nanos())
    );
    let evidence = Evidence {
        facts,
        rivals,
        would_decide,
        advice: vec![advice::server_closes(), advice::keep_alive()],
    };
    case.finding(FindingId::BackendRemovedDrop, Severity::Degraded, title, evidence)
}

/// A packet this long after another is another try, nanoseconds: no retransmission timer is as short.
const ANOTHER_TRY: i64 = 100_000_000;
