//! A SYN that was answered by a reset (`connection-refused`).

use crosscap_reassembly::{Direction, ResetForm};

use super::advice;
use super::provenance::{Got, Origin};
use crate::case::Case;
use crate::finding::{Evidence, Finding, FindingId, HungSide, Rival, Severity};
use crate::words::duration;

/// A responder whose only packets are resets that answer SYNs.
pub(super) fn screen(case: &Case<'_>) -> bool {
    refused(case).is_some()
}

fn refused<'a>(case: &Case<'a>) -> Option<Got<'a>> {
    let got = Got::of(case, Direction::Resp)?;
    let c = got.here.connection;
    let syn = c.flow(Direction::Orig).first?;
    let isn = c.flow(Direction::Orig).isn?;
    let first = c.flow(Direction::Resp).first?.frame == got.reset.at.frame;
    let answers = got.reset.form == ResetForm::Refused
        && got.reset.at.segment.ack == isn + 1
        && syn.frame < got.reset.at.frame;
    (first && answers).then_some(got)
}

pub(super) fn examine(case: &Case<'_>) -> Option<Finding> {
    let got = refused(case)?;
    let c = got.here.connection;
    let syn = c.flow(Direction::Orig).first?;
    let text = format!("{} asked for a connection to {}.", c.orig, c.resp);
    let mut facts = vec![case.fact(got.here, &syn, text)];
    let left = got.there.and_then(|t| Some((t, t.connection.flow(Direction::Resp).reset()?.at)));
    if let Some((there, left)) = left {
        let text = format!("{} refused it: nobody listens there.", there.connection.resp);
        facts.push(case.fact(there, &left, text));
    }
    if left.is_none_or(|(there, _)| there.place != got.here.place) {
        let text =
            format!("The refusal came {} later.", duration(got.reset.at.time.since(syn.time)));
        facts.push(case.fact(got.here, &got.reset.at, text));
    }
    let seen = got.origin == Origin::Sender;
    let rivals = vec![Rival::judged(
        FindingId::ResetInjected,
        seen,
        "The refusal was seen leaving the server.",
        "It is not shown who refused: the server's host, or a node or firewall in between.",
    )];
    let mut would_decide = Vec::new();
    if !seen {
        let text = "A capture at the server; whether the Service had endpoints at that time.";
        would_decide.push(text.into());
    }
    let title = match left {
        Some((there, _)) if seen => format!(
            "The connection to {} was refused: nobody listens at {}",
            case.scope(),
            there.connection.resp
        ),
        _ => format!("The connection to {} was refused", case.scope()),
    };
    let evidence = Evidence { facts, rivals, would_decide, advice: vec![advice::listen()] };
    let mut finding = case.finding(FindingId::ConnectionRefused, Severity::Broken, title, evidence);
    // That it was refused is seen; only by whom may be open.
    finding.verdict = Finding::verdict_of(&finding.rivals, &[]);
    finding.hung_side = HungSide::None;
    Some(finding)
}
