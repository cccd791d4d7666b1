//! The server's host reset a connection that the client still used (`server-reset`), or has none of it any more
//! (`backend-gone-reset`).

use crosscap_reassembly::{Direction, ResetForm, Sighting};

use super::advice;
use super::provenance::{Got, Origin};
use crate::case::Case;
use crate::finding::{Evidence, Finding, FindingId, Rival, Severity};
use crate::words::duration;

/// A reset by the responder that the originator had not asked for.
pub(super) fn screen(case: &Case<'_>) -> bool {
    harmed(case).is_some()
}

/// What the server reset, and the last thing that the client had said and got no answer to.
fn harmed<'a>(case: &Case<'a>) -> Option<(Got<'a>, Sighting)> {
    let got = Got::of(case, Direction::Resp)?;
    let c = got.here.connection;
    let reset = got.reset.at;
    // Before the SYN-ACK it is a refusal; who has closed or reset does not wait for an answer.
    c.flow(Direction::Resp).first.filter(|first| first.frame != reset.frame)?;
    let left = [Some(got.here), got.there].into_iter().flatten().any(|leg| {
        let closed = leg.connection.flow(Direction::Orig).closing();
        closed.is_some_and(|at| {
            leg.connection.flow(Direction::Resp).reset().is_none_or(|r| at.frame < r.at.frame)
        })
    });
    let asked = c.unanswered_request().filter(|asked| asked.frame < reset.frame)?;
    (!left && got.origin != Origin::Between).then_some((got, asked))
}

pub(super) fn examine(case: &Case<'_>) -> Option<Finding> {
    let (got, asked) = harmed(case)?;
    let elsewhere =
        case.strays().next().is_some() || super::foreign_reset::remapped(case).is_some();
    if elsewhere || case.is_bookkeeping(got.here, &asked) {
        return None;
    }
    let c = got.here.connection;
    let (reset, form) = (got.reset.at, got.reset.form);
    let seen_leaving = got.origin == Origin::Sender;
    // A reset that came from nearer than the server is not the server's.
    if !seen_leaving && got.reset.own_ttl == Some(false) {
        return None;
    }
    let fin = c.flow(Direction::Resp).fin.filter(|fin| fin.frame < reset.frame);
    let gone = form == ResetForm::NoSocket && fin.is_none();
    let id = if gone { FindingId::BackendGoneReset } else { FindingId::ServerReset };

    let mut facts: Vec<_> = case.set_up(got.here).into_iter().collect();
    if let Some(fin) = fin {
        facts.push(case.fact(got.here, &fin, "The server had closed its side.".into()));
    }
    let text =
        format!("The client's last {} bytes, which got no answer.", asked.segment.payload_len);
    facts.push(case.fact(got.here, &asked, text));
    let arrival =
        got.there.and_then(|t| t.connection.flow(Direction::Resp).reset().map(|r| (t, r)));
    if let Some((there, left)) = arrival.filter(|_| seen_leaving) {
        let how = match form {
            ResetForm::NoSocket => "as a host without such a connection does",
            _ => "as a host does that aborts a connection it knows",
        };
        facts.push(case.fact(there, &left.at, format!("The server's host sent a reset, {how}.")));
    }
    let text =
        format!("The client got the reset {} later.", duration(reset.time.since(asked.time)));
    if arrival.is_none_or(|(there, _)| there.place != got.here.place) {
        facts.push(case.fact(got.here, &reset, text));
    }

    let sent = "The reset was seen leaving the server.";
    let no_sight = "The server's side was not captured at that time.";
    let mut rivals: Vec<_> = [FindingId::ResetInjected, FindingId::IdleResetByMiddlebox]
        .map(|id| Rival::judged(id, seen_leaving, sent, no_sight))
        .into();
    if form == ResetForm::NoSocket {
        rivals.push(Rival::judged(FindingId::NatExpiredClientSpoke, seen_leaving, sent, no_sight));
        // Another backend has no such connection either.
        let same = arrival.is_some_and(|(there, left)| {
            let first = there.connection.flow(Direction::Resp).first;
            first.is_some_and(|first| first.frame != left.at.frame)
        });
        rivals.push(Rival::judged(
            FindingId::NatRemappedBackend,
            seen_leaving && same,
            "The host that sent the reset had been serving the connection.",
            "The host that sent the reset is not seen to have served the connection before.",
        ));
        // A reset that the client's host sent from elsewhere ends the server's connection, unseen by this leg.
        let whole = case.orig_side().is_some() && seen_leaving;
        rivals.push(Rival::judged(
            FindingId::ConntrackInvalidReply,
            whole,
            "No reply reached the client untranslated, and no reset reached the server.",
            no_sight,
        ));
    }
    let mut would_decide = Vec::new();
    if !seen_leaving {
        would_decide.push("A capture at the server, which shows whether it sent the reset.".into());
    } else if gone {
        would_decide.push("The server's log: whether it was restarted or replaced.".into());
    }
    let scope = case.scope();
    let title = match (gone, fin) {
        (true, _) => format!(
            "The server's host behind {scope} no longer knew the connection and reset it when the client spoke"
        ),
        (false, Some(_)) => {
            format!(
                "The server at {scope} had closed the connection when the client's data came, and reset it"
            )
        }
        (false, None) => format!("The server at {scope} reset the connection instead of answering"),
    };
    let evidence = Evidence { facts, rivals, would_decide, advice: vec![advice::server_closes()] };
    let mut finding = case.finding(id, Severity::Broken, title, evidence);
    if seen_leaving {
        // What the log tells is why, not whether. A host that had not been serving may be the wrong one.
        let open = |r: &Rival| r.id == FindingId::NatRemappedBackend && !r.is_refuted();
        if !finding.rivals.iter().any(open) {
            finding.verdict = Finding::verdict_of(&finding.rivals, &[]);
        }
    }
    Some(finding)
}
