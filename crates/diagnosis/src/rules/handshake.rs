//! A SYN or SYN-ACK that got lost (`handshake-lost`, `port-reuse-syn-drop`), or that the server's host did not take
//! (`listen-queue-overflow`).

use crosscap_packet::TcpFlags;
use crosscap_reassembly::{Direction, ResetForm, Sighting};

use super::{advice, no_handshake};
use crate::case::{Case, LegView};
use crate::finding::{Evidence, Finding, FindingId, HungSide, Rival, Severity, Verdict};
use crate::words::{counted, duration};

/// More than one SYN or SYN-ACK.
pub(super) fn screen(case: &Case<'_>) -> bool {
    case.regular().any(|l| Direction::BOTH.iter().any(|d| l.connection.flow(*d).syns > 1))
}

pub(super) fn examine(case: &Case<'_>) -> Option<Finding> {
    // Another rule knows why; and who answers SYNs in place of others has ways of its own.
    let other = case.strays().next().is_some() || case.path.stages() > 1;
    if other || no_handshake::examine(case).is_some() {
        return None;
    }
    let near = case.orig_side()?;
    let Some(far) = case.resp_side().filter(|far| far.place != near.place) else {
        return never_came(case, near);
    };
    lost_syn(case, near, far)
        .or_else(|| lost_syn_ack(case, near, far))
        .or_else(|| case.is_at(far, Direction::Resp).then(|| unheard_ack(case, near, far))?)
        .or_else(|| unheard_syn(case, near, far))
}

/// The SYNs or SYN-ACKs of one end that a leg saw, each with whether another leg saw it too.
fn syns(
    case: &Case<'_>,
    here: LegView<'_>,
    from: Direction,
    there: LegView<'_>,
) -> Vec<(Sighting, bool)> {
    // Of this connection: a leg that lacks packets may run into the next one of the same ends.
    let isn = here.connection.flow(from).isn;
    case.rows_at(here.place)
        .filter(|(row, seen)| {
            let s = &seen.at.segment;
            row.direction == from && s.flags.contains(TcpFlags::SYN) && Some(s.seq) == isn
        })
        .map(|(row, seen)| (seen.at, row.at_leg(there.place).is_some()))
        .collect()
}

/// SYNs of which none came to where the others of the Service go.
fn never_came(case: &Case<'_>, near: LegView<'_>) -> Option<Finding> {
    let c = near.connection;
    let tries: Vec<Sighting> = case.rows_at(near.place).map(|(_, seen)| seen.at).collect();
    let (first, last) = (*tries.first()?, *tries.last()?);
    let silent = c.flow(Direction::Resp).first.is_none() && c.icmp_errors.is_none();
    let asked = c.flow(Direction::Orig).isn.is_some() && c.flow(Direction::Orig).syns > 1;
    let service = case.service();
    let watched = !service.far_points.is_empty()
        && service.far_points.iter().all(|&point| {
            case.covers(point, near.leg.point, first.time)
                && case.covers(point, near.leg.point, last.time)
                && !case.population.is_gappy(point)
        });
    if !silent || !asked || !watched || service.unseen_beyond > 0 {
        return None;
    }
    let what = counted(tries.len() as u64, "SYN");
    let frames: Vec<_> = tries.iter().map(|s| s.frame).collect();
    let text = format!("{what} of {} that got no answer.", c.orig);
    let mut facts = vec![case.fact_of(near.leg.point, &frames, first.time, text)];
    let names: Vec<&str> = service
        .far_points
        .iter()
        .map(|&point| case.correlation.points[point].name.as_str())
        .collect();
    let text = format!(
        "None of them came to {}, where every other connection to {} was seen.",
        names.join(" or "),
        c.resp
    );
    facts.push(case.fact(near, &last, text));
    let rivals = vec![
        Rival::judged(
            FindingId::CaptureIncomplete,
            true,
            "Those captures were running, show every other connection, and are not known to lack any packet.",
            "",
        ),
        Rival::judged(
            FindingId::NatRemappedBackend,
            false,
            "",
            "It may have been led to a backend that was not captured.",
        ),
    ];
    let title = format!("No connection to {}: {what} got lost on the way", case.scope());
    let evidence =
        Evidence { facts, rivals, would_decide: Vec::new(), advice: vec![advice::follow_syn()] };
    let mut finding = case.finding(FindingId::HandshakeLost, Severity::Broken, title, evidence);
    finding.hung_side = HungSide::Orig;
    Some(finding)
}

