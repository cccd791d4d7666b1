//! The NAT forgot the session, then the server spoke (`nat-expired-server-spoke`, `nat-expired-half-closed`).
//!
//! The server's segment leaves with the server's own address. The client's host knows no such connection and resets; the
//! server believes the reset and closes; the client waits for ever.

use crosscap_reassembly::{Direction, Phase, ResetForm, Silence};

use super::advice;
use super::untranslated::{self, Untranslated};
use crate::case::{Case, LegView};
use crate::finding::{Finding, FindingId, HungSide, Rival, Severity, Verdict};
use crate::words::duration;

/// A stray leg; or, at the server, a silence after which the server spoke and got nothing but a reset.
pub(super) fn screen(case: &Case<'_>) -> bool {
    untranslated::screen(case) || reset_after_silence(case).is_some()
}

pub(super) fn examine(case: &Case<'_>) -> Option<Finding> {
    match Untranslated::of(case) {
        Some(seen) => {
            (!super::conntrack_invalid::explains(case, &seen)).then(|| with_stray(case, &seen))
        }
        None => without_stray(case),
    }
}

/// The reply was seen at the client's side, untranslated.
fn with_stray(case: &Case<'_>, seen: &Untranslated<'_>) -> Finding {
    let silence = seen.silence();
    let fin = seen.fin_before();
    let phase = if fin.is_some() { Phase::HalfClosed } else { Phase::Established };
    let outlived = case.service().outlived_server_first(phase);

    let mut facts: Vec<_> = case.set_up(seen.near).into_iter().collect();
    if let Some(fin) = fin {
        let text = "One end closed its sending side with a FIN; the connection was half-closed from then on.".into();
        facts.push(case.fact(seen.near, &fin, text));
    }
    let text = format!(
        "The last packet of either end through the NAT; then silence for {}.",
        duration(silence)
    );
    facts.push(case.fact(seen.near, &seen.before, text));
    facts.extend(seen.facts(case));
    facts.extend(seen.orphaned(case));

    let mut rivals =
        vec![phase_rival(case, phase, silence), invalid_rival(seen, silence, outlived)];
    rivals.extend(deleted_rival(case, seen, outlived));
    rivals.extend(seen.rivals(case));
    let mut would_decide = Vec::new();
    let mut verdict = Finding::verdict_of(&rivals, &[]);
    if case.resp_side().is_none() {
        verdict = verdict.max(Verdict::Likely);
        would_decide.push(
            "A capture at the server, which shows whether the reset reached it and it closed."
                .into(),
        );
    }
    // Others were silent for longer and were not forgotten: whatever this is, it is not that timer.
    if outlived.is_some_and(|longest| longest >= silence) || seen.reset.is_none() {
        verdict = verdict.max(Verdict::Possible);
        would_decide.push("The session table of the NAT (conntrack -L, ipvsadm -Lnc) while a connection is silent.".into());
    }
    build(case, phase, silence, verdict, case.hung_side(), Story { facts, rivals, would_decide })
}

struct Story {
    facts: Vec<crate::Fact>,
    rivals: Vec<Rival>,
    would_decide: Vec<String>,
}

fn build(
    case: &Case<'_>,
    phase: Phase,
    silence: i64,
    verdict: Verdict,
    hung_side: HungSide,
    story: Story,
) -> Finding {
    let (id, what) = match phase {
        Phase::Established => (FindingId::NatExpiredServerSpoke, "connection"),
        Phase::HalfClosed => (FindingId::NatExpiredHalfClosed, "half-closed connection"),
    };
    let waits = match hung_side {
        HungSide::Orig => "; the client was never told and still waits",
        HungSide::Both => "; neither end was told",
        HungSide::Resp | HungSide::None => "",
    };
    let title = format!(
        "NAT forgot the {what} to {} during {} of silence; the server's late reply left untranslated and was reset{waits}",
        case.scope(),
        duration(silence),
    );
    let mut advice = match phase {
        Phase::Established => vec![advice::keep_alive(), advice::longer_session()],
        Phase::HalfClosed => vec![advice::no_half_close()],
    };
    advice.extend([advice::answer_later(), advice::read_timeout(), advice::no_nat()]);
    Finding {
        id,
        severity: Severity::Broken,
        verdict,
        title,
        paths: vec![case.index],
        spans: vec![(case.index, silence)],
        hung_side,
        facts: story.facts,
        rivals: story.rivals,
        would_decide: story.would_decide,
        advice,
    }
}

/// The other timer: a FIN, seen or not seen, decides.
fn phase_rival(case: &Case<'_>, phase: Phase, silence: i64) -> Rival {
    match phase {
        Phase::Established => Rival::judged(
            FindingId::NatExpiredHalfClosed,
            true,
            "Neither end had sent a FIN before the silence.",
            "",
        ),
        Phase::HalfClosed => {
            let longest = case.service().outlived_server_first(Phase::Established);
            let others = longest.filter(|&l| l > silence).map_or_else(String::new, |l| {
                format!(" Connections that were not half-closed outlived {}.", duration(l))
            });
            let because = format!(
                "A FIN had been sent before the silence, and NAT keeps such sessions by another timer.{others}"
            );
            Rival::judged(FindingId::NatExpiredServerSpoke, true, &because, "")
        }
    }
}

