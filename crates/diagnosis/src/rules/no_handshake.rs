//! Handshakes that translation breaks: the SYN-ACK comes from the server's own address (`syn-ack-untranslated`), or a host
//! is led back to itself (`hairpin-broken`).

use crosscap_reassembly::{Connection, Direction, Sighting};

use super::advice;
use crate::case::Case;
use crate::finding::{Evidence, Fact, Finding, FindingId, HungSide, Rival, Severity};

/// A client that got no SYN-ACK from where it asked.
pub(super) fn screen(case: &Case<'_>) -> bool {
    let Some(near) = case.regular().next() else { return false };
    let c = near.connection;
    c.flow(Direction::Orig).isn.is_some() && c.flow(Direction::Resp).first.is_none()
}

pub(super) fn examine(case: &Case<'_>) -> Option<Finding> {
    hairpin(case).or_else(|| untranslated(case))
}

fn hairpin(case: &Case<'_>) -> Option<Finding> {
    let near = case.regular().next()?;
    let back = case.regular().find(|l| {
        l.place != near.place
            && l.leg.point == near.leg.point
            && l.connection.resp.addr == near.connection.orig.addr
    })?;
    let syn = near.connection.flow(Direction::Orig).first?;
    let came = back.connection.flow(Direction::Orig).first?;
    if back.connection.flow(Direction::Resp).first.is_some() {
        return None;
    }
    let from = back.connection.orig;
    let own = from.addr == near.connection.orig.addr;
    let text =
        format!("{} asked for a connection to {}.", near.connection.orig, near.connection.resp);
    let mut facts = vec![case.fact(near, &syn, text)];
    let text = format!(
        "NAT led it back to the host itself, as coming from {from}{}; it was not answered.",
        if own { ", its own address" } else { "" }
    );
    facts.push(case.fact(back, &came, text));
    let rivals = vec![Rival::judged(
        FindingId::ListenQueueOverflow,
        own,
        "A host does not take packets from outside that come from its own address.",
        "The host may not have taken the connection for another reason.",
    )];
    let title =
        format!("{} cannot reach itself through {}", near.connection.orig.addr, case.scope());
    let evidence =
        Evidence { facts, rivals, would_decide: Vec::new(), advice: vec![advice::hairpin()] };
    let mut finding = case.finding(FindingId::HairpinBroken, Severity::Broken, title, evidence);
    finding.hung_side = HungSide::Orig;
    Some(finding)
}

/// The SYN-ACK that is due arrives at the client's point on another connection, from the server's own address.
fn untranslated(case: &Case<'_>) -> Option<Finding> {
    let near = case.orig_side()?;
    let isn = near.connection.flow(Direction::Orig).isn?;
    let answers = case.population.answers(near.leg.point, near.connection.orig);
    let (path, leg, stray) = answers.iter().find_map(|&index| {
        let leg = case.correlation.paths[index].orig_leg();
        let c: Connection = leg.of(&case.correlation.points);
        let answer = c.flow(Direction::Resp).first?;
        let fits = leg.point == near.leg.point
            && c.resp != near.connection.resp
            && answer.segment.ack == isn + 1;
        fits.then_some((index, leg, c))
    })?;
    let answer = stray.flow(Direction::Resp).first?;
    let reset = stray.flow(Direction::Orig).reset();
    let syn = near.connection.flow(Direction::Orig).first?;
    let on_stray = |at: &Sighting, text: String| Fact {
        text,
        path,
        point: leg.point,
        frames: vec![at.frame],
        time: at.time,
    };
    let text =
        format!("{} asked for a connection to {}.", near.connection.orig, near.connection.resp);
    let mut facts = vec![case.fact(near, &syn, text)];
    if let Some(far) = case.resp_side().filter(|f| f.place != near.place)
        && let Some(at) = far.connection.flow(Direction::Resp).first
    {
        facts.push(case.fact(far, &at, format!("{} answered.", far.connection.resp)));
    }
    let text = format!(
        "The answer came from {} instead of {}: it acknowledges this very SYN.",
        stray.resp, near.connection.resp
    );
    facts.push(on_stray(&answer, text));
    if let Some(reset) = &reset {
        let text = format!("{} did not ask {} for anything and reset it.", stray.orig, stray.resp);
        facts.push(on_stray(&reset.at, text));
    }
    let rivals = vec![Rival::judged(
        FindingId::AsymmetricPath,
        false,
        "",
        "Answers may pass no translating node at all, or one that does not translate what its bridge passes on.",
    )];
    let title = format!(
        "No connection to {}: its answer came untranslated, from {}, and the client reset it",
        case.scope(),
        stray.resp
    );
    let would_decide = vec![
        "On the node: whether net.bridge.bridge-nf-call-iptables is 1, and which way answers take."
            .into(),
    ];
    let evidence =
        Evidence { facts, rivals, would_decide, advice: vec![advice::bridge_netfilter()] };
    let mut finding =
        case.finding(FindingId::SynAckUntranslated, Severity::Broken, title, evidence);
    finding.verdict = Finding::verdict_of(&finding.rivals, &[]);
    finding.paths = vec![case.index, path];
    finding.hung_side = HungSide::Orig;
    Some(finding)
}