fn established(leg: LegView<'_>) -> bool {
    let c = leg.connection;
    Direction::BOTH.iter().all(|d| c.flow(*d).isn.is_some())
        && c.flow(Direction::Orig).acked.is_some()
}

/// SYNs that left the client and did not come to the server's side, before one that did.
fn lost_syn(case: &Case<'_>, near: LegView<'_>, far: LegView<'_>) -> Option<Finding> {
    let sent = syns(case, near, Direction::Orig, far);
    let lost: Vec<Sighting> =
        sent.iter().take_while(|(_, came)| !came).map(|(at, _)| *at).collect();
    let came = sent.iter().find(|(_, came)| *came)?.0;
    let first = *lost.first()?;
    if !case.would_show(far, Direction::Orig, near.leg.point, first.time) {
        return None;
    }
    let again = near.connection.incarnation > 1;
    let id = if again { FindingId::PortReuseSynDrop } else { FindingId::HandshakeLost };
    let what = counted(lost.len() as u64, "SYN");
    let waited = duration(came.time.since(first.time));
    let frames: Vec<_> = lost.iter().map(|s| s.frame).collect();
    let text = format!(
        "{what} of {} that did not come to {}.",
        near.connection.orig,
        case.point_name(far)
    );
    let mut facts = vec![case.fact_of(near.leg.point, &frames, first.time, text)];
    let text = format!("The next SYN, {waited} after the first, did.");
    facts.push(case.fact(near, &came, text));
    if let Some(at) = far.connection.flow(Direction::Orig).first {
        facts.push(case.fact(far, &at, "The first SYN that came.".into()));
    }
    let port = match again {
        true => format!(", from port {}, which had been used before,", near.connection.orig.port),
        false => String::new(),
    };
    let title = format!(
        "{what} to {}{port} got lost on the way; connecting took at least {waited} longer",
        case.scope()
    );
    let mut rivals = vec![alive_rival(case, near, far, [&first, &came])];
    if again {
        let text = "A SYN may be lost whatever port it uses.";
        rivals.push(Rival::judged(FindingId::HandshakeLost, false, "", text));
    }
    let evidence =
        Evidence { facts, rivals, would_decide: Vec::new(), advice: vec![advice::follow_syn()] };
    let mut finding = case.finding(id, Severity::Degraded, title, evidence);
    finding.hung_side = HungSide::None;
    Some(finding)
}

/// SYN-ACKs that left the server and did not come to the client.
fn lost_syn_ack(case: &Case<'_>, near: LegView<'_>, far: LegView<'_>) -> Option<Finding> {
    let sent = syns(case, far, Direction::Resp, near);
    let lost: Vec<Sighting> =
        sent.iter().take_while(|(_, came)| !came).map(|(at, _)| *at).collect();
    let (first, last) = (*lost.first()?, *lost.last()?);
    let came = sent.iter().find(|(_, came)| *came).map(|(at, _)| *at);
    // A host that resets a SYN-ACK got it, from whatever address.
    let refused = far.connection.flow(Direction::Orig).reset().is_some_and(|reset| {
        reset.form == ResetForm::NoSocket && reset.at.segment.seq == last.segment.ack
    });
    if refused {
        return None;
    }
    let asked = case.covers(near.leg.point, far.leg.point, first.time)
        && near.connection.flow(Direction::Orig).first.is_some()
        && !case.population.is_gappy(near.leg.point);
    // Where the client got one, it is known that its capture records them.
    if !asked || (came.is_none() && near.connection.flow(Direction::Resp).first.is_some()) {
        return None;
    }
    let what = counted(lost.len() as u64, "SYN-ACK");
    let frames: Vec<_> = lost.iter().map(|s| s.frame).collect();
    let mut facts = Vec::new();
    if let Some(syn) = near.connection.flow(Direction::Orig).first {
        let text =
            format!("{} asked for a connection to {}.", near.connection.orig, near.connection.resp);
        facts.push(case.fact(near, &syn, text));
    }
    let text = format!(
        "{what} of {} that did not come to {}.",
        far.connection.resp,
        case.point_name(near)
    );
    facts.push(case.fact_of(far.leg.point, &frames, first.time, text));
    let alive = alive_rival(case, far, near, [&first, &last]);
    let mut rivals = vec![alive];
    let mut would_decide = Vec::new();
    let (severity, title) = match came {
        Some(came) => {
            facts.push(case.fact(far, &came, "A later one did.".into()));
            let title = format!("{what} from {} got lost on the way", case.scope());
            (Severity::Degraded, title)
        }
        None => {
            let text =
                "None of its answers came: they may take a way on which a device drops them.";
            rivals.push(Rival::judged(FindingId::AsymmetricPath, false, "", text));
            would_decide.push(
                "Captures at the devices between the server and the client: the last one that shows the SYN-ACK drops it."
                    .into(),
            );
            let title = format!(
                "No connection to {}: the server answered {}, and none of the answers reached the client",
                case.scope(),
                if lost.len() == 1 { "once".into() } else { format!("{} times", lost.len()) }
            );
            (Severity::Broken, title)
        }
    };
    let evidence = Evidence { facts, rivals, would_decide, advice: vec![advice::follow_syn()] };
    let mut finding = case.finding(FindingId::HandshakeLost, severity, title, evidence);
    finding.verdict = Finding::verdict_of(&finding.rivals, &[]);
    if came.is_some() {
        finding.hung_side = HungSide::None;
    }
    Some(finding)
}

