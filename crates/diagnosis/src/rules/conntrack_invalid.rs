//! Connection tracking judged a reply invalid and let it pass untranslated (`conntrack-invalid-reply`).
//!
//! The connection is busy, not idle; NAT works for the packets around the one that was not translated.

use crosscap_reassembly::{Direction, Phase};

use super::advice;
use super::untranslated::{BUSY, Untranslated};
use crate::case::Case;
use crate::finding::{Finding, FindingId, HungSide, Rival, Severity, Verdict};
use crate::words::duration;

/// Whether this, and not a forgotten session, explains the untranslated reply.
pub(super) fn explains(case: &Case<'_>, seen: &Untranslated<'_>) -> bool {
    let phase =
        if seen.fin_before(case).is_some() { Phase::HalfClosed } else { Phase::Established };
    let outlived = case
        .service()
        .outlived_server_first(phase)
        .is_some_and(|longest| longest >= seen.silence());
    seen.translated_after.is_some() || seen.silence() < BUSY || (!seen.in_order && outlived)
}

pub(super) fn examine(case: &Case<'_>) -> Option<Finding> {
    // Without a reset no harm was done that the packets show.
    let seen =
        Untranslated::of(case).filter(|seen| seen.reset.is_some() && explains(case, seen))?;
    let silence = seen.silence();
    let mut facts: Vec<_> = case.set_up(seen.near).into_iter().collect();
    let busy = if silence < BUSY { ": the connection was busy" } else { "" };
    let text = format!("The last translated packet, {} before the reply{busy}.", duration(silence));
    facts.push(case.fact(seen.near, &seen.before, text));
    facts.extend(seen.facts(case));
    if let Some(after) = &seen.translated_after {
        let text =
            format!("Later packets from {} were translated again.", seen.near.connection.resp);
        facts.push(case.fact(seen.near, after, text));
    }
    facts.extend(seen.orphaned(case));

    let works = seen.translated_after.is_some();
    let mut rivals = vec![Rival::judged(
        FindingId::NatExpiredServerSpoke,
        works || (silence < BUSY && !seen.in_order),
        if works {
            "The NAT still knew the session: later packets were translated."
        } else {
            "The connection was not idle, and the reply's numbers are not those that were due: a forgotten session \
             leaves in-order replies untranslated."
        },
        "No packet was translated afterwards, so the session itself may have been lost.",
    )];
    rivals.extend(seen.rivals(case));
    let mut would_decide = Vec::new();
    let mut verdict = Finding::verdict_of(&rivals, &[]);
    if case.resp_side().is_none() {
        verdict = verdict.max(Verdict::Likely);
        would_decide
            .push("A capture at the server, which shows whether the reset reached it.".into());
    }
    // Where translation works, a reset by the server reaches the client, captured or not.
    let server_reset =
        case.resp_side().is_some_and(|far| far.connection.flow(Direction::Resp).reset().is_some());
    let hung_side = match case.hung_side() {
        HungSide::Orig if server_reset => HungSide::None,
        side => side,
    };
    let end = match hung_side {
        HungSide::Orig => "the server closed and the client still waits",
        HungSide::Both => "neither end was told",
        HungSide::Resp | HungSide::None => "both ends have lost the connection",
    };
    let title = format!(
        "Connection tracking let a reply of {} connection to {} pass untranslated; the client's host reset it: {end}",
        if silence < BUSY { "a busy" } else { "the" },
        case.scope()
    );
    Some(Finding {
        id: FindingId::ConntrackInvalidReply,
        severity: Severity::Broken,
        verdict,
        title,
        paths: vec![case.index],
        spans: Vec::new(),
        broken: None,
        hung_side,
        facts,
        rivals,
        would_decide,
        advice: vec![advice::liberal_conntrack()],
    })
}
