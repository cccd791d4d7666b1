//! Resets that neither end sent: by a device that forgot an idle connection (`idle-reset-by-middlebox`), by one that
//! objects (`reset-injected`), or by another backend that NAT led the connection to (`nat-remapped-backend`).

use std::cmp::Reverse;

use crosscap_packet::TcpFlags;
use crosscap_reassembly::{Direction, ResetForm, Sighting};

use super::provenance::{Got, Origin};
use super::untranslated::BUSY;
use super::{advice, client_spoke, server_unseen};
use crate::carriers::highest_so_far;
use crate::case::{Case, LegView};
use crate::finding::{Evidence, Finding, FindingId, HungSide, Rival, Severity, Verdict};
use crate::words::{carried, duration};

/// A reset that came from between the points, or a leg at a backend that did not open the connection.
pub(super) fn screen(case: &Case<'_>) -> bool {
    Direction::BOTH
        .iter()
        .any(|d| Got::of(case, *d).is_some_and(|got| got.origin == Origin::Between))
        || remapped(case).is_some()
}

pub(super) fn examine(case: &Case<'_>) -> Option<Finding> {
    if case.strays().next().is_some() {
        return None;
    }
    if let Some([home, other]) = remapped(case) {
        return remap(case, home, other);
    }
    // Of resets at both ends the client's is told first.
    let got = [Direction::Resp, Direction::Orig]
        .into_iter()
        .filter_map(|d| Got::of(case, d))
        .find(|got| got.origin == Origin::Between)?;
    // What came before it, and what provoked it, may have been left out.
    if !case.holds_all(got.here.leg.point) {
        return None;
    }
    // A refusal, or what the translating host says itself.
    let opened = got.here.connection.flow(got.from).first?;
    let own_story = client_spoke::examine(case).is_some()
        || (server_unseen::screen(case) && server_unseen::examine(case).is_some());
    if opened.frame == got.reset.at.frame || own_story {
        return None;
    }
    foreign(case, &got)
}

/// The leg of the backend that opened the connection, and that of another which got a packet of it and reset it.
pub(super) fn remapped<'a>(case: &Case<'a>) -> Option<[LegView<'a>; 2]> {
    let home =
        case.regular().filter(|l| l.connection.flow(Direction::Resp).isn.is_some()).last()?;
    let other = case.regular().find(|l| {
        let c = l.connection;
        let only_resets = c.flow(Direction::Resp).first.map(|s| s.frame)
            == c.flow(Direction::Resp).reset().map(|r| r.at.frame);
        l.leg.point != home.leg.point
            && c.is_midstream()
            && c.resp.addr != home.connection.resp.addr
            && only_resets
            && c.flow(Direction::Resp).reset().is_some_and(|r| r.form == ResetForm::NoSocket)
    })?;
    let near = case.regular().next()?;
    (near.place != home.place && near.connection.resp.addr != other.connection.resp.addr)
        .then_some([home, other])
}

fn remap(case: &Case<'_>, home: LegView<'_>, other: LegView<'_>) -> Option<Finding> {
    let near = case.regular().next()?;
    let sent = other.connection.flow(Direction::Orig).first?;
    let reset = other.connection.flow(Direction::Resp).reset()?.at;
    let (first, second) = (home.connection.resp, other.connection.resp);
    let mut facts = Vec::new();
    if let Some(syn) = home.connection.flow(Direction::Resp).first {
        let text = format!("{first} accepted the connection.");
        facts.push(case.fact(home, &syn, text));
    }
    let text = format!(
        "A packet of the client, {} bytes, came to {second} instead, without a handshake.",
        sent.segment.payload_len
    );
    facts.push(case.fact(other, &sent, text));
    let text = format!("{second} has no such connection and reset it.");
    facts.push(case.fact(other, &reset, text));
    if let Some(got) = near.connection.flow(Direction::Resp).reset() {
        let text = format!("The client got the reset in the name of {}.", near.connection.resp);
        facts.push(case.fact(near, &got.at, text));
    }
    let text = format!("At {} this was the last packet.", case.point_name(home));
    facts.push(case.fact(home, &home.connection.last(), text));
    let seen = "The packet was seen arriving at another backend, and that one's reset leaving.";
    let rivals = [
        FindingId::NatExpiredClientSpoke,
        FindingId::ServerReset,
        FindingId::ResetInjected,
        FindingId::IdleResetByMiddlebox,
    ]
    .map(|id| Rival::judged(id, true, seen, ""))
    .into();
    let title = format!(
        "NAT led the connection to {} from {first} to {second} in the middle, which reset it",
        case.scope()
    );
    let evidence =
        Evidence { facts, rivals, would_decide: Vec::new(), advice: vec![advice::keep_sessions()] };
    let mut finding =
        case.finding(FindingId::NatRemappedBackend, Severity::Broken, title, evidence);
    let told = home.connection.is_reset() || home.connection.is_closed();
    finding.hung_side = if told { HungSide::None } else { HungSide::Resp };
    Some(finding)
}