/// SYNs that came to the server's side and were not answered there.
fn unheard_syn(case: &Case<'_>, near: LegView<'_>, far: LegView<'_>) -> Option<Finding> {
    let came = syns(case, far, Direction::Orig, near);
    let answer = far.connection.flow(Direction::Resp).first;
    let end = answer.map_or(case.correlation.points[far.leg.point].last?, |a| a.time);
    let unheard: Vec<Sighting> =
        came.iter().map(|(at, _)| *at).filter(|at| end.since(at.time) >= ANSWERED_BY).collect();
    let first = *unheard.first()?;
    // Without a packet of the server it is not seen how far away it is.
    let near_server = match answer {
        Some(_) => case.is_at(far, Direction::Resp),
        None => case.regular().all(|l| l.place == far.place || l.leg.point != far.leg.point),
    };
    let shows = near_server
        && case.population.hears(far.leg.point, far.connection.resp.addr)
        && !case.population.is_gappy(far.leg.point)
        && (answer.is_some() || unheard.len() > 1);
    if !shows {
        return None;
    }
    let frames: Vec<_> = unheard.iter().map(|s| s.frame).collect();
    let what = counted(unheard.len() as u64, "SYN");
    let text = format!("{what} came to the server's side and got no answer there.");
    let mut facts = vec![case.fact_of(far.leg.point, &frames, first.time, text)];
    let mut rivals = vec![Rival::judged(
        FindingId::TimestampSynDrop,
        first.segment.timestamps.is_none(),
        "The SYNs have no timestamps to be judged by.",
        "The SYNs have timestamps; a server may drop those that are lower than others from the same address.",
    )];
    let mut id = FindingId::ListenQueueOverflow;
    let mut advice = advice::accept_faster();
    if let Some(answer) = answer {
        let text =
            format!("It answered {} after the first.", duration(answer.time.since(first.time)));
        facts.push(case.fact(far, &answer, text));
        let taken = came.iter().map(|(at, _)| *at).rfind(|at| at.frame < answer.frame);
        if first.segment.timestamps.is_some()
            && taken.is_some_and(|t| t.segment.timestamps.is_none())
        {
            id = FindingId::TimestampSynDrop;
            advice = advice::syn_timestamps();
            let text = "The server answered only the SYN that has no timestamps.";
            rivals = vec![Rival::judged(
                FindingId::ListenQueueOverflow,
                false,
                "",
                "The queue may have had room again by then.",
            )];
            if let Some(taken) = taken {
                facts.push(case.fact(far, &taken, text.into()));
            }
        }
    }
    rivals.push(Rival::judged(
        FindingId::PacketLoss,
        false,
        "",
        "A firewall in the server's own host drops as silently, behind its capture.",
    ));
    let severity = if answer.is_some() { Severity::Degraded } else { Severity::Broken };
    let title = format!(
        "The server behind {} did not answer {what} that had reached its side",
        case.scope()
    );
    let would_decide = vec!["The server's counters: nstat -az TcpExtListenOverflows TcpExtListenDrops TcpExtPAWSPassive.".into()];
    let evidence = Evidence { facts, rivals, would_decide, advice: vec![advice] };
    let mut finding = case.finding(id, severity, title, evidence);
    // What the counters tell is why, not whether.
    finding.verdict = Verdict::Likely;
    finding.hung_side = if answer.is_some() { HungSide::None } else { HungSide::Orig };
    Some(finding)
}

