//! The same failure as in `server_spoke`, where no capture shows the reply at the client's side: only the server's side
//! was captured at that time, a capture filter hid the reply, or NAT also hides the client, so that the translating host
//! received the reply and refused it itself.

use crosscap_reassembly::{Direction, Phase, Reset, ResetForm, Silence};

use super::client_abort;
use super::server_spoke::{Story, phase_rival, story};
use super::untranslated::Untranslated;
use crate::case::{Case, LegView};
use crate::finding::{Finding, FindingId, HungSide, Rival, Verdict};
use crate::words::{carried, duration};

/// At the server: a silence after which the server spoke and got nothing but a reset.
pub(super) fn screen(case: &Case<'_>) -> bool {
    reset_after_silence(case).is_some()
}

/// A silence at the server that the server ended and a reset by a host without a socket answered.
fn reset_after_silence<'a>(case: &Case<'a>) -> Option<(LegView<'a>, Silence, Reset)> {
    let far = case.resp_side()?;
    let silence = far.connection.silences.as_ref()?.unanswered()?;
    let reset = far.connection.flow(Direction::Orig).reset()?;
    let answers = reset.form == ResetForm::NoSocket && reset.at.frame > silence.after.frame;
    // Once the client has closed its side, a server that says goodbye late is reset by right; an answer is not.
    let answer =
        far.connection.longest_wait.as_ref().is_some_and(|w| w.answer.frame == silence.after.frame);
    let due = silence.phase == Phase::Established || answer;
    (silence.first_speaker == Direction::Resp && answers && due).then_some((far, silence, reset))
}

pub(super) fn examine(case: &Case<'_>) -> Option<Finding> {
    let (far, silence, reset) = reset_after_silence(case)?;
    if Untranslated::of(case).is_some() {
        return None;
    }
    let near = case.orig_side().filter(|near| near.place != far.place);
    if let Some(near) = near {
        // Where the reply arrived translated, or the client reset that connection, it was the client that refused it.
        let arrived =
            case.carrying(near.place, Direction::Resp, silence.after.segment.seq).is_some();
        if arrived || near.connection.flow(Direction::Orig).reset().is_some() {
            return None;
        }
    }
    let watching =
        near.filter(|near| case.covers(near.leg.point, far.leg.point, silence.after.time));
    let gave_up = |fin| client_abort::waited(far, &fin);
    if watching.is_none() && far.connection.flow(Direction::Orig).fin.is_some_and(gave_up) {
        return None;
    }

    let nanos = silence.nanos();
    let mut facts: Vec<_> = case.set_up(near.unwrap_or(far)).into_iter().collect();
    let text = format!("The last packet of either end; then silence for {}.", duration(nanos));
    facts.push(case.fact(far, &silence.before, text));
    let text = format!("The server sent its next {}.", carried(&silence.after.segment));
    facts.push(case.fact(far, &silence.after, text));
    let text = format!(
        "A reset came back, as a host without such a connection sends it, {} later.",
        duration(reset.at.time.since(silence.after.time))
    );
    facts.push(case.fact(far, &reset.at, text));
    if let Some(near) = watching {
        let text = format!(
            "At {} this was the last packet of the connection: neither the reply nor the reset was seen there.",
            case.point_name(near)
        );
        facts.push(case.fact(near, &near.connection.last(), text));
    }

    let mut rivals = vec![phase_rival(case, silence.phase, nanos)];
    rivals.extend(rivals_of(far, watching));
    let would_decide = match watching {
        Some(_) => {
            "A capture on the translating node: it shows the reply arriving there and who sent the reset."
        }
        None => {
            "A capture at the client over the same time, without an address filter: it shows whether the reply arrived \
             from the server's own address and whether the client still waits."
        }
    };
    let would_decide = vec![would_decide.to_owned()];
    let verdict = if watching.is_some() { Verdict::Likely } else { Verdict::Possible };
    // A client that was not watched was never told either, if this is what happened.
    let hung_side = if watching.is_some() { case.hung_side() } else { HungSide::Orig };
    let broken = case.broken(far, silence.phase, [&silence.before, &silence.after], false);
    let told = Story {
        phase: silence.phase,
        silence: nanos,
        verdict,
        hung_side,
        broken,
        facts,
        rivals,
        would_decide,
    };
    Some(story(case, told))
}

fn rivals_of(far: LegView<'_>, watching: Option<LegView<'_>>) -> [Rival; 2] {
    let Some(near) = watching else {
        return [FindingId::ClientAbort, FindingId::IdleResetByMiddlebox].map(|id| {
            Rival::judged(id, false, "", "The client's side was not captured at that time.")
        });
    };
    let hidden = near.connection.orig.addr != far.connection.orig.addr;
    [
        Rival::judged(
            FindingId::ClientAbort,
            near.connection.flow(Direction::Orig).fin.is_none(),
            "No reset and no FIN left the client.",
            "The client had closed its side.",
        ),
        Rival::judged(
            FindingId::IdleResetByMiddlebox,
            hidden,
            "The client is hidden behind the translating host's own address, so that host received the reply and, having \
             forgotten the session, refused it.",
            "A device in between may have answered on purpose; or a capture filter hid the reply at the client.",
        ),
    ]
}