fn invalid_rival(seen: &Untranslated<'_>, silence: i64, outlived: Option<i64>) -> Rival {
    let longest = outlived.is_none_or(|longest| longest < silence);
    Rival::judged(
        FindingId::ConntrackInvalidReply,
        seen.in_order && longest && seen.translated_after.is_none(),
        "The reply came after a silence longer than any that was outlived, with exactly the numbers that were due: no \
         window check rejects it. Nothing was translated afterwards.",
        "The reply's numbers are not exactly those that were due, or others outlived longer silences.",
    )
}

/// That the NAT forgot the session is certain; whether by its timer or because the session was deleted (a restart, a full
/// table, an operator) only other connections can tell. `None` where they say nothing.
fn deleted_rival(case: &Case<'_>, seen: &Untranslated<'_>, outlived: Option<i64>) -> Option<Rival> {
    let at = |time| case.correlation.reference_estimate(seen.near.leg.point, time);
    if outlived.is_some_and(|longest| longest >= seen.silence()) {
        let doubt = "Another connection outlived a longer silence, so a timer alone does not explain this: the session \
                     may have been deleted, by a flush or with its backend.";
        return Some(Rival::judged(FindingId::NatRemappedBackend, false, "", doubt));
    }
    let witnessed = case.service().witnessed_throughout(at(seen.before.time), at(seen.reply.time));
    witnessed.then(|| {
        let because = "At every moment of this silence another connection to the same service was silent as well, and \
                       its late answer was translated: the session table was not flushed or rebuilt meanwhile.";
        Rival::judged(FindingId::NatRemappedBackend, true, because, "")
    })
}

/// A silence at the server that the server ended and a socketless reset answered.
fn reset_after_silence<'a>(case: &Case<'a>) -> Option<(LegView<'a>, Silence)> {
    let far = case.resp_side()?;
    let silence = far.connection.silences.as_ref()?.unanswered()?;
    let reset = far.connection.flow(Direction::Orig).reset()?;
    let answers = reset.form == ResetForm::NoSocket && reset.at.frame > silence.after.frame;
    (silence.first_speaker == Direction::Resp && answers).then_some((far, silence))
}

/// The reply was not seen at the client's side: only the server's side was captured, or NAT also hides the client and
/// the translating host answered.
fn without_stray(case: &Case<'_>) -> Option<Finding> {
    let (far, silence) = reset_after_silence(case)?;
    let reset = far.connection.flow(Direction::Orig).reset()?;
    let near = case.orig_side();
    // Where the client's side was captured, the reply must be absent there: else it was the client that refused it.
    if let Some(near) = near {
        let sent = case.after(near.place, Direction::Orig, near.connection.first().frame);
        let arrived =
            case.carrying(near.place, Direction::Resp, silence.after.segment.seq).is_some();
        let covered = case.covers(near.leg.point, far.leg.point, silence.after.time);
        let reset_by_client = near.connection.flow(Direction::Orig).reset().is_some();
        if arrived || reset_by_client || !covered || sent.count() == 0 {
            return None;
        }
    }
    let gave_up = far
        .connection
        .flow(Direction::Orig)
        .fin
        .is_some_and(|fin| super::client_abort::waited(far, &fin));
    if near.is_none() && gave_up {
        return None;
    }
    let phase = silence.phase;
    let mut facts: Vec<_> = case.set_up(near.unwrap_or(far)).into_iter().collect();
    let text =
        format!("The last packet of either end; then silence for {}.", duration(silence.nanos()));
    facts.push(case.fact(far, &silence.before, text));
    let text = format!("The server sent its next {} bytes.", silence.after.segment.payload_len);
    facts.push(case.fact(far, &silence.after, text));
    let text = format!(
        "They were answered by a reset as a host without such a connection sends it, {} later.",
        duration(reset.at.time.since(silence.after.time))
    );
    facts.push(case.fact(far, &reset.at, text));
    let mut rivals = vec![phase_rival(case, phase, silence.nanos())];
    let mut would_decide = Vec::new();
    if let Some(near) = near {
        let text = format!(
            "Neither the reply nor the reset was seen at the client's side, and {} sent nothing more: the reset was made in \
             between.",
            near.connection.orig
        );
        facts.push(case.fact(near, &near.connection.last(), text));
        rivals.push(Rival::judged(
            FindingId::ClientAbort,
            true,
            "No reset and no FIN left the client.",
            "",
        ));
        let hidden = near.connection.orig.addr != far.connection.orig.addr;
        rivals.push(Rival::judged(
            FindingId::IdleResetByMiddlebox,
            hidden,
            "The client is hidden behind the translating host's own address, so that host received the reply and, \
             having forgotten the session, refused it.",
            "A device in between may have answered on purpose.",
        ));
    } else {
        for id in [FindingId::ClientAbort, FindingId::IdleResetByMiddlebox] {
            rivals.push(Rival::judged(id, false, "", "Only the server's side was captured."));
        }
        would_decide.push("A capture at the client, without an address filter: it shows whether the reply arrived from the \
                           server's own address and whether the client still waits.".into());
    }
    let mut verdict = Finding::verdict_of(&rivals, &would_decide);
    if case.service().outlived_server_first(phase).is_some_and(|longest| longest >= silence.nanos())
    {
        verdict = verdict.max(Verdict::Possible);
    }
    if near.is_some() {
        verdict = verdict.max(Verdict::Likely);
        would_decide.push("A capture on the translating node: it shows the reply arriving there and the reset leaving.".into());
    }
    // A client that was not captured was never told either, if this is what happened.
    let hung_side = if near.is_some() { case.hung_side() } else { HungSide::Orig };
    Some(build(
        case,
        phase,
        silence.nanos(),
        verdict,
        hung_side,
        Story { facts, rivals, would_decide },
    ))
}