/// SYN-ACKs that the server sent again although the client's ACK, and data, had come.
fn unheard_ack(case: &Case<'_>, near: LegView<'_>, far: LegView<'_>) -> Option<Finding> {
    let c = far.connection;
    let isn = c.flow(Direction::Resp).isn?;
    let sent = syns(case, far, Direction::Resp, near);
    let ack = case
        .rows_at(far.place)
        .map(|(row, seen)| (row.direction, seen.at))
        .find(|(d, at)| {
            *d == Direction::Orig
                && at.segment.flags.contains(TcpFlags::ACK)
                && !at.segment.flags.contains(TcpFlags::RST)
                && at.segment.ack.ahead_of(isn) >= 1
        })?
        .1;
    let again: Vec<Sighting> = sent
        .iter()
        .map(|(at, _)| *at)
        .filter(|at| at.frame > ack.frame && at.time.since(ack.time) >= SYN_ACK_AGAIN)
        .collect();
    let first = *again.first()?;
    let data = case
        .after(far.place, Direction::Orig, ack.frame)
        .map(|(_, at)| *at)
        .find(|at| {
            at.segment.payload_len > 0 && at.frame < again.last().map_or(first.frame, |a| a.frame)
        })
        .or_else(|| (ack.segment.payload_len > 0).then_some(ack));
    let served = c
        .flow(Direction::Resp)
        .acked
        .is_some_and(|a| c.flow(Direction::Orig).isn.is_some_and(|isn| a.ahead_of(isn) > 1));
    let text = "The client's acknowledgement of the SYN-ACK came to the server.";
    let mut facts = vec![case.fact(far, &ack, text.into())];
    if let Some(data) = &data {
        let text =
            format!("So did its data, {}.", counted(data.segment.payload_len.into(), "byte"));
        facts.push(case.fact(far, data, text));
    }
    let frames: Vec<_> = again.iter().map(|s| s.frame).collect();
    let text = format!(
        "The server sent its SYN-ACK again, {}, as though neither had come.",
        if again.len() == 1 { "once".into() } else { format!("{} times", again.len()) }
    );
    facts.push(case.fact_of(far.leg.point, &frames, first.time, text));
    // A server that waits for data before it accepts behaves like that until the data comes.
    let id = FindingId::ListenQueueOverflow;
    if data.is_none() && served {
        return None;
    }
    let rivals = vec![Rival::judged(
        FindingId::PacketLoss,
        data.is_some() && !case.population.is_gappy(far.leg.point),
        "Acknowledgement and data were seen arriving at the server.",
        "Only one acknowledgement was seen arriving; a server that is told to wait for data (TCP_DEFER_ACCEPT) sends its \
         SYN-ACK again as well.",
    )];
    let (severity, how) = match served {
        true => (Severity::Degraded, "for a time"),
        false => (Severity::Broken, "until the capture ends"),
    };
    let title = format!(
        "The server behind {} did not take the connection {how}: its queue of connections to accept was full",
        case.scope()
    );
    let would_decide = match data {
        Some(_) => Vec::new(),
        None => {
            vec!["The server's counters: nstat -az TcpExtListenOverflows TcpExtListenDrops.".into()]
        }
    };
    let evidence = Evidence { facts, rivals, would_decide, advice: vec![advice::accept_faster()] };
    let mut finding = case.finding(id, severity, title, evidence);
    finding.hung_side = if served { HungSide::None } else { HungSide::Orig };
    Some(finding)
}

/// Whether other connections of the host that was not reached show that its side was recorded meanwhile.
fn alive_rival(
    case: &Case<'_>,
    here: LegView<'_>,
    there: LegView<'_>,
    [first, last]: [&Sighting; 2],
) -> Rival {
    let at = |s: &Sighting| case.correlation.reference_estimate(here.leg.point, s.time);
    let around = established(there)
        || [there.connection.orig.addr, there.connection.resp.addr]
            .iter()
            .any(|host| case.population.alive(there.leg.point, *host, at(first), at(last)) > 0);
    Rival::judged(
        FindingId::CaptureIncomplete,
        around,
        "The capture that lacks them recorded this or other connections of the same hosts, and is not known to lack any \
         packet.",
        "Nothing shows that the capture that lacks them was recording at that time.",
    )
}

/// An answer to a SYN comes sooner, nanoseconds: no client tries again before.
const ANSWERED_BY: i64 = 900_000_000;

/// A SYN-ACK that follows the acknowledgement sooner than this crossed it, nanoseconds.
const SYN_ACK_AGAIN: i64 = 500_000_000;
