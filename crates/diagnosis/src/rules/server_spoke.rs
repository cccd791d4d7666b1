//! The NAT forgot the session, then the server spoke (`nat-expired-server-spoke`, `nat-expired-half-closed`).
//!
//! The server's segment leaves with the server's own address. The client's host knows no such connection and resets; the
//! server believes the reset and closes; the client waits for ever. Here the client's side was captured and shows it;
//! `server_unseen` is for the captures that do not.

use crosscap_reassembly::Phase;

use super::advice;
use super::untranslated::Untranslated;
use crate::case::Case;
use crate::deletion::Broken;
use crate::finding::{Fact, Finding, FindingId, HungSide, Rival, Severity, Verdict};
use crate::words::duration;

pub(super) fn examine(case: &Case<'_>) -> Option<Finding> {
    let seen = Untranslated::of(case)?;
    (!super::conntrack_invalid::explains(case, &seen)).then(|| with_stray(case, &seen))
}

/// The reply was seen at the client's side, untranslated.
fn with_stray(case: &Case<'_>, seen: &Untranslated<'_>) -> Finding {
    let silence = seen.silence();
    let fin = seen.fin_before(case);
    let phase = if fin.is_some() { Phase::HalfClosed } else { Phase::Established };
    let outlived = case.service().outlived_server_first(phase);

    let mut facts: Vec<_> = case.set_up(seen.near).into_iter().collect();
    if let Some((leg, fin)) = fin {
        let text = "One end closed its sending side with a FIN; the connection was half-closed from then on.".into();
        facts.push(case.fact(leg, &fin, text));
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
    if seen.reset.is_none() {
        verdict = verdict.max(Verdict::Possible);
        would_decide.push("A capture that shows what the client's host answered.".into());
    }
    let broken = case.broken(seen.near, phase, [&seen.before, &seen.reply], false);
    story(
        case,
        Story {
            phase,
            silence,
            verdict,
            hung_side: case.hung_side(),
            broken,
            facts,
            rivals,
            would_decide,
        },
    )
}

/// What differs between the ways to see the same failure.
pub(super) struct Story {
    pub(super) phase: Phase,
    pub(super) silence: i64,
    pub(super) verdict: Verdict,
    pub(super) hung_side: HungSide,
    pub(super) broken: Broken,
    pub(super) facts: Vec<Fact>,
    pub(super) rivals: Vec<Rival>,
    pub(super) would_decide: Vec<String>,
}

pub(super) fn story(case: &Case<'_>, story: Story) -> Finding {
    let Story { phase, silence, hung_side, .. } = story;
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
        verdict: story.verdict,
        title,
        paths: vec![case.index],
        spans: vec![(case.index, silence)],
        broken: Some(story.broken),
        hung_side,
        facts: story.facts,
        rivals: story.rivals,
        would_decide: story.would_decide,
        advice,
    }
}

/// The other timer: a FIN, seen or not seen, decides.
pub(super) fn phase_rival(case: &Case<'_>, phase: Phase, silence: i64) -> Rival {
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