/// Whether the reset's number lies outside the window of the end that got it, which then ignores it (RFC 5961 §3.2).
fn is_outside(got: &Got<'_>) -> bool {
    let (victim, sender) =
        (got.here.connection.flow(got.from.reverse()), got.here.connection.flow(got.from));
    let (Some(expected), Some(last)) = (victim.acked, victim.last) else { return false };
    let Some(scale) = victim.window_scale(sender) else { return false };
    let ahead = i64::from(got.reset.at.segment.seq.ahead_of(expected));
    // Windows may have been twice as wide before.
    ahead < 0 || ahead > 2 * (i64::from(last.segment.window) << scale) + LEAST_WINDOW
}

/// A later packet of the claimed sender that the end which got the reset acknowledged.
fn goes_on(case: &Case<'_>, got: &Got<'_>) -> Option<Sighting> {
    let acked = got.here.connection.flow(got.from.reverse()).acked?;
    let back = case.after(got.here.place, got.from.reverse(), got.reset.at.frame);
    let mut acks: Vec<_> = back
        .filter(|(_, at)| at.segment.flags.contains(TcpFlags::ACK))
        .map(|(_, at)| (at.frame, at.segment.ack))
        .collect();
    // From the end: what was acknowledged from a frame on.
    acks.sort_unstable_by_key(|(frame, _)| Reverse(*frame));
    highest_so_far(&mut acks);
    case.after(got.here.place, got.from, got.reset.at.frame).map(|(_, at)| *at).find(|at| {
        at.segment.seq_len() > 0
            && !at.segment.flags.contains(TcpFlags::RST)
            && acked.ahead_of(at.segment.seq_end()) >= 0
            && acks[..acks.partition_point(|(frame, _)| *frame > at.frame)]
                .last()
                .is_some_and(|(_, ack)| ack.ahead_of(at.segment.seq_end()) >= 0)
    })
}

