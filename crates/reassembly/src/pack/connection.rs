//! The numbers that connections are made of.

use super::fields::{NOTHING, answer_to, endpoints, frame, sighting, time};
use super::{Code, fields};
use crate::flow::Pointer;
use crate::silence::Silences;
use crate::tracked::Tracked;
use crate::{Connection, Direction, Moment, Pause, Phase, Sighting, Silence, Wait};

/// Whether all of it can be packed.
pub(super) fn is_small(c: &Connection) -> bool {
    c.icmp_errors.is_none() && c.flows.iter().all(|f| f.is_small())
}

/// What is asked of packed connections; first of all, so that it is found quickly.
pub(super) fn head(c: &mut impl Code, connection: &mut Connection) {
    endpoints(c, [&mut connection.orig, &mut connection.resp]);
    frame(c, &mut connection.first_frame, fields::NO_FRAME);
}

/// What is known of it.
pub(super) fn body(c: &mut impl Code, connection: &mut Connection) {
    let [orig, resp] = &mut connection.flows;
    let mut is = [
        orig.first.is_some(),
        resp.first.is_some(),
        connection.longest_pause.is_some(),
        connection.syn_rtt.is_some(),
        connection.ack_rtt.is_some(),
        connection.longest_wait.is_some(),
        connection.silences.is_some(),
        connection.unanswered.is_some(),
        orig.syn_options.is_some(),
        resp.syn_options.is_some(),
        connection.incarnation != 1,
    ];
    c.flags(&mut is);
    let [one, other, paused, syn, ack, waited, silent, unanswered, orig_syn, resp_syn, reused] = is;
    if reused {
        c.small(&mut connection.incarnation);
    } else {
        connection.incarnation = 1;
    }
    let near_first = Sighting { frame: connection.first_frame, ..NOTHING };
    let mut first = near_first;
    if one {
        sighting(c, orig.first.get_or_insert(NOTHING), &near_first);
        first = orig.first.unwrap_or(NOTHING);
    }
    let mut answer = if one { answer_to(&first) } else { near_first };
    if other {
        sighting(c, resp.first.get_or_insert(NOTHING), &answer);
        answer = resp.first.unwrap_or(NOTHING);
    }
    if !one {
        first = answer_to(&answer);
    }
    c.option(&mut orig.syn_options, orig_syn, fields::syn_options);
    c.option(&mut resp.syn_options, resp_syn, fields::syn_options);
    // An end that sent nothing has nothing to tell.
    if one {
        orig.code(c, &first, &answer);
    }
    if other {
        resp.code(c, &answer, &first);
    }
    connection.history.code(c);
    c.option(&mut connection.syn_rtt, syn, |c, nanos| c.near(nanos, 0));
    c.option(&mut connection.ack_rtt, ack, |c, nanos| c.near(nanos, 0));
    if paused {
        let nowhere = Moment { time: first.time, frame: first.frame };
        let pause =
            connection.longest_pause.get_or_insert(Pause { before: nowhere, after: nowhere });
        moment(c, &mut pause.before, nowhere);
        moment(c, &mut pause.after, pause.before);
    }
    let [orig, resp] = &connection.flows;
    let known = [orig.last, resp.last, orig.first, resp.first];
    if waited {
        let nothing = || Box::new(Wait { request: NOTHING, answer: NOTHING });
        let wait = connection.longest_wait.get_or_insert_with(nothing);
        Pointer::code(c, &mut wait.request, &known, &first);
        Pointer::code(c, &mut wait.answer, &known, &answer_to(&wait.request));
    }
    if unanswered {
        let request = connection.unanswered.get_or_insert(NOTHING);
        Pointer::code(c, request, &known, &first);
    }
    if silent {
        silences(c, connection.silences.get_or_insert_default(), &known, [&first, &answer]);
    }
}

/// What its next packets are judged by. Last, as who only looks at the connection does not need it.
pub(super) fn live(c: &mut impl Code, tracked: &mut Tracked) {
    let Tracked { connection, live } = tracked;
    for (i, live) in live.iter_mut().enumerate() {
        let (flow, peer) = (&connection.flows[i], &connection.flows[1 - i]);
        if let Some(first) = flow.first {
            let answer = peer.first.unwrap_or_else(|| answer_to(&first));
            flow.code_live(c, live, &first, &answer);
        }
    }
}

fn moment(c: &mut impl Code, at: &mut Moment, like: Moment) {
    time(c, &mut at.time, like.time);
    frame(c, &mut at.frame, like.frame);
}

fn silences(
    c: &mut impl Code,
    silences: &mut Silences,
    known: &[Option<Sighting>],
    likes: [&Sighting; 2],
) {
    let mut all: Vec<&mut Option<Silence>> = silences.all_mut().collect();
    let mut is: Vec<bool> = all.iter().map(|s| s.is_some()).collect();
    c.flags(&mut is);
    let nothing = Silence {
        before: NOTHING,
        after: NOTHING,
        first_speaker: Direction::Orig,
        phase: Phase::Established,
    };
    for (slot, _) in all.iter_mut().zip(is).filter(|(_, is)| *is) {
        let silence = slot.get_or_insert(nothing);
        let mut is = [silence.first_speaker == Direction::Resp, silence.phase == Phase::HalfClosed];
        c.flags(&mut is);
        silence.first_speaker = Direction::BOTH[usize::from(is[0])];
        silence.phase = if is[1] { Phase::HalfClosed } else { Phase::Established };
        let like = likes[usize::from(is[0])];
        Pointer::code(c, &mut silence.before, known, like);
        Pointer::code(c, &mut silence.after, known, like);
    }
}