fn foreign(case: &Case<'_>, got: &Got<'_>) -> Option<Finding> {
    let there = got.there?;
    let reset = got.reset.at;
    let (claimed, victim) = match got.from {
        Direction::Orig => ("client", "server"),
        Direction::Resp => ("server", "client"),
    };
    let trigger = match got.provoked_by(case) {
        // What did not come through the NAT is not refused by a device that objects.
        Some((row, _)) if row.at_leg(there.place).is_none() && got.from == Direction::Orig => {
            return None;
        }
        provoked => provoked.map(|(_, at)| at),
    };
    let quiet = got.silence_before(case, trigger.as_ref().unwrap_or(&reset))?;
    let idle = quiet >= BUSY;
    let both = Got::of(case, got.from.reverse()).filter(|o| o.origin == Origin::Between);
    let id = if idle { FindingId::IdleResetByMiddlebox } else { FindingId::ResetInjected };

    let mut facts: Vec<_> = case.set_up(got.here).into_iter().collect();
    if idle {
        let last = case
            .rows_at(got.here.place)
            .map(|(_, seen)| seen.at)
            .filter(|at| at.frame < trigger.map_or(reset.frame, |t| t.frame))
            .max_by_key(|at| at.frame)?;
        let text = format!("The last packet of either end; then silence for {}.", duration(quiet));
        facts.push(case.fact(got.here, &last, text));
    }
    if let Some(trigger) = &trigger {
        let text = format!("The {victim} sent its next {}.", carried(&trigger.segment));
        facts.push(case.fact(got.here, trigger, text));
    }
    let own = there.connection.flow(got.from).first.map(|s| s.segment.ttl);
    let usual = got.here.connection.flow(got.from).first.map(|s| s.segment.ttl);
    let ttl = match usual.filter(|&ttl| ttl != reset.segment.ttl) {
        Some(ttl) => format!(
            ", with a time to live of {} where the {claimed}'s packets have {ttl}",
            reset.segment.ttl
        ),
        None => String::new(),
    };
    let text = format!("The {victim} got a reset in the name of the {claimed}{ttl}.");
    facts.push(case.fact(got.here, &reset, text));
    if let Some(both) = &both {
        let text =
            format!("The {claimed} got a reset as well, which the {victim} is not seen to send.");
        facts.push(case.fact(both.here, &both.reset.at, text));
    }
    let text = format!(
        "The capture at {}, on the {claimed}'s side, shows no reset leaving; this was the last packet of the {claimed} there.",
        case.point_name(there)
    );
    let last = there.connection.flow(got.from).last?;
    facts.push(case.fact(there, &last, text));

    // A second reset, or a time to live that is not its own, shows that the sender is another; so does that the claimed
    // one went on.
    let foreign_ttl = got.reset.own_ttl == Some(false) && own.is_some();
    let went_on = goes_on(case, got);
    let ignored = went_on.is_some() || is_outside(got);
    let proven = foreign_ttl || both.is_some() || ignored;
    if let Some(at) = &went_on {
        let text = format!(
            "The {claimed} went on afterwards, and the {victim} took it: the reset was without effect."
        );
        facts.push(case.fact(got.here, at, text));
    }
    let not_seen = format!("The {claimed}'s side was captured and shows no reset leaving.");
    let mut rivals = vec![Rival::judged(
        match got.from {
            Direction::Orig => FindingId::ClientAbort,
            Direction::Resp => FindingId::ServerReset,
        },
        proven,
        &not_seen,
        "The reset is what its host would send, and its capture may lack it.",
    )];
    rivals.push(Rival::judged(
        FindingId::CaptureIncomplete,
        proven && !case.population.is_gappy(got.here.leg.point),
        "The reset's time to live or number, a second reset to the other end, or that the sender went on shows that it came \
         from in between.",
        "Nothing but its absence in one capture says that the reset was not sent there.",
    ));
    if idle {
        let objection = FindingId::ResetInjected;
        let unprovoked = trigger.is_none() || both.is_none();
        rivals.push(Rival::judged(
            objection,
            unprovoked,
            "It came after a silence.",
            "What was sent after the silence may have provoked it.",
        ));
    }
    if got.from == Direction::Resp && got.reset.form == ResetForm::NoSocket {
        // A backend that was not captured has no such connection either, nor has the host of a NAT that forgot it.
        let unprovoked = trigger.is_none() && !case.population.is_gappy(got.here.leg.point);
        let refutation =
            "Both ends were reset, or the client had sent nothing that could be refused.";
        let doubt = "Another backend may have got what the client sent, or the translating host refused it.";
        for id in [
            FindingId::BackendGoneReset,
            FindingId::NatRemappedBackend,
            FindingId::NatExpiredClientSpoke,
        ] {
            rivals.push(Rival::judged(id, both.is_some() || unprovoked, refutation, doubt));
        }
    }
    let what = if both.is_some() { "both ends".to_owned() } else { format!("the {victim}") };
    let title = match id {
        FindingId::IdleResetByMiddlebox => format!(
            "After {} of silence a device in between reset the connection to {} towards {what}; the {claimed} did not",
            duration(quiet),
            case.scope()
        ),
        _ => format!(
            "A device in between reset the connection to {} towards {what}; the {claimed} sent no reset",
            case.scope()
        ),
    };
    let advice = if idle { vec![advice::keep_alive()] } else { vec![advice::find_device()] };
    let evidence = Evidence { facts, rivals, would_decide: Vec::new(), advice };
    let severity = if ignored { Severity::Info } else { Severity::Broken };
    let mut finding = case.finding(id, severity, title, evidence);
    if both.is_none() && !proven {
        // Nothing but an absence speaks for it.
        let like_a_host = got.reset.form == ResetForm::NoSocket && trigger.is_some();
        let most = if like_a_host { Verdict::Possible } else { Verdict::Likely };
        finding.verdict = finding.verdict.max(most);
        let text = "Captures at the devices in between: the reset begins behind one of them.";
        finding.would_decide.push(text.into());
    }
    let open = !there.connection.is_reset() && !there.connection.is_closed();
    finding.hung_side = match (got.from, open) {
        _ if ignored => HungSide::None,
        (_, false) => HungSide::None,
        (Direction::Resp, true) => HungSide::Resp,
        (Direction::Orig, true) => HungSide::Orig,
    };
    Some(finding)
}

/// A window that every end may have had, bytes.
const LEAST_WINDOW: i64 = 65_535;
